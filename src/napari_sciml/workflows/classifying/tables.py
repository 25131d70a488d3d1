"""Tables of examples, and tables of what was sorted."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.escape import csv_rows, for_csv, from_cell
from napari_sciml.images.volume import SPATIAL_AXES
from napari_sciml.json_files import UnreadableError, read_file

if TYPE_CHECKING:
    from napari_sciml.classification.learning import Classified
    from napari_sciml.exploring.result import Explored

IMAGE, CLASS, GROUP, PATCH = "image", "class", "group", "patch"
HEADER = (IMAGE, CLASS, "probability", "std", "possible")
MOST_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Example:
    """An image, its class, and what it belongs to; "" = to nothing else."""

    image: Path
    label: str
    group: str = ""


@dataclass(frozen=True)
class ExampleTable:
    """What a table of examples holds: its columns, and its lines with their numbers."""

    path: Path
    columns: tuple[str, ...]
    lines: tuple[tuple[int, dict[str, str]], ...]

    @property
    def of_patches(self) -> bool:
        """Whether the examples are patches of an exploration."""
        return PATCH in self.columns


def read_table(table: Path) -> ExampleTable:
    """Read a table of examples, of images or of patches.

    Raises
    ------
    InputError
        Names what is wrong.
    """
    try:
        text = read_file(table, limit=MOST_BYTES).decode()
    except UnreadableError as error:
        raise InputError(
            f"The table {table} cannot be read ({error.reason}): give a CSV file with "
            "the columns image and class."
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"The table {table} is no text in UTF-8: save it so."
        ) from error
    names, rows = csv_rows(text)
    what = PATCH if PATCH in names else IMAGE
    missing = [column for column in (what, CLASS) if column not in names]
    if missing:
        raise InputError(
            f"The table {table} has no column '{missing[0]}': its first line must be "
            "image,class or image,class,group, or for an exploration patch,class."
        )
    lines = []
    for row in rows:
        cells = {name: from_cell(str(row.get(name) or "").strip()) for name in names}
        if not cells[what] or not cells[CLASS]:
            raise InputError(
                f"Line {rows.line_num} of {table} must name {_a(what)} and its class."
            )
        lines.append((rows.line_num, cells))
    if not lines:
        raise InputError(f"The table {table} names no {what}: give a line for each.")
    return ExampleTable(table, tuple(names), tuple(lines))


def image_examples(table: ExampleTable) -> list[Example]:
    """Examples that are images, looked for beside the table."""
    folder = table.path.parent
    return [
        Example(folder / cells[IMAGE], cells[CLASS], cells.get(GROUP, ""))
        for _, cells in table.lines
    ]


def patch_examples(table: ExampleTable, count: int) -> dict[str, np.ndarray]:
    """Numbers of the patches of each class, ascending.

    Parameters
    ----------
    table
        With the columns patch and class.
    count
        How many patches there are.

    Raises
    ------
    InputError
        When there is no such patch, or one has two classes.
    """
    found: dict[int, str] = {}
    for line, cells in table.lines:
        try:
            number = int(cells[PATCH])
        except ValueError:
            number = -1
        if not 0 <= number < count:
            raise InputError(
                f"Line {line} of {table.path} names the patch {cells[PATCH]!r}, but "
                f"they are numbered from 0 to {count - 1}."
            )
        if found.setdefault(number, cells[CLASS]) != cells[CLASS]:
            raise InputError(
                f"Line {line} of {table.path} gives the patch {number} a second class: "
                "leave one of the two out."
            )
    return by_class(found)


def by_class(labels: Mapping[int, str]) -> dict[str, np.ndarray]:
    """Numbers of each class, ascending, the classes in the order they come."""
    made: dict[str, list[int]] = {}
    for number, name in labels.items():
        made.setdefault(name, []).append(number)
    return {name: np.sort(np.array(rows, np.intp)) for name, rows in made.items()}


def write_examples(path: Path, examples: Mapping[str, np.ndarray]) -> None:
    """Write which patches were given as examples of which class."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((PATCH, CLASS))
        for name, rows in examples.items():
            writer.writerows((int(row), for_csv(name)) for row in rows)


def write_sorted(
    path: Path,
    images: Sequence[str],
    names: Sequence[str],
    found: "Classified",
    more: Mapping[str, Sequence[object]] | None = None,
) -> None:
    """Write a row an image or patch.

    Parameters
    ----------
    path
        CSV to write.
    images
        Name of the image of each row.
    names, found
        Classes, and what is said of each row.
    more
        Further columns.
    """
    more = more or {}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        shares = (for_csv(f"p {name}") for name in names)
        writer.writerow([*HEADER, *more, *shares])
        for row, image in enumerate(images):
            mean, best = found.mean[row], int(found.mean[row].argmax())
            possible = zip(names, found.sets[row], strict=True)
            told = "|".join(name for name, own in possible if own)
            numbers = f"{mean[best]:.4f}", f"{found.std[row, best]:.4f}"
            own = for_csv(image), for_csv(names[best]), *numbers, for_csv(told)
            others = [column[row] for column in more.values()]
            writer.writerow([*own, *others, *(f"{share:.4f}" for share in mean)])


def write_points(
    path: Path,
    explored: "Explored",
    images: Sequence[str],
    names: Sequence[str],
    found: "Classified",
) -> None:
    """Write a row for each point of an exploration.

    Parameters
    ----------
    path
        CSV to write.
    explored
        The exploration.
    images
        Name of the image of each point.
    names, found
        Classes, and what is said of each.
    """
    more = {}
    if not explored.several:
        more = place_columns(np.arange(len(explored)), explored.places)
    write_sorted(path, images, names, found, more)


def place_columns(
    numbers: np.ndarray, places: np.ndarray
) -> dict[str, Sequence[object]]:
    """Columns for the numbers of patches, and their centers in voxels."""
    axes = SPATIAL_AXES[places.shape[1]]
    where = {axis: column.tolist() for axis, column in zip(axes, places.T, strict=True)}
    return {PATCH: numbers.tolist(), **where}


def _a(what: str) -> str:
    return "an image" if what == IMAGE else "a patch"
