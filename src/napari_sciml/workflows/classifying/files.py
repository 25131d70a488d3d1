"""Sort images of files, or patches of an exploration, into classes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.classification.config import COVERAGE
from napari_sciml.errors import InputError
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.models.image_classes import load_image_classes, save_image_classes
from napari_sciml.io.provenance import provenance
from napari_sciml.io.results.explored_files import read_exploration, read_names
from napari_sciml.io.results.outputs import check_output
from napari_sciml.progress import Report, exhaust, map_progress, subrange
from napari_sciml.workflows.batch.inputs import find_images
from napari_sciml.workflows.classifying.images import (
    InNumbers,
    asked_of,
    check_one,
    describe_all,
)
from napari_sciml.workflows.classifying.tables import (
    Example,
    ExampleTable,
    image_examples,
    patch_examples,
    place_columns,
    read_table,
    write_sorted,
)

if TYPE_CHECKING:
    from napari_sciml.classification.described import Described
    from napari_sciml.classification.learning import Classified, ImageClasses

MODEL_FILE = "model.json"


@dataclass(frozen=True)
class _Asked:
    """What is to be sorted, and where the answers go; see `classify_files`."""

    images: Sequence[Path]
    out: Path
    model_out: Path | None
    coverage: float
    seed: int
    overwrite: bool
    report: Report

    def check_outputs(self, inputs: Sequence[Path]) -> None:
        """Make sure that nothing is lost that is not ours."""
        out, overwrite = self.out, self.overwrite
        check_output(out, "classification", inputs=inputs, overwrite=overwrite)
        if self.model_out is not None:
            read = [*inputs, out]
            check_output(
                self.model_out, "model", inputs=read, overwrite=overwrite, folder=True
            )


@dataclass(frozen=True)
class _Result:
    """What was sorted: by what, and what is written of it."""

    model: "ImageClasses"
    of: "Described | None"
    found: "Classified"
    images: Sequence[str]
    more: dict[str, Sequence[object]]
    held_out_by: str | None


def classify_files(
    source: Path,
    images: Sequence[Path],
    out: Path,
    *,
    model_out: Path | None = None,
    coverage: float = COVERAGE,
    seed: int = 0,
    overwrite: bool = False,
    report: Report = lambda done, words: None,
) -> dict[str, Any]:
    """Sort images, or patches of them, into classes.

    Parameters
    ----------
    source
        What is learned from: a CSV of examples with the columns image and class, and
        perhaps group, whose files are looked for beside it; or with patch and class,
        for patches of an exploration. Or the folder of a model that was kept.
    images
        Files, folders or patterns; for examples that are patches, the folder that
        `explore` wrote.
    out
        CSV to write, a row an image or patch: class, its probability and standard
        deviation over the members, and the classes that are possible at the coverage.
    model_out
        Folder to keep what was learned in.
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
    if out.suffix.lower() != ".csv":
        raise InputError(f"{out} is to be a table: give a name that ends with .csv.")
    asked = _Asked(images, out, model_out, coverage, seed, overwrite, report)
    if source.is_dir() or (source / MODEL_FILE).exists():
        if model_out is not None:
            raise InputError("The model is kept already: leave --model-out out.")
        result = _by_model(source, asked)
    else:
        table = read_table(source)
        work = _patches if table.of_patches else _whole_images
        result = work(table, asked)
    with atomic_path(out) as path:
        names = result.model.names
        write_sorted(path, result.images, names, result.found, result.more)
    if model_out is not None:
        _keep(result, model_out, source, seed)
    return _summary(out, result, coverage)


def _whole_images(table: ExampleTable, asked: _Asked) -> _Result:
    from napari_sciml.classification.described import Described
    from napari_sciml.classification.learning import learn_classes

    examples = image_examples(table)
    found = find_images(asked.images, out=asked.out).paths
    asked.check_outputs([table.path, *(one.image for one in examples), *found])
    paths = list(dict.fromkeys([*(one.image for one in examples), *found]))
    seen = describe_all(paths, asked.report)
    known = [seen[one.image] for one in examples]
    _check_alike(examples, known)
    grouped = any(one.group for one in examples)
    groups = [one.group or str(one.image) for one in examples] if grouped else None
    rows = np.stack([row.numbers for row in known])
    labels = [one.label for one in examples]
    learning = subrange(0.9, 1, learn_classes(rows, labels, groups, seed=asked.seed))
    model = exhaust(map_progress(learning, lambda done: asked.report(done, "learning")))
    of = Described(kind="images", axes=known[0].axes, channels=known[0].channels)
    looked_at = [seen[image] for image in found]
    for path, row in zip(found, looked_at, strict=True):
        check_one(path, row, of, "the examples")
    numbers = np.stack([row.numbers for row in looked_at])
    said = model.classify(numbers, asked.coverage)
    by = "group" if grouped else "image"
    return _Result(model, of, said, [str(path) for path in found], {}, by)


