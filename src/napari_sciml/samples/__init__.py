"""Sample data: phantoms with known truth, human-like scribbles, real volumes."""
