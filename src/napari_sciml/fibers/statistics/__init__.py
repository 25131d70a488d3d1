"""Distributions of lengths and directions, with intervals."""
