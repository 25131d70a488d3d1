"""The Fill dock."""
