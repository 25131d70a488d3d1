"""Sort images and patches into classes, over arrays and files."""
