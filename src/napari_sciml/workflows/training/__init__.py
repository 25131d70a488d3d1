"""Train an ensemble: on files, or while somebody paints."""
