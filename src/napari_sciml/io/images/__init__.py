"""Read images and labels of many kinds, by blocks where the format allows it."""
