"""Keep a project beside the viewer, and bring one back."""
