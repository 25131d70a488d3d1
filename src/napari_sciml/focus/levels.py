"""The eleven levels of defocus: diameters of blur in pixels."""

LEVELS = 11
STEP = 3.0
"""Pixels of blur diameter from one level to the next."""
DIAMETERS = tuple(1.0 + STEP * level for level in range(LEVELS))
"""Blur diameter of each level, in pixels: 1, 4, … 31."""
IN_FOCUS_LEVELS = 3
"""Levels 0 to 2 (1, 4 and 7 pixels) count as acceptable focus."""
TILE = 84
"""Edge of a tile, in pixels."""


def defocus_of_level(level: float, *, na: float, index: float, pixel: float) -> float:
    """Distance from focus that blurs like a level.

    Parameters
    ----------
    level
        Level, 0 to 10; may be fractional.
    na, index
        Numerical aperture and refractive index of the medium.
    pixel
        Edge of a pixel in the sample, in any unit of length.

    Returns
    -------
    float
        Distance along the optical axis in the unit of ``pixel``, from
        ``diameter = 2 z NA / n`` (geometric optics, small angles).
    """
    return level * STEP * pixel * index / (2 * na)
