"""Rate the focus: on arrays and on files."""
