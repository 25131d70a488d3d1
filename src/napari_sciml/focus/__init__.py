"""Which parts of an image can be trusted: focus quality, tile by tile."""
