"""What networks are trained on: channels, crops, augmentation."""
