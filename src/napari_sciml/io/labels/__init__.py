"""Annotations as files: check what is read, write for other programs."""
