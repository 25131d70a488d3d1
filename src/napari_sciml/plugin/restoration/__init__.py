"""Restoring in a viewer."""
