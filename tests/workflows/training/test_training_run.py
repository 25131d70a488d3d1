"""Training on files: what is written, and going on after an interruption."""

import errno
import json
import re

import numpy as np
import pytest
import tifffile
import torch

from napari_sciml.errors import InputError
from napari_sciml.io.models.folder import load_model, read_record
from napari_sciml.io.models.training_state import RECORD_FILE, read_state
from napari_sciml.io.settings import training_settings
from napari_sciml.training.config import TrainingConfig
from napari_sciml.workflows.training import checkpoint as training_checkpoint
from napari_sciml.workflows.training.files import train_model
from napari_sciml.workflows.training.scans import Scan

NAMES = ("background", "fiber")


@pytest.fixture
def files(training_folder):
    return training_folder


def config(**changes):
    settings = {
        **{"members": 2, "steps": 8, "device": "cpu", "threads": 1, "crop": 24},
        **{"evaluate_every": 3, "sigmas": (1.0,), "snapshot_seconds": 1e-9},
        "network": {"kind": "msdnet", "layers": 2, "width": 4},
        **changes,
    }
    return TrainingConfig.model_validate(settings)


def run(folder, settings, name="model", report=lambda *_: None, **options):
    return train_model(
        [Scan(folder / "image.tif", folder / "labels.tif")],
        folder / name,
        settings,
        class_names=NAMES,
        report=report,
        **options,
    )


def weights(folder):
    return load_model(folder).state_dict()


def interrupt_after(events):
    """A progress report during which the user presses Ctrl-C."""
    left = iter(range(events))

    def report(*_):
        if next(left, None) is None:
            raise KeyboardInterrupt

    return report


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_what_is_written(files):
    summary = run(files, config())
    assert summary["network"] == "msdnet"
    assert summary["steps"] == 8
    assert sum(summary["estimated_share"].values()) == pytest.approx(1, abs=1e-3)
    record = read_record(files / "model")
    assert TrainingConfig.model_validate(record["config"]) == config()
    assert record["calibration"]["marginal"]["n"] == record["held_out"]["voxels"] > 0
    assert not (files / "model.checkpoint").exists()
    assert load_model(files / "model").temperature > 0


def test_too_few_seconds_are_said(files):
    few = run(files, config(steps=None, seconds=0.01), name="few")["hint"]
    assert re.match(r"only \d+ steps? of each network fitted into 0\.01 s", few)
    # Whoever asks for a number of steps gets what was asked for.
    assert run(files, config(steps=1), name="asked")["hint"] is None


def test_an_interrupted_training_goes_on(files, monkeypatch):
    monkeypatch.setattr(training_checkpoint, "CHECKPOINT_SECONDS", 0.0)
    run(files, config(), "straight")
    with pytest.raises(KeyboardInterrupt):
        run(files, config(), report=interrupt_after(12))
    assert not (files / "model").exists()
    assert 0 < read_state(files / "model.checkpoint").members[0].steps < 8
    record = json.loads((files / "model.checkpoint" / RECORD_FILE).read_text())
    kept = {"rng", "steps", "looks_since_best", "scores", "groups"}
    assert set(record["members"][0]) == kept, "states of before can be read no more"
    # As on the command line: nothing has to be said again.
    settings = training_settings(None, resume=files / "model", seed=None)
    assert settings == config()
    summary = run(files, settings, resume=True)
    assert summary["steps"] == 8
    assert same(weights(files / "model"), weights(files / "straight"))
    assert not (files / "model.checkpoint").exists()


def test_a_disk_that_is_full_for_a_while_ends_no_training(files, monkeypatch):
    monkeypatch.setattr(training_checkpoint, "CHECKPOINT_SECONDS", 0.0)
    written = training_checkpoint.write_state
    full = [True] * 3

    def write(*args):
        if full:
            full.pop()
            raise OSError(errno.ENOSPC, "No space left on device")
        written(*args)

    monkeypatch.setattr(training_checkpoint, "write_state", write)
    said = []
    summary = run(files, config(), say=said.append)
    assert summary["steps"] == 8
    assert not full
    told = [sentence for sentence in said if "could not be resumed" in sentence]
    assert len(told) == 1
    assert "free some space" in told[0]


def test_a_finished_model_can_be_trained_on(files):
    run(files, config(steps=4, optimizer={"schedule": "constant"}))
    early = weights(files / "model")
    settings = config(steps=9, optimizer={"schedule": "constant"})
    summary = run(files, settings, resume=True)
    assert summary["steps"] == 9
    assert not same(weights(files / "model"), early)
    run(files, settings, "straight")
    assert same(weights(files / "model"), weights(files / "straight"))


def test_nothing_to_resume(files):
    for attempt in (
        lambda: run(files, config(), resume=True),
        lambda: training_settings(None, resume=files / "model"),
    ):
        with pytest.raises(InputError, match=r"no training to go on.*without --resume"):
            attempt()


LONG = json.dumps({"all": "y" * 2000}).encode()
"""A header that a library repeats in what it says."""


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("training.json", b"\x00\x01 nonsense"),
        ("training.safetensors", b"\x00\x01 nonsense"),
        ("training.safetensors", len(LONG).to_bytes(8, "little") + LONG),
    ],
    ids=["json", "weights", "long header"],
)
def test_damaged_state(files, file, content):
    run(files, config())
    (files / "model" / file).write_bytes(content)
    with pytest.raises(InputError, match="cannot be read") as caught:
        run(files, training_settings(None, resume=files / "model"), resume=True)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def _member(record):
    return record["members"][0]


@pytest.mark.parametrize(
    "edit",
    {
        "rate: infinite": lambda r: _member(r)["groups"][0].update(lr=1e400),
        "rate: none": lambda r: _member(r)["groups"][0].update(lr=None),
        "memory: huge": lambda r: _member(r)["groups"][0].update(betas=[0.9, 10**30]),
        "memory: none": lambda r: _member(r)["groups"][0].pop("betas"),
        "decay: text": lambda r: _member(r)["groups"][0].update(weight_decay="0"),
        "two groups": lambda r: _member(r)["groups"].append({}),
        "error: text": lambda r: _member(r)["scores"].update(error="much"),
        "dice: one number": lambda r: _member(r)["scores"].update(dice=1.0),
        "steps: text": lambda r: _member(r).update(steps="many"),
        "scores: list": lambda r: _member(r).update(scores=[1, 2]),
    }.items(),
    ids=lambda given: given[0],
)
def test_a_state_with_other_numbers_is_refused(files, edit):
    run(files, config(steps=4))
    path = files / "model" / RECORD_FILE
    record = json.loads(path.read_text())
    edit[1](record)
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match=r"train anew|without --resume"):
        run(files, config(), resume=True)


def test_another_annotation_is_not_resumed(files):
    run(files, config())
    labels = tifffile.imread(files / "labels.tif")
    labels[40, 2:12] = 1
    tifffile.imwrite(files / "labels.tif", labels)
    with pytest.raises(InputError, match=r"annotation.*train anew"):
        run(files, config(steps=20), resume=True)
    assert load_model(files / "model")


@pytest.mark.situation(
    "Labels, and nothing to learn",
    "classes with one gray value; held-out strokes told apart by chance only",
    "trained, told",
)
def test_what_is_told_apart_by_chance_only_is_cautioned(files):
    assert run(files, config(), "good")["cautions"] == []
    noise = np.random.default_rng(1).normal(100, 3, (48, 48)).astype(np.float32)
    tifffile.imwrite(files / "image.tif", noise)
    summary = run(files, config(members=1, steps=2), "noise")
    (caution,) = summary["cautions"]
    assert "as if by chance" in caution
