"""What the label values mean."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.escape import MAX_NAME, csv_rows, for_csv, from_cell, plain

UNLABELED = 0
"""Value of a voxel that nobody has annotated."""

BACKGROUND = 1
"""Value of the first class, which is what surrounds the objects."""

DEFAULT_CLASSES = ("background", "fiber")
"""Names of the classes; the label value of a class is its index plus one."""

DEFAULT_COLORS = (
    "#3d8bfd",
    "#ff9f1c",
    "#2ec27e",
    "#8bd17c",
    "#a178df",
    "#f6d32d",
    "#33c7de",
    "#e01b24",
    "#b5835a",
)
"""Of the classes that were given no other one."""

MAX_CLASSES = 9
"""As many as there are number keys."""

CSV_COLUMNS = ("label", "name", "color")

_COLOR = re.compile(r"#[0-9a-f]{6}")


def class_name(text: str) -> str:
    """Name of a class from what someone typed: one line, no signs that steer.

    Raises
    ------
    InputError
        When nothing is left, or it is too long for a legend.
    """
    name = plain(text)
    if not name:
        raise InputError("Each class needs a name of its own.")
    if len(name) > MAX_NAME:
        raise InputError(
            f"The name of a class may have {MAX_NAME} signs, but '{name[:20]}…' has "
            f"{len(name)}: shorten it."
        )
    return name


def class_names(text: str) -> tuple[str, ...]:
    """Names of classes from a text with commas; empty parts do not count.

    Raises
    ------
    InputError
        When one cannot be used, or comes twice.
    """
    names = tuple(class_name(part) for part in text.split(",") if part.strip())
    for name in names:
        if names.count(name) > 1:
            raise InputError(
                f"The name '{name}' is given to two classes: give each its own."
            )
    return names


@dataclass(frozen=True)
class LabelClass:
    """One class.

    Attributes
    ----------
    name
        On one line, without spaces at its ends.
    color
        ``#rrggbb``.

    Raises
    ------
    InputError
        When the name is empty or the color is none.
    """

    name: str
    color: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", class_name(self.name))
        object.__setattr__(self, "color", self.color.strip().lower())
        if not _COLOR.fullmatch(self.color):
            raise InputError(
                f"The color '{self.color}' of class '{self.name}' is none: write it as "
                "#rrggbb, for instance #ff9f1c."
            )


@dataclass(frozen=True)
class ClassTable:
    """The classes of an annotation; the first one has the label value 1.

    Every operation gives a new table. The ones that move labels also give the new
    value of each old one, as an array of 256.

    Raises
    ------
    InputError
        For no class, more than `MAX_CLASSES`, or a name that comes twice.
    """

    classes: tuple[LabelClass, ...]

    def __post_init__(self) -> None:
        if not self.classes:
            raise InputError("There must be one class at least.")
        if len(self.classes) > MAX_CLASSES:
            raise InputError(f"More than {MAX_CLASSES} classes are not possible.")
        if len(set(self.names)) < len(self.names):
            raise InputError("Each class needs a name of its own.")

    @classmethod
    def of(cls, names: Sequence[str], colors: Sequence[str] = ()) -> "ClassTable":
        """Make a table; classes without a color get one that is free."""
        table = [LabelClass(n, c) for n, c in zip(names, colors, strict=False)]
        for name in names[len(table) :]:
            table.append(LabelClass(name, _free_color([c.color for c in table])))
        return cls(tuple(table))

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """In the order of the label values."""
        return tuple(c.name for c in self.classes)

    @property
    def colors(self) -> tuple[str, ...]:
        """In the order of the label values."""
        return tuple(c.color for c in self.classes)

    def color_of(self, label: int) -> str:
        """Color of a label value, also of one that is no class yet."""
        if 1 <= label <= len(self):
            return self.classes[label - 1].color
        return DEFAULT_COLORS[(label - 1) % len(DEFAULT_COLORS)]

    def added(self, name: str, color: str | None = None) -> "ClassTable":
        """One more class, with the next label value."""
        new = LabelClass(name, color or _free_color(self.colors))
        return ClassTable((*self.classes, new))

    def renamed(self, label: int, name: str) -> "ClassTable":
        """Another name for a class."""
        return self._replaced(label, name=name)

    def recolored(self, label: int, color: str) -> "ClassTable":
        """Another color for a class."""
        return self._replaced(label, color=color)

    def removed(self, label: int) -> tuple["ClassTable", np.ndarray]:
        """Without a class: its labels become 0, higher ones move down by one."""
        index = self._index(label)
        table = ClassTable(self.classes[:index] + self.classes[index + 1 :])
        values = np.arange(256, dtype=np.uint8)
        values[label] = UNLABELED
        values[label + 1 : len(self) + 1] -= 1
        return table, values

    def merged(self, label: int, into: int) -> tuple["ClassTable", np.ndarray]:
        """Without a class whose labels go to another one."""
        if self._index(label) == self._index(into):
            raise InputError("Choose another class to merge this one into.")
        table, values = self.removed(label)
        values[label] = values[into]
        return table, values

    def _replaced(self, label: int, **fields: str) -> "ClassTable":
        classes = list(self.classes)
        index = self._index(label)
        classes[index] = replace(classes[index], **fields)
        return ClassTable(tuple(classes))

    def _index(self, label: int) -> int:
        if not 1 <= label <= len(self):
            raise InputError(f"There is no class {label}.")
        return label - 1


def _free_color(taken: Sequence[str]) -> str:
    free = [color for color in DEFAULT_COLORS if color not in taken]
    return free[0] if free else DEFAULT_COLORS[len(taken) % len(DEFAULT_COLORS)]


DEFAULT_TABLE = ClassTable.of(DEFAULT_CLASSES)


def to_csv(table: ClassTable) -> str:
    """Write classes as text: ``label,name,color``, a line a class."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for label, one in enumerate(table.classes, start=1):
        writer.writerow((label, for_csv(one.name), one.color))
    return text.getvalue()


def from_csv(text: str) -> ClassTable:
    """Read what `to_csv` writes; commas or semicolons, lines in any order.

    Raises
    ------
    InputError
        Names the line.
    """
    names, rows = csv_rows(text)
    missing = [name for name in ("label", "name") if name not in names]
    if missing:
        raise InputError(
            f"Line 1: the column '{missing[0]}' is missing; the first line must be "
            f"{','.join(CSV_COLUMNS)}."
        )
    found: dict[int, LabelClass] = {}
    for row in rows:
        label = _label_in(row["label"], rows.line_num)
        if label in found:
            raise InputError(f"Line {rows.line_num}: label {label} comes twice.")
        color = row.get("color", "").strip() or DEFAULT_COLORS[label - 1]
        try:
            found[label] = LabelClass(from_cell(row["name"]), color)
            ClassTable(tuple(found.values()))
        except InputError as error:
            raise InputError(f"Line {rows.line_num}: {error}") from error
    if sorted(found) != list(range(1, len(found) + 1)):
        gap = next(n for n in range(1, MAX_CLASSES + 1) if n not in found)
        raise InputError(f"Label {gap} is missing: number the classes 1, 2, 3 …")
    return ClassTable(tuple(found[label] for label in sorted(found)))


def _label_in(text: str, line: int) -> int:
    text = text.strip()
    if not text.isdecimal() or not 1 <= int(text) <= MAX_CLASSES:
        raise InputError(
            f"Line {line}: the label '{text}' must be a number from 1 to {MAX_CLASSES}."
        )
    return int(text)
