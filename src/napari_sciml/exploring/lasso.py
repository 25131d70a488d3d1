"""Which points lie in a lasso."""

import numpy as np


class Inside:
    """Answers for many lassos over the same points, quickly.

    Points are put in the order of their height once: each edge of a lasso then looks
    only at those beside it.

    Parameters
    ----------
    plane
        ``(n, 2)``: x and y.
    """

    def __init__(self, plane: np.ndarray) -> None:
        self._order = np.argsort(plane[:, 1], kind="stable")
        self._x, self._y = plane[self._order].astype(np.float64).T

    def polygon(self, corners: np.ndarray) -> np.ndarray:
        """Give the indices of the points in a polygon, ascending.

        A point is inside where a line to its left crosses the outline an odd number of
        times.

        Parameters
        ----------
        corners
            ``(k, 2)``: x and y; the last one is joined to the first one.
        """
        odd = np.zeros(len(self._x), bool)
        ends = np.roll(corners, -1, axis=0)
        for (x0, y0), (x1, y1) in zip(corners.tolist(), ends.tolist(), strict=True):
            if y0 == y1:
                continue
            low, high = np.searchsorted(self._y, sorted((y0, y1)))
            y = self._y[low:high]
            odd[low:high] ^= self._x[low:high] > x0 + (y - y0) * ((x1 - x0) / (y1 - y0))
        return np.sort(self._order[odd])
