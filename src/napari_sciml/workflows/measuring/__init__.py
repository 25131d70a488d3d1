"""Number and measure fibers: on arrays and on files."""
