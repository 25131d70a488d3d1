"""Geometry of single fibers: center lines, lengths, shapes, contacts."""
