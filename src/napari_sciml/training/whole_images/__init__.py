"""Train on whole images instead of scribbles."""
