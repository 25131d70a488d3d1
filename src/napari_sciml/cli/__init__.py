"""The command line: options and their help, and one call each into the stages."""
