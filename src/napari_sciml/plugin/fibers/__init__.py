"""The Fibers dock."""
