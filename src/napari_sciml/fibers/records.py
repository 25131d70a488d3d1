"""What is known of each fiber, and how some of it is replaced."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.fibers.geometry.remeasure import Box


@dataclass(frozen=True)
class FiberRecords:
    """Table, center lines and boxes of n fibers.

    Attributes
    ----------
    table
        As `measure_fibers` gives it.
    lines
        ``(n, 33, 3)``, in the order of the table.
    boxes
        Bounding box of each label.
    """

    table: pd.DataFrame
    lines: NDArray[np.float32]
    boxes: Mapping[int, Box]

    @property
    def labels(self) -> list[int]:
        """Labels in the order of the table."""
        return list(self.table["label"].tolist())

    def of(self, names: Iterable[int]) -> "FiberRecords":
        """Those of the fibers that exist among some labels."""
        chosen = np.isin(self.table["label"], sorted(names))
        table = self.table[chosen].reset_index(drop=True)
        boxes = {name: self.boxes[name] for name in table["label"].tolist()}
        return FiberRecords(table, self.lines[chosen], boxes)

    def joined(self, other: "FiberRecords") -> "FiberRecords":
        """These, and then others."""
        return FiberRecords(
            _stacked([self.table, other.table]),
            np.concatenate([self.lines, other.lines]),
            {**self.boxes, **other.boxes},
        )

    def replaced(self, gone: "FiberRecords", came: "FiberRecords") -> "FiberRecords":
        """Some taken out and others put in, by ascending label."""
        kept = self.of(set(self.labels) - set(gone.labels)).joined(came)
        order = np.argsort(kept.table["label"].to_numpy(), kind="stable")
        table = kept.table.iloc[order].reset_index(drop=True)
        return FiberRecords(table, kept.lines[order], kept.boxes)


def _stacked(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """One below the other; an empty one would change the kinds of columns."""
    filled = [table for table in tables if len(table)]
    if not filled:
        return tables[0].reset_index(drop=True)
    return pd.concat(filled, ignore_index=True)
