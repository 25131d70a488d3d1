"""Explore patches of images, over arrays and files."""
