"""Fibers of volumes that are larger than memory: the same answer as in one piece."""
