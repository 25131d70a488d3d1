"""Fibers corrected by hand, with a way back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_sciml.errors import InputError
from napari_sciml.fibers.geometry.measure import measure_voxels
from napari_sciml.fibers.geometry.remeasure import (
    Box,
    Indices,
    box_around,
    gather,
    neighbors_of,
    place_along,
    spacing_of,
    union,
    voxels_of,
)
from napari_sciml.fibers.geometry.voxels import make_grid
from napari_sciml.fibers.records import FiberRecords

_MOST = 100


@dataclass(frozen=True)
class Edit:
    """A change that can be undone.

    Attributes
    ----------
    text
        What was done, in words.
    position
        Flat indices of the voxels that changed.
    old, new
        Their labels before and after.
    """

    text: str
    position: Indices
    old: NDArray[Any]
    new: NDArray[Any]
    gone: FiberRecords
    came: FiberRecords


class FiberEdits:
    """Labels and their table, which change together.

    Contacts of all fibers stay right; so does the spacing of the changed ones and of
    those that they touch. That of others is renewed when all is measured again.

    Parameters
    ----------
    labels
        ``(z, y, x)`` or ``(y, x)``; is written to.
    table, lines
        As `measuring_steps` gives them.
    boxes
        As from `find_boxes`.
    voxel_size, probability
        As in `measure_fibers`.
    """

    def __init__(
        self,
        labels: NDArray[Any],
        table: pd.DataFrame,
        lines: NDArray[np.float32],
        boxes: Mapping[int, Box],
        *,
        voxel_size: Sequence[float] | None = None,
        probability: NDArray[Any] | None = None,
    ) -> None:
        self.labels = labels
        self._records = FiberRecords(table, lines, boxes)
        self._grid = make_grid(labels.shape, voxel_size)
        self._probability = None if probability is None else probability.reshape(-1)
        self._done: list[Edit] = []
        self._undone: list[Edit] = []

    @property
    def table(self) -> pd.DataFrame:
        """A row a fiber."""
        return self._records.table

    @property
    def lines(self) -> NDArray[np.float32]:
        """Center lines, in the order of the table."""
        return self._records.lines

    @property
    def undo_text(self) -> str:
        """What `undo` would take back; empty where there is nothing."""
        return self._done[-1].text if self._done else ""

    @property
    def redo_text(self) -> str:
        """What `redo` would do again; empty where there is nothing."""
        return self._undone[-1].text if self._undone else ""

    def delete(self, names: Iterable[int]) -> Edit:
        """Take fibers out.

        Raises
        ------
        InputError
            If one does not exist, or none is given.
        """
        chosen = self._known(names)
        position = np.concatenate([self._voxels(name) for name in chosen])
        text = f"delete {_named(chosen)}"
        return self._change(text, position, np.zeros(len(position), np.int64))

    def merge(self, names: Iterable[int]) -> Edit:
        """Make one fiber of several; it keeps the lowest number.

        Raises
        ------
        InputError
            If there are fewer than two, or one does not exist.
        """
        chosen = self._known(names)
        if len(chosen) < 2:
            raise InputError("Choose two fibers or more to make one of them.")
        position = np.concatenate([self._voxels(name) for name in chosen[1:]])
        new = np.full(len(position), chosen[0], np.int64)
        return self._change(f"merge {_named(chosen)}", position, new)

    def cut(self, name: int, place: Sequence[int]) -> Edit:
        """Cut a fiber in two across its center line; the smaller part is new.

        Parameters
        ----------
        name
            Of the fiber.
        place
            A voxel of it, or near it.

        Raises
        ------
        InputError
            If it does not exist, or all of it lies on one side.
        """
        (name,) = self._known([name])
        position = self._voxels(name)
        beyond = self._beyond(name, position, place)
        if beyond.sum() * 2 > len(beyond):
            beyond = ~beyond
        if not beyond.any():
            raise InputError(
                "Nothing lies beyond the place where you clicked: click farther from "
                "the end of the fiber."
            )
        new = int(self.table["label"].max()) + 1
        values = np.full(int(beyond.sum()), new, np.int64)
        return self._change(f"cut fiber {name}", position[beyond], values)

    def painted(self, position: Indices, old: NDArray[Any]) -> Edit | None:
        """Take in what was painted into the labels; None where nothing changed.

        Parameters
        ----------
        position, old
            Flat indices of the painted voxels, each once, and what was there before.
        """
        flat = self.labels.reshape(-1)
        new = flat[position].astype(np.int64)
        if np.array_equal(new, old):
            return None
        flat[position] = old
        return self._change("paint", position, new)

    def undo(self) -> Edit | None:
        """Take the last change back."""
        return self._move(self._done, self._undone, back=True)

    def redo(self) -> Edit | None:
        """Do again what was taken back."""
        return self._move(self._undone, self._done, back=False)

    def _known(self, names: Iterable[int]) -> list[int]:
        chosen = sorted({int(name) for name in names})
        if not chosen:
            raise InputError("Choose a fiber first: click it, or its row in the table.")
        lost = sorted(set(chosen) - set(self.table["label"]))
        if lost:
            raise InputError(f"There is no fiber {lost[0]} any more: choose another.")
        return chosen

    def _voxels(self, name: int) -> Indices:
        return voxels_of(self.labels, name, self._records.boxes[name])

    def _beyond(
        self, name: int, position: Indices, place: Sequence[int]
    ) -> NDArray[np.bool_]:
        """Which voxels lie farther along the center line than a place."""
        flat = len(self._grid.shape) - self.labels.ndim
        index = np.stack(np.unravel_index(position, self._grid.shape), axis=1)
        clicked = np.array([[0] * flat + list(place)])
        line = self.lines[self._records.labels.index(name)]
        cut = place_along(line, clicked * self._grid.spacing)
        return place_along(line, index * self._grid.spacing) > cut

    def _change(self, text: str, position: Indices, new: NDArray[Any]) -> Edit:
        self._make_room(int(new.max(initial=0)))
        flat = self.labels.reshape(-1)
        old = flat[position].copy()
        new = new.astype(flat.dtype)
        touched = set(np.unique(old).tolist()) | set(np.unique(new).tolist())
        touched -= {0}
        before = self._meetings(touched, self._records.boxes)
        flat[position] = new
        around = box_around(position, self.labels.shape)
        boxes = {name: union(self._records.boxes.get(name), around) for name in touched}
        came = self._measured(touched, boxes, before)
        gone = self._records.of(touched | set(came.table["label"]))
        edit = Edit(text, position, old, new, gone, came)
        self._records = self._records.replaced(gone, came)
        self._renew_spacing(edit)
        self._done = [*self._done, edit][-_MOST:]
        self._undone = []
        return edit

    def _make_room(self, largest: int) -> None:
        if largest > np.iinfo(self.labels.dtype).max:
            self.labels = self.labels.astype(np.min_scalar_type(largest))

    def _meetings(
        self, names: set[int], boxes: Mapping[int, Box]
    ) -> dict[int, set[int]]:
        """Other fibers that each of some fibers touches."""
        found = {}
        for name in names & boxes.keys():
            position = voxels_of(self.labels, name, boxes[name])
            found[name] = neighbors_of(self.labels, position) - {name}
        return found

    def _measured(
        self,
        touched: set[int],
        boxes: Mapping[int, Box],
        before: Mapping[int, set[int]],
    ) -> FiberRecords:
        """The touched fibers as they are now, and others that touch them."""
        voxels = gather(self.labels, boxes)
        found = measure_voxels(voxels, self._grid, self._probability)
        after = self._meetings(touched, boxes)
        own = voxels.labels.tolist()
        table = found.table[list(self.table)]
        table["contacts"] = np.array([len(after[n]) for n in own], np.int64)
        others = set().union(*before.values(), *after.values()) - touched
        rows = self._records.of(others)
        change = [
            sum(n in met for met in after.values())
            - sum(n in met for met in before.values())
            for n in rows.table["label"].tolist()
        ]
        near = rows.table.assign(contacts=rows.table["contacts"] + change)
        tight = {
            name: box_around(voxels.position[start:stop], self.labels.shape)
            for name, start, stop in zip(
                own, voxels.start[:-1], voxels.start[1:], strict=True
            )
        }
        near = near.astype(table.dtypes.to_dict())
        touching = FiberRecords(near, rows.lines, rows.boxes)
        return FiberRecords(table, found.lines, tight).joined(touching)

    def _renew_spacing(self, edit: Edit) -> None:
        """Only now are all center lines known."""
        names = edit.came.table["label"]
        rows = np.flatnonzero(np.isin(self.table["label"], names)).tolist()
        radii = self.table["radius"].to_numpy(np.float64)
        found = spacing_of(rows, self.lines, radii)
        spacing = self.table["spacing"].to_numpy(np.float64).copy()
        spacing[rows] = [found[row] for row in rows]
        table = self.table.assign(spacing=spacing)
        self._records = replace(self._records, table=table)
        by_name = dict(zip(self.table["label"], spacing, strict=True))
        edit.came.table["spacing"] = [by_name[name] for name in names]

    def _move(self, source: list[Edit], target: list[Edit], back: bool) -> Edit | None:
        if not source:
            return None
        edit = source.pop()
        target.append(edit)
        flat = self.labels.reshape(-1)
        flat[edit.position] = edit.old if back else edit.new
        sides = (edit.came, edit.gone) if back else (edit.gone, edit.came)
        self._records = self._records.replaced(*sides)
        return edit


def _named(names: Sequence[int]) -> str:
    if len(names) == 1:
        return f"fiber {names[0]}"
    if len(names) > 4:
        return f"{len(names)} fibers"
    return f"fibers {', '.join(map(str, names[:-1]))} and {names[-1]}"
