"""The docks: thin faces on the stages, and one session of state a viewer."""
