"""From a mask to numbered fibers."""