def _patches(table: ExampleTable, asked: _Asked) -> _Result:
    from napari_sciml.workflows.classifying.patches import (
        check_kept,
        described,
        sort_steps,
    )

    if len(asked.images) != 1:
        raise InputError(
            "Examples that are patches belong to one exploration: give the folder that "
            "explore wrote, and nothing else."
        )
    folder = asked.images[0]
    asked.check_outputs([table.path, folder])
    explored = read_exploration(folder)
    if explored.several:
        raise InputError(
            f"{folder} is of several images: give a table of examples with the columns "
            "image and class, and the images."
        )
    if asked.model_out is not None:
        check_kept(described(explored, ()))
    examples = patch_examples(table, len(explored))
    steps = sort_steps(explored, examples, coverage=asked.coverage, seed=asked.seed)
    done = exhaust(map_progress(steps, lambda share: asked.report(share, "learning")))
    names = read_names(folder)
    more = place_columns(np.arange(len(explored)), explored.places)
    by = "fiber" if explored.objects else "place"
    return _Result(done.model, done.of, done.found, names, more, by)


def _by_model(folder: Path, asked: _Asked) -> _Result:
    from napari_sciml.classification.learning import Classified

    images = find_images(asked.images, out=asked.out).paths
    asked.check_outputs([folder, *asked.images, *images])
    model = load_image_classes(folder)
    names: list[str] = []
    parts: list[Classified] = []
    numbers: list[np.ndarray] = []
    places: list[np.ndarray] = []
    for done, path in enumerate(images):
        asked.report(done / len(images), path.name)
        rows, where = asked_of(model, path)
        parts.append(model.classes.classify(rows, asked.coverage))
        names += [str(path)] * len(rows)
        numbers.append(np.arange(len(rows)))
        places.append(where)
    found = Classified(
        *(
            np.concatenate([getattr(one, name) for one in parts])
            for name in ("mean", "std", "sets")
        )
    )
    patches = model.of.kind == "patches"
    together = np.concatenate(numbers), np.concatenate(places)
    more = place_columns(*together) if patches else {}
    return _Result(model.classes, model.of, found, names, more, None)


def _check_alike(examples: Sequence[Example], rows: Sequence[InNumbers]) -> None:
    for one, row in zip(examples, rows, strict=True):
        if (row.axes, row.channels) != (rows[0].axes, rows[0].channels):
            raise InputError(
                f"{one.image} has other axes or channels than {examples[0].image}: "
                "give examples of one kind."
            )


def _keep(result: _Result, model_out: Path, source: Path, seed: int) -> None:
    from napari_sciml.classification.described import ClassModel
    from napari_sciml.workflows.classifying.patches import check_kept

    of = check_kept(result.of)
    record = {"provenance": provenance(examples=source, seed=seed)}
    save_image_classes(ClassModel(result.model, of), model_out, record)


def _summary(out: Path, result: _Result, coverage: float) -> dict[str, Any]:
    model, found = result.model, result.found
    too_few = (
        f"The examples are too few to promise {coverage:.0%}: every class is possible "
        "everywhere; give more, or ask for less."
    )
    counts = np.bincount(found.best, minlength=len(model.names))
    held_out = model.held_out
    return {
        "table": str(out),
        "images": dict(zip(model.names, counts.tolist(), strict=True)),
        "not_sure": int((found.sets.sum(1) != 1).sum()),
        "coverage": coverage,
        "held_out_by": result.held_out_by,
        "held_out": held_out.figures.as_dict(model.names),
        "accuracy_interval": held_out.interval,
        "in_words": held_out.sentence,
        "cautions": [] if found.promises else [too_few],
    }
