"""Touching fibers taken apart along their center lines."""
