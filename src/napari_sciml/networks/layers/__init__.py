"""Layers that networks are made of, on the fast path of a CPU."""
