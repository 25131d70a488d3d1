"""Restore images: on arrays, and from file to file."""
