"""The Focus dock."""
