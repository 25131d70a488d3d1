"""What has changed in an annotation, from one revision to the next."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LabelChange:
    """Voxels whose label is another one now.

    Attributes
    ----------
    revision
        Of the annotation after the change.
    indices
        ``(n,)`` int64, sorted and unique: places in the annotation, flat in C order.
    values
        ``(n,)`` uint8: the new labels; 0 = not annotated any more.
    """

    revision: int
    indices: np.ndarray
    values: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    def apply_to(self, labels: np.ndarray) -> None:
        """Write the change into a C-contiguous annotation."""
        np.ravel(labels, order="K")[self.indices] = self.values


def merged(changes: Sequence[LabelChange]) -> LabelChange:
    """Several changes, the oldest first, as one; at least one is needed."""
    indices = np.concatenate([change.indices for change in changes])
    values = np.concatenate([change.values for change in changes])
    # The last change of a voxel counts, so look from the end.
    found, last = np.unique(indices[::-1], return_index=True)
    return LabelChange(changes[-1].revision, found, values[::-1][last])
