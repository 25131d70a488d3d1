"""The images and labels that a training reads, one or several."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.escape import csv_rows
from napari_sciml.images.checks import check_finite
from napari_sciml.images.label_values import count_values
from napari_sciml.images.mosaic import Mosaic
from napari_sciml.images.volume import Volume, unique
from napari_sciml.io.atomic import resolved
from napari_sciml.io.images.label_map import LabelMap
from napari_sciml.io.images.reading import open_labels, open_volume
from napari_sciml.io.images.stacks.stated_size import StatedSize, disagreements
from napari_sciml.io.labels.checks import (
    THE_IMAGE,
    check_apart,
    classes_missing,
    is_same,
    label_cautions,
    name_classes,
)
from napari_sciml.io.labels.painted_before import strokes_before
from napari_sciml.json_files import UnreadableError, read_file

if TYPE_CHECKING:
    from napari_sciml.training.config import TrainingConfig

COLUMNS = ("image", "labels")
MOST_BYTES = 16 * 2**20
"""Of a table of scans."""


@dataclass(frozen=True)
class Scan:
    """Files of an image and of its labels."""

    image: Path
    labels: Path


@dataclass(frozen=True)
class TrainingFiles:
    """What a training reads.

    Attributes
    ----------
    scans
        The files.
    volumes
        The image of each.
    image
        Array-like of the one image, or a mosaic of all.
    annotation
        Labels of it.
    counts
        Voxels of each label value, in all images.
    class_names
        One for each label value in use, at least.
    cautions
        What a person should know of the files.
    before
        Strokes that were painted before a prediction was shown; None = all, or no
        file of labels tells.
    """

    scans: tuple[Scan, ...]
    volumes: tuple[Volume, ...]
    image: Any
    annotation: Scribbles
    counts: dict[int, int]
    class_names: tuple[str, ...]
    cautions: tuple[str, ...] = ()
    before: int | None = None

    @classmethod
    def read(
        cls,
        scans: Sequence[Scan],
        *,
        class_names: Sequence[str] | None = None,
        ignore: Sequence[int] = (),
        mapping: LabelMap | None = None,
    ) -> "TrainingFiles":
        """Open the files; of each, only the labeled voxels stay in memory.

        Raises
        ------
        InputError
            When they cannot be read, do not fit together, or cannot be trained on.
        """
        _check_distinct(scans)
        opened = [_Opened.open(scan, ignore, mapping) for scan in scans]
        found = [(one.scan.labels, one.values) for one in opened]
        counts, names = name_classes(found, class_names)
        doubts = [one.doubts(names, alone=len(opened) == 1) for one in opened]
        missing = classes_missing(
            [path for path, _ in found], counts, names, unnamed=class_names is None
        )
        volumes = tuple(one.volume for one in opened)
        return cls(
            tuple(scans),
            volumes,
            *_together(opened),
            counts,
            names,
            unique(*(one.cautions for one in opened), _sizes(scans, volumes), missing)
            + unique(*doubts),
            _before(opened),
        )

    def settings(self, config: "TrainingConfig") -> "TrainingConfig":
        """Settings with what the labels tell, where these do not say it themselves."""
        if config.before is not None:
            return config
        return config.model_copy(update={"before": self.before})


@dataclass(frozen=True)
class _Opened:
    """One image with its labels, the voxels of each value, and whether both are one."""

    scan: Scan
    volume: Volume
    labels: Scribbles
    values: Mapping[int, int]
    is_image: bool
    cautions: tuple[str, ...]
    before: int | None

    @classmethod
    def open(
        cls, scan: Scan, ignore: Sequence[int], mapping: LabelMap | None
    ) -> "_Opened":
        check_apart(scan.image, scan.labels)
        volume = open_volume(scan.image)
        given = open_labels(scan.labels, volume.shape, ignore, mapping)
        check_finite(volume.data)
        before, changed = strokes_before(scan.labels), bool(len(ignore) or mapping)
        of_image = StatedSize.of(volume, scan.image)
        differ = disagreements(of_image, [StatedSize.of(given, scan.labels)])
        return cls(
            scan,
            volume,
            Scribbles.from_dense(given.data),
            {int(v): n for v, n in count_values(given.data).items()},
            is_same(volume.data, given.data),
            unique(volume.cautions, given.cautions, differ, _untold(before, changed)),
            None if changed else before,
        )

    def doubts(self, names: Sequence[str], *, alone: bool) -> tuple[str, ...]:
        """Whether there is anything to learn; of several images, with the name."""
        said = self.scan.image.name
        if self.is_image:
            raise InputError(THE_IMAGE.format(self.scan.labels))
        indices, values = self.labels.indices, self.labels.values
        try:
            doubts = label_cautions(self.volume.data, indices, values, names)
        except InputError as error:
            raise error if alone else InputError(f"{said}: {error}") from error
        return doubts if alone else tuple(f"{said}: {doubt}" for doubt in doubts)


def _together(opened: Sequence[_Opened]) -> tuple[Any, Scribbles]:
    from napari_sciml.training.data.gathering import gathered_labels

    if len(opened) == 1:
        return opened[0].volume.data, opened[0].labels
    mosaic = Mosaic([])
    for one in opened:
        try:
            mosaic.add(one.volume.data)
        except InputError as error:
            raise InputError(f"{one.scan.image}: {error}") from error
    return mosaic, gathered_labels(mosaic, [one.labels for one in opened])


def _before(opened: Sequence[_Opened]) -> int | None:
    """Of several images, those without a word were painted in advance."""
    if all(one.before is None for one in opened):
        return None
    counts = [len(one.labels.strokes()) for one in opened]
    told = [one.before for one in opened]
    before = sum(
        n if before is None else min(n, before)
        for n, before in zip(counts, told, strict=True)
    )
    return before if before < sum(counts) else None


def _untold(before: int | None, changed: bool) -> tuple[str, ...]:
    """Where labels are left out or joined, a number of strokes says nothing."""
    if before is None or not changed:
        return ()
    return (
        f"The labels tell that {before} of their strokes were painted before a "
        "prediction was shown, but not how many are left with --ignore or --map: all "
        "count as painted before one, unless train is told --before.",
    )


def _check_distinct(scans: Sequence[Scan]) -> None:
    if not scans:
        raise InputError("Give at least one image and its labels.")
    places = [resolved(scan.image) for scan in scans]
    for number, place in enumerate(places):
        if place in places[:number]:
            raise InputError(
                f"{scans[number].image} was given twice: put all of its labels into "
                "one file."
            )


def _sizes(scans: Sequence[Scan], volumes: Sequence[Volume]) -> tuple[str, ...]:
    """A caution where images were recorded with voxels of other sizes."""
    stated = [
        StatedSize.of(volume, scan.image)
        for scan, volume in zip(scans, volumes, strict=True)
    ]
    return tuple(
        f"{stated[0].source} has voxels of {stated[0].text}, but {one.source} of "
        f"{one.text}: the same structure takes another number of voxels there, so "
        "resample one of them, or train on each alone."
        for one in stated[1:]
        if stated[0].differs(one)
    )


def in_pairs(files: Sequence[Path]) -> list[Scan]:
    """Take files as images, each with its labels after it.

    Raises
    ------
    InputError
        When the last image has no labels.
    """
    if len(files) % 2:
        raise InputError(
            "Give the labels after each image: train IMAGE LABELS [IMAGE LABELS ...]; "
            f"there are none after {files[-1]}."
        )
    return [Scan(a, b) for a, b in zip(files[::2], files[1::2], strict=True)]


def read_table(path: Path) -> list[Scan]:
    """Read a table of scans: CSV with the columns image and labels.

    Parameters
    ----------
    path
        Of the table; files in it are looked for beside it. Commas or semicolons.

    Raises
    ------
    InputError
        Names the line.
    """
    try:
        text = read_file(path, limit=MOST_BYTES).decode()
    except UnreadableError as error:
        raise _unreadable(path, error.reason) from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, "it is no text in UTF-8") from error
    scans = list(_rows(path, text))
    if not scans:
        raise InputError(f"The table {path} names no scan: give a line for each.")
    return scans


def _unreadable(path: Path, reason: str) -> InputError:
    return InputError(
        f"The table {path} cannot be read ({reason}): give a CSV file with the columns "
        f"{' and '.join(COLUMNS)}."
    )


def _rows(path: Path, text: str) -> Iterable[Scan]:
    names, rows = csv_rows(text)
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise InputError(
            f"The table {path} has no column '{missing[0]}': its first line must be "
            f"{','.join(COLUMNS)}."
        )
    for row in rows:
        if not any(isinstance(cell, str) and cell.strip() for cell in row.values()):
            continue
        cells = [row[column].strip() for column in COLUMNS]
        if not all(cells):
            raise InputError(
                f"Line {rows.line_num} of {path} must name an image and its labels."
            )
        yield Scan(*(path.parent / cell for cell in cells))


def facts_of_scans(files: TrainingFiles) -> dict[str, Any]:
    """What the record of a model keeps of where it learned."""
    if len(files.scans) == 1:
        return {"image": files.scans[0].image, "labels": files.scans[0].labels}
    return {
        "scans": [
            {
                "image": scan.image,
                "labels": scan.labels,
                "shape": list(volume.shape),
                "voxel_size": list(volume.voxel_size),
                "unit": volume.unit,
            }
            for scan, volume in zip(files.scans, files.volumes, strict=True)
        ]
    }


def inputs_of(scans: Sequence[Scan]) -> list[Path]:
    """All files."""
    return [path for scan in scans for path in (scan.image, scan.labels)]


def labeled_by_image(files: TrainingFiles) -> list[int]:
    """Labeled voxels of each image."""
    if not isinstance(files.image, Mosaic):
        return [len(files.annotation)]
    numbers = files.image.numbers_of(files.annotation.indices)
    return np.bincount(numbers, minlength=len(files.scans)).tolist()
