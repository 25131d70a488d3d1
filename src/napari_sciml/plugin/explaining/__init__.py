"""Why? in the viewer: a click in the image, and what speaks for its class."""
