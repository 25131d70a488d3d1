"""The docks of the viewer: each takes the controllers that it needs."""
