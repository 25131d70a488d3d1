"""Fill the gaps of detectors, with an uncertainty for each filled pixel."""
