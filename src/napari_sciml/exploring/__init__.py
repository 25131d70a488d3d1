"""Patches of images as points: described, mapped to a plane, grouped."""
