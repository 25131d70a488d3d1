"""The project folder: all that was painted and trained on an image."""
