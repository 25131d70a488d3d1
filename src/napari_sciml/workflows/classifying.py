"""Sort images of files into classes, from a table of examples."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.escape import csv_rows, for_csv, from_cell
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.results.outputs import check_output
from napari_sciml.json_files import UnreadableError, read_file
from napari_sciml.progress import Report
from napari_sciml.workflows.batch.inputs import find_images

if TYPE_CHECKING:
    from napari_sciml.classification.learning import Classified, ImageClasses

COLUMNS = ("image", "class")
GROUP = "group"
MOST_BYTES = 16 * 2**20
HEADER = ("image", "class", "probability", "std", "possible")
COVERAGE = 0.9


@dataclass(frozen=True)
class Example:
    """An image, its class, and what it belongs to; "" = to nothing else."""

    image: Path
    label: str
    group: str = ""


def classify_files(
    table: Path,
    images: Sequence[Path],
    out: Path,
    *,
    coverage: float = COVERAGE,
    seed: int = 0,
    overwrite: bool = False,
    report: Report = lambda done, words: None,
) -> dict[str, Any]:
    """Learn classes from examples and sort other images into them.

    Parameters
    ----------
    table
        CSV of examples with the columns image and class, and perhaps group; files are
        looked for beside it.
    images
        Files, folders or patterns.
    out
        CSV to write, a row an image: class, its probability and standard deviation
        over the members, and the classes that are possible at the coverage.
    coverage
        Share of images whose possible classes shall hold the true one.
    seed
        Of the trees.
    overwrite
        Whether another result of ours may be replaced.
    report
        Gets the progress.

    Returns
    -------
    dict
        Held-out figures and counts, JSON-able.

    Raises
    ------
    InputError
        When files cannot be read, do not fit together, or there are too few examples.
    """
    from napari_sciml.classification.learning import learn_classes

    if out.suffix.lower() != ".csv":
        raise InputError(f"{out} is to be a table: give a name that ends with .csv.")
    examples, found = read_examples(table), find_images(images, out=out).paths
    inputs = [table, *(one.image for one in examples), *found]
    check_output(out, "classification", inputs=inputs, overwrite=overwrite)
    paths = list(dict.fromkeys([*(one.image for one in examples), *found]))
    rows = {}
    for number, image in enumerate(paths):
        report(0.9 * number / len(paths), image.name)
        rows[image] = _described(image)
    known = [rows[one.image] for one in examples]
    _check_alike(examples, known)
    grouped = any(one.group for one in examples)
    groups = [one.group or str(one.image) for one in examples] if grouped else None
    learning = learn_classes(
        np.stack(known), [one.label for one in examples], groups, seed=seed
    )
    while True:
        try:
            report(0.9 + 0.1 * next(learning), "learning")
        except StopIteration as finished:
            model: ImageClasses = finished.value
            break
    asked = _stacked([rows[image] for image in found], found, model)
    sorted_ = model.classify(asked, coverage)
    with atomic_path(out) as path:
        _write(path, found, model.names, sorted_)
    return _summary(out, model, sorted_, coverage, grouped)


def read_examples(table: Path) -> list[Example]:
    """Read a table of examples.

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
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise InputError(
            f"The table {table} has no column '{missing[0]}': its first line must be "
            "image,class or image,class,group."
        )
    found = []
    for row in rows:
        cells = {name: from_cell(str(row.get(name) or "").strip()) for name in names}
        if not cells["image"] or not cells["class"]:
            raise InputError(
                f"Line {rows.line_num} of {table} must name an image and its class."
            )
        image = table.parent / cells["image"]
        found.append(Example(image, cells["class"], cells.get(GROUP, "")))
    if not found:
        raise InputError(f"The table {table} names no image: give a line for each.")
    return found


def _described(path: Path) -> np.ndarray:
    from napari_sciml.classification.description import describe_image

    volume = open_volume(path)
    try:
        return describe_image(volume.data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def _check_alike(examples: Sequence[Example], rows: Sequence[np.ndarray]) -> None:
    for one, row in zip(examples, rows, strict=True):
        if len(row) != len(rows[0]):
            raise InputError(
                f"{one.image} has other axes or channels than {examples[0].image}: "
                "give examples of one kind."
            )


def _stacked(
    rows: Sequence[np.ndarray], paths: Sequence[Path], model: "ImageClasses"
) -> np.ndarray:
    for row, path in zip(rows, paths, strict=True):
        if len(row) != model.forest.features:
            raise InputError(
                f"{path} has other axes or channels than the examples: leave it out."
            )
    return np.stack(rows)


def _write(
    path: Path, images: Sequence[Path], names: Sequence[str], found: "Classified"
) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([*HEADER, *(for_csv(f"p {name}") for name in names)])
        for image, mean, std, possible in zip(
            images, found.mean, found.std, found.sets, strict=True
        ):
            best = int(mean.argmax())
            told = "|".join(n for n, own in zip(names, possible, strict=True) if own)
            numbers = [f"{mean[best]:.4f}", f"{std[best]:.4f}"]
            shares = [f"{share:.4f}" for share in mean]
            own = [for_csv(str(image)), for_csv(names[best])]
            writer.writerow([*own, *numbers, for_csv(told), *shares])


def _summary(
    out: Path,
    model: "ImageClasses",
    found: "Classified",
    coverage: float,
    grouped: bool,
) -> dict[str, Any]:
    too_few = (
        f"The examples are too few to promise {coverage:.0%}: every class is possible "
        "everywhere; give more, or ask for less."
    )
    counts = np.bincount(found.mean.argmax(1), minlength=len(model.names))
    return {
        "table": str(out),
        "images": dict(zip(model.names, counts.tolist(), strict=True)),
        "not_sure": int((found.sets.sum(1) != 1).sum()),
        "coverage": coverage,
        "held_out_by": "group" if grouped else "image",
        "held_out": model.held_out.as_dict(model.names),
        "cautions": [too_few] if bool(found.sets.all()) else [],
    }
