"""From many images to their fibers, in steps that can be stopped."""

import os

import numpy as np
import pytest
import tifffile

from napari_sciml.fibers.config import FiberConfig
from napari_sciml.io.models.folder import save_model
from napari_sciml.uncertainty.threshold import ThresholdConfig
from napari_sciml.workflows.batch.chain import (
    Chain,
    ChainEnded,
    StepBegan,
    StepEnded,
    StepGrew,
    run_chain,
)

SHAPE = (8, 16, 24)
SURE = ThresholdConfig(k=0.0, t=0.1)


@pytest.fixture
def images(tmp_path, make_ensemble) -> list[str]:
    """Two images and a broken one, and a model."""
    rng = np.random.default_rng(0)
    for name in ("a", "b", "broken"):
        tifffile.imwrite(tmp_path / f"{name}.tif", rng.normal(100, 9, SHAPE))
    (tmp_path / "broken.tif").write_bytes(b"II*\0 none")
    save_model(make_ensemble(3, members=2), tmp_path / "model", record={})
    return [str(tmp_path / f"{name}.tif") for name in ("a", "broken", "b")]


def chain(folder, **options) -> Chain:
    return Chain(folder / "model", folder / "out", threads=1, **options)


def states(events) -> list[tuple[str, str, str]]:
    ended = [one for one in events if isinstance(one, StepEnded)]
    return [(one.step, one.file.name, one.file.state) for one in ended]


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, ["predict"]),
        ({"fibers": FiberConfig()}, ["predict"]),
        ({"sure": SURE}, ["predict", "threshold"]),
        (
            {"sure": SURE, "fibers": FiberConfig(dust=0)},
            ["predict", "threshold", "fibers"],
        ),
    ],
)
def test_each_step_takes_what_the_last_one_made(
    images, tmp_path, options, steps
) -> None:
    events = list(run_chain(images, chain(tmp_path, **options)))
    began = [one for one in events if isinstance(one, StepBegan)]
    assert [one.step for one in began] == steps
    assert [one.files for one in began] == [3, 2, 2][: len(steps)]
    assert states(events) == [
        ("predict", "a", "done"),
        ("predict", "broken", "failed"),
        ("predict", "b", "done"),
        *((step, name, "done") for step in steps[1:] for name in ("a", "b")),
    ]
    assert isinstance(events[-1], ChainEnded)
    assert list(events[-1].results) == steps
    shares = [one.share for one in events if isinstance(one, StepGrew)]
    assert shares
    assert all(0 <= share <= 1 for share in shares)


def test_stopped_anywhere_it_is_gone_on_with(images, tmp_path) -> None:
    whole = chain(tmp_path, sure=SURE, fibers=FiberConfig(dust=0))
    for stop in ("predict", "threshold", "fibers"):
        steps = run_chain(images, whole)
        for event in steps:
            if isinstance(event, StepEnded) and event.step == stop:
                break
        steps.close()
    events = list(run_chain(images, whole))
    kept = [state for _, name, state in states(events) if name != "broken"]
    assert kept[0] == "kept"
    assert events[-1].results["fibers"].tables == (
        "fibers.csv",
        "samples.csv",
        "report.html",
    )
    again = [one for one in run_chain(images, whole) if one is not None]
    assert {state for _, name, state in states(again) if name != "broken"} == {"kept"}
    assert sorted(os.listdir(tmp_path / "out")) == ["fibers", "masks", "predictions"]


def test_without_any_prediction_it_ends(images, tmp_path) -> None:
    events = list(run_chain(images[1:2], chain(tmp_path, sure=SURE)))
    assert states(events) == [("predict", "broken", "failed")]
    assert list(events[-1].results) == ["predict"]
