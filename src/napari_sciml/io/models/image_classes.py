"""Trees that sort images or patches into classes, as a folder like other models."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.errors import InputError, first_line
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.models.files import (
    DESCRIPTION_FILE,
    read_description,
    read_weights,
    serialize,
    write_model_files,
)
from napari_sciml.io.models.image_model import CLASSES
from napari_sciml.io.provenance import jsonable

if TYPE_CHECKING:
    from napari_sciml.classification.described import ClassModel
    from napari_sciml.classification.judging import HeldOutScore
    from napari_sciml.training.evaluation.metrics import Report

TASK, PART = "classify", CLASSES
MOST_CLASSES = 1000


class _Stored(BaseModel):
    """Of ``model.json``: what is not in the trees."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...] = Field(min_length=2, max_length=MOST_CLASSES)
    trees: dict[str, Any]
    of: dict[str, Any]
    conformal: dict[str, Any]
    held_out: dict[str, Any]
    groups: int = Field(ge=0)
    examples: int = Field(ge=0)


def save_image_classes(
    model: "ClassModel", path: str | Path, record: Mapping[str, Any] | None = None
) -> None:
    """Write learned classes, whole or not at all.

    Parameters
    ----------
    model
        What was learned.
    path
        Folder to make; an older model there is replaced.
    record
        What is worth knowing about the learning; made JSON-able.

    Raises
    ------
    InputError
        When the folder cannot be written.
    """
    classes, held_out = model.classes, model.classes.held_out
    stored = {
        "names": classes.names,
        "trees": classes.forest.description(),
        "of": model.of,
        "conformal": classes.conformal,
        "held_out": held_out.figures.as_dict(classes.names),
        "groups": held_out.groups,
        "examples": held_out.examples,
    }
    whole = {"task": TASK, PART: stored, "record": record or {}}
    weights = serialize(classes.forest)
    with atomic_path(path) as folder:
        folder.mkdir()
        write_model_files(folder, weights, jsonable(whole))


def load_image_classes(path: str | Path) -> "ClassModel":
    """Read learned classes.

    Parameters
    ----------
    path
        The folder.

    Raises
    ------
    InputError
        When the folder is no such model, was written by a newer version, or is
        damaged.
    """
    from napari_sciml.networks.trees.forest import Forest

    path = Path(path)
    description = read_description(path)
    if PART not in description:
        raise InputError(
            f"{path} is no model that sorts images into classes: choose one that "
            "classify or the Explore dock has saved."
        )
    state = read_weights(path, description)
    try:
        stored = _Stored.model_validate(description[PART])
        forest = Forest.from_description(stored.trees)
        forest.load_state_dict(state)
        forest.check()
        return _model(stored, forest.eval())
    except InputError:
        raise
    except Exception as error:  # an edited description fails in many ways
        raise InputError(
            f"The classes described in {path / DESCRIPTION_FILE} cannot be used "
            f"({first_line(error)}); save the model again."
        ) from error


def _model(stored: _Stored, forest: Any) -> "ClassModel":
    from napari_sciml.classification.described import ClassModel, Described
    from napari_sciml.classification.learning import MEMBERS, TREES, ImageClasses
    from napari_sciml.uncertainty.calibration import ConformalCalibration

    of = Described.model_validate(stored.of)
    conformal = ConformalCalibration.model_validate(stored.conformal)
    count = len(stored.names)
    fits = (
        forest.classes == count == len(conformal.by_class)
        and len(forest.nodes) == MEMBERS * TREES
        and (of.kind == "images" or len(of.center) == forest.features)
        and len(of.center) == len(of.spread)
    )
    if not fits:
        raise ValueError("its parts do not fit together")
    held_out = _held_out(stored)
    return ClassModel(ImageClasses(forest, stored.names, held_out, conformal), of)


def _held_out(stored: _Stored) -> "HeldOutScore":
    from napari_sciml.classification.judging import HeldOutScore

    figures = _figures(stored.held_out, stored.names)
    return HeldOutScore(figures, stored.groups, stored.examples, stored.names)


def _figures(told: dict[str, Any], names: tuple[str, ...]) -> "Report":
    from napari_sciml.training.evaluation.metrics import BY_CLASS, OVERALL, Report

    confusion = np.array(told["confusion"], np.int64)
    if confusion.shape != (len(names),) * 2 or (confusion < 0).any():
        raise ValueError("the counts of held-out examples do not fit the classes")
    figures: dict[str, Any] = {
        key: tuple(_number(told["classes"][name][key]) for name in names)
        for key in BY_CLASS
    }
    figures |= {key: _number(told[key]) for key in OVERALL}
    return Report(confusion, **figures)


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)
