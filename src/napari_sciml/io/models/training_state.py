"""A training between two steps, as JSON and safetensors: nothing is unpickled."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sciml.errors import InputError, first_line
from napari_sciml.json_files import read_file, read_object

if TYPE_CHECKING:
    from torch import Tensor

    from napari_sciml.training.state import MemberState, TrainingState

TENSORS_FILE = "training.safetensors"
TENSORS_LIMIT = 2**33
"""Bytes; optimizers hold twice what the weights take."""
RECORD_FILE = "training.json"
VERSION = 1
PARTS = ("network", "average", "best")


def write_state(
    state: "TrainingState",
    folder: Path,
    settings: Mapping[str, Any],
    start: str | None = None,
) -> None:
    """Write a state into a folder that exists.

    Parameters
    ----------
    state
        Of the training.
    folder
        To write into.
    settings
        Of the training.
    start
        Folder of the model that it began with.
    """
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {}
    members = []
    for number, member in enumerate(state.members):
        for part in PARTS:
            for name, value in getattr(member, part).items():
                tensors[f"{number}/{part}/{name}"] = value
        for index, slots in member.optimizer["state"].items():
            for slot, value in slots.items():
                tensors[f"{number}/optimizer/{index}/{slot}"] = value
        members.append(
            {
                "rng": member.rng,
                "steps": member.steps,
                "looks_since_best": member.evaluations_since_best,
                "scores": member.scores and asdict(member.scores),
                "groups": member.optimizer["param_groups"],
            }
        )
    record = {
        "version": VERSION,
        "settings": dict(settings),
        "start": start,
        "seconds": state.seconds,
        "fingerprint": state.fingerprint,
        "members": members,
    }
    plain = {name: value.cpu().clone().contiguous() for name, value in tensors.items()}
    # Not save_file: it tells of a full disk by an error of its own kind, and what it
    # writes is its owner's alone, whatever the umask.
    (folder / TENSORS_FILE).write_bytes(save(plain))
    (folder / RECORD_FILE).write_text(json.dumps(record) + "\n", "utf-8")


def checkpoint_of(out: Path) -> Path:
    """Where a training that writes the model ``out`` keeps its state meanwhile."""
    return out.with_name(out.name + ".checkpoint")


def folder_to_resume(out: Path) -> Path:
    """The newest state of the training of a model: interrupted, or finished.

    Raises
    ------
    InputError
        When there is none.
    """
    for folder in (checkpoint_of(out), out):
        try:
            if (folder / RECORD_FILE).exists():
                return folder
        except OSError as error:  # another user's folder does not even tell its names
            raise _damaged(folder, error) from error
    raise InputError(
        f"There is no training to go on with at {out}; train without --resume."
    )


def settings_of_training(out: Path) -> dict[str, Any]:
    """The settings that a training was begun with.

    Raises
    ------
    InputError
        When there is none, or it is damaged.
    """
    folder = folder_to_resume(out)
    try:
        return dict(_read_record(folder)["settings"])
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(folder, error) from error


def start_of_training(out: Path) -> Path | None:
    """The model that a training was begun with, if any.

    Raises
    ------
    InputError
        As `settings_of_training`.
    """
    folder = folder_to_resume(out)
    try:
        start = _read_record(folder).get("start")
    except (ValueError, AttributeError) as error:
        raise _damaged(folder, error) from error
    return Path(start) if isinstance(start, str) else None


def read_state(folder: Path) -> "TrainingState":
    """Read a state that `write_state` wrote, on the CPU.

    Raises
    ------
    InputError
        When there is none, or it is damaged.
    """
    from safetensors.torch import load

    from napari_sciml.training.state import TrainingState

    try:
        record = _read_record(folder)
        tensors = load(read_file(folder / TENSORS_FILE, limit=TENSORS_LIMIT))
        members = tuple(
            _member(number, description, tensors)
            for number, description in enumerate(record["members"])
        )
        return TrainingState(
            members, float(record["seconds"]), str(record["fingerprint"])
        )
    except InputError:
        raise
    except Exception as error:  # a damaged file fails in many ways
        raise _damaged(folder, error) from error


def _read_record(folder: Path) -> dict[str, Any]:
    # Scores of classes that nobody held out are NaN.
    return read_object(folder / RECORD_FILE, nan=True)


def _damaged(folder: Path, error: Exception) -> InputError:
    return InputError(
        f"The training in {folder} cannot be read ({first_line(error)}); "
        "train without --resume."
    )


def _member(
    number: int, description: dict[str, Any], tensors: "dict[str, Tensor]"
) -> "MemberState":
    from pydantic import TypeAdapter

    from napari_sciml.training.evaluation.metrics import Scores
    from napari_sciml.training.state import MemberState

    scores = TypeAdapter(Scores | None).validate_python(description["scores"])
    slots: dict[int, dict[str, Any]] = {}
    for name, value in _below(f"{number}/optimizer/", tensors).items():
        index, slot = name.split("/")
        slots.setdefault(int(index), {})[slot] = value
    parts = {part: _below(f"{number}/{part}/", tensors) for part in PARTS}
    return MemberState(
        **parts,
        optimizer={"state": slots, "param_groups": description["groups"]},
        rng=description["rng"],
        steps=int(description["steps"]),
        evaluations_since_best=int(description["looks_since_best"]),
        scores=scores,
    )


def _below(prefix: str, tensors: "dict[str, Tensor]") -> "dict[str, Tensor]":
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }
