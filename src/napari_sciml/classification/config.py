"""What docks and commands share; importing it imports nothing."""

COVERAGE = 0.9
"""Share of images whose possible classes shall hold the true one, unless told else."""
MOST_EXAMPLES = 1000
"""Patches of a class that are learned from: more take long, and lie side by side."""
