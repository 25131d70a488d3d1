"""How good a training is, and what its probabilities mean."""
