"""What the stages write: probabilities, masks, instances, tables."""
