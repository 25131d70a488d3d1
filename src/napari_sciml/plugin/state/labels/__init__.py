"""What is painted: its layer, its classes, its revisions."""
