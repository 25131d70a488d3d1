"""Runs the model at hand on many files."""
