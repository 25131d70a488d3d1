"""Layers of the viewer: which can be used, how ours lie on them."""
