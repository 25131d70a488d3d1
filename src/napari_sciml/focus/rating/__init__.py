"""Rate the tiles of an image, and say what a rating means."""
