"""Connected components by the fastest library that gets them right."""

from typing import Any

import cc3d
import numpy as np
from numpy.typing import NDArray
from skimage import measure

ORDER = {4: 1, 8: 2, 6: 1, 18: 2, 26: 3}


def connected_components(image: NDArray[Any], connectivity: int) -> NDArray[Any]:
    """Number the connected voxels of equal value; 0 stays 0.

    Images, and volumes that are one row, go to scikit-image: with 8 neighbors cc3d
    4.1 gives several labels to one component (in 43 of 300 random masks), and of a
    row it says "maximum length exception".

    Parameters
    ----------
    image
        ``(y, x)`` with connectivity 4 or 8, ``(z, y, x)`` with 6, 18 or 26.
    """
    if image.ndim == 2 or sum(n > 1 for n in image.shape) < 2:
        return measure.label(image, background=0, connectivity=ORDER[connectivity])
    # cc3d refuses read-only arrays, such as memory-mapped files.
    writable = np.require(image, requirements="W")
    return cc3d.connected_components(writable, connectivity=connectivity)
