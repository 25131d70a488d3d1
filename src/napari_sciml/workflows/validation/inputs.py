"""What a validation reads: a model, an image and labels that fit together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError, one_line
from napari_sciml.images.volume import Volume
from napari_sciml.io.atomic import resolved
from napari_sciml.io.images.label_map import LabelMap
from napari_sciml.io.models.folder import load_model, read_record
from napari_sciml.io.results.outputs import check_output
from napari_sciml.workflows.training.scans import Scan, TrainingFiles
from napari_sciml.workflows.validation.check import check_axes

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.training.config import TrainingConfig

INSTEAD = "paint others, or cross-check them with --folds 5"
SAME_LABELS = f"These strokes trained the model, so they are no test of it: {INSTEAD}."
SAME_IMAGE = (
    "The model was trained on this image: strokes that it has learned from are no "
    f"test of it; if these are such, {INSTEAD}."
)


@dataclass(frozen=True)
class ValidationFiles:
    """What a validation reads, and where its results go.

    Attributes
    ----------
    model, image, labels
        Files to read.
    out
        Folder to write; none if None.
    class_names
        Names of the labels 1, 2 …; those of the model if None.
    ignore, mapping
        As in `napari_sciml.workflows.training.files.train_model`.
    overwrite
        Whether the folder may replace what another command wrote.
    """

    model: Path
    image: Path
    labels: Path
    out: Path | None = None
    class_names: Sequence[str] | None = None
    ignore: Sequence[int] = ()
    mapping: LabelMap | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class ValidationInputs:
    """What `ValidationFiles` hold.

    Attributes
    ----------
    ensemble, record
        The model, and what is known of it.
    volume
        The image.
    annotation
        Labels in the classes of the model.
    cautions
        What a person should know of the files.
    before
        Strokes that were painted before a prediction was shown; None if not told.
    """

    ensemble: "Ensemble"
    record: dict[str, Any]
    volume: Volume
    annotation: Scribbles
    cautions: tuple[str, ...]
    before: int | None

    @classmethod
    def read(cls, files: ValidationFiles) -> "ValidationInputs":
        """Open the files.

        Raises
        ------
        InputError
            When they cannot be read or do not fit together, or the results cannot be
            written.
        """
        sources = (files.model, files.image, files.labels)
        if files.out is not None:
            check_output(
                files.out,
                "validation",
                inputs=sources,
                overwrite=files.overwrite,
                folder=True,
            )
        ensemble, record = load_model(files.model), read_record(files.model)
        given = TrainingFiles.read(
            [Scan(files.image, files.labels)],
            class_names=files.class_names or ensemble.class_names,
            ignore=files.ignore,
            mapping=files.mapping,
        )
        (volume,) = given.volumes
        check_axes(ensemble.dims, volume)
        ensemble.check_channels(volume.data)
        annotation = in_classes(given.annotation, given.class_names, ensemble)
        return cls(ensemble, record, volume, annotation, given.cautions, given.before)


def in_classes(
    annotation: Scribbles, names: Sequence[str], ensemble: "Ensemble"
) -> Scribbles:
    """Give labels the numbers that their classes have in a model.

    Parameters
    ----------
    annotation
        Labels.
    names
        Of its classes 1, 2 …
    ensemble
        The model.

    Raises
    ------
    InputError
        When it lacks a class that is labeled.
    """
    known = ensemble.class_names
    if tuple(names) == known:
        return annotation
    table = np.zeros(256, np.uint8)
    for value in annotation.counts:
        name = names[value - 1]
        if name not in known:
            raise InputError(
                f"The model has no class {name!r}; it has {', '.join(known)}: name the "
                "labels with --classes, or leave some out with --ignore."
            )
        table[value] = known.index(name) + 1
    return Scribbles(annotation.shape, annotation.indices, table[annotation.values])


def trained_on_these(
    record: Mapping[str, Any], files: ValidationFiles, volume: Volume
) -> tuple[str, ...]:
    """Say where a model has learned from the labels that it is to be judged by.

    Parameters
    ----------
    record
        What is known of the model; docks do not know the files.
    files, volume
        What it is judged by.
    """
    scans = record.get("scans")
    known = scans if isinstance(scans, list) and scans else [record]
    known = [scan for scan in known if isinstance(scan, dict)]
    if any(_is_file(scan.get("labels"), files.labels) for scan in known):
        return (SAME_LABELS,)
    if any(_is_file(scan.get("image"), files.image) for scan in known):
        return (SAME_IMAGE,)
    if all(scan.get("image") is None for scan in known):
        alike = record.get("shape") == list(volume.shape)
        return (SAME_IMAGE,) if alike else ()
    return ()


def are_own_labels(
    record: Mapping[str, Any], files: ValidationFiles, volume: Volume
) -> bool:
    """Whether what a model knows of its strokes holds for the labels of a validation.

    Parameters
    ----------
    record, files, volume
        As of `trained_on_these`. Of several images it knows the strokes of all
        together only.
    """
    if record.get("scans"):
        return False
    if record.get("labels") is not None:
        return _is_file(record["labels"], files.labels)
    shape = record.get("shape")  # scripts do not know it
    return record.get("image") is None and shape in (None, list(volume.shape))


def _is_file(known: Any, path: Path) -> bool:
    return isinstance(known, str) and resolved(Path(known)) == resolved(path)


def settings_of(
    record: Mapping[str, Any],
    *,
    seconds: float | None,
    device: str,
    threads: int | None,
) -> "TrainingConfig":
    """Settings that a model was trained with, for others like it.

    Parameters
    ----------
    record
        What is known of the model.
    seconds
        Of a training, instead of the model's own budget.
    device, threads
        Where to compute.

    Raises
    ------
    InputError
        When they are not known, or damaged.
    """
    from napari_sciml.training.config import TrainingConfig

    stored = record.get("config")
    if not isinstance(stored, Mapping):
        raise InputError(
            "The model does not tell the settings that it was trained with, so no "
            "others like it can be trained: train it anew."
        )
    changes: dict[str, Any] = {"device": device, "threads": threads}
    if seconds is not None:
        changes |= {"seconds": seconds, "steps": None}
    try:
        return TrainingConfig.model_validate({**stored, **changes})
    except ValidationError as error:
        raise InputError(
            f"The settings of the model are damaged ({one_line(error)}): train it anew."
        ) from error
