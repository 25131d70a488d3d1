"""Restoring: measure the noise of an image, and remove only what is noise."""
