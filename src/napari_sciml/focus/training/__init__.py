"""Train a focus network on images blurred by known amounts."""
