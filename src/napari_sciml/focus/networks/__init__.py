"""Networks that rate a tile, and readers of the original weights."""
