"""Fill the gaps of detectors, over files."""
