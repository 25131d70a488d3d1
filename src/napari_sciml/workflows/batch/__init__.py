"""Many files, one after the other, into one folder."""
