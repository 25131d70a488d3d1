"""Folders with a file for each slice."""
