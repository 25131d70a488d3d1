"""Whether a model can be relied on: on another image, and on labels."""
