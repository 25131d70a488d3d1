"""Sort whole images into classes, from a few examples."""
