"""Keep what is sure: on arrays, and on predictions on disk."""
