"""Explain a voxel of a file."""
