"""Qt helpers that know nothing of the program: docks, forms, plots, runner."""
