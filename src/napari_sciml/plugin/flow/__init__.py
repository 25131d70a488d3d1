"""The whole job in one dock: which step is next, and why."""
