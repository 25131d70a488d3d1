"""The map of patches, in a viewer."""
