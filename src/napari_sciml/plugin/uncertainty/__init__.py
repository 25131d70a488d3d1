"""The Uncertainty dock."""
