"""What is written of measured fibers."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.geometry.measure import measure_fibers
from napari_sciml.fibers.statistics.summary import summarize
from napari_sciml.io.results.fiber_files import FiberResult, write_fibers
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.workflows.pipeline import measure_mask

ALWAYS = {"labels.tif", "fibers.csv", "summary.json", "report.html", "overview.png"}
PICTURES = {"lengths", "directions"}


def bars(shape, count):
    labels = np.zeros(shape, np.uint8)
    for i in range(count):
        labels[..., 3 + 5 * i : 6 + 5 * i, 4 : 20 + 2 * i] = i + 1
    return labels


@pytest.mark.parametrize("count", [0, 1, 5])
@pytest.mark.parametrize("shape", [(3, 40, 50), (40, 50)])
def test_every_file(tmp_path: Path, shape: tuple[int, ...], count: int) -> None:
    labels = bars(shape, count)
    size = (2.0,) * len(shape)
    table = measure_fibers(labels, voxel_size=size)
    summary = summarize(table, shape, size, "um")
    write_fibers(tmp_path, FiberResult(labels, table, summary, size, "um"))
    pictures = PICTURES | ({"autocorrelation"} if len(shape) == 3 else set())
    drawn = {f"{name}.{kind}" for name in pictures for kind in ("png", "svg")}
    assert {path.name for path in tmp_path.iterdir()} == ALWAYS | drawn
    record = json.loads((tmp_path / "summary.json").read_text())
    assert record["fibers"] == count
    assert record["distributions"]["level"] == 0.95
    assert len(pd.read_csv(tmp_path / "fibers.csv")) == count
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("<img") == len(pictures) + 1
    assert page.count("µm") > 3 or not count


@pytest.fixture
def prediction(tmp_path: Path) -> Path:
    """Fibers that are surer in the middle than at their ends."""
    mean = np.zeros((12, 40, 60), np.float32)
    for y in (5, 18, 31):
        mean[4:8, y : y + 4] = np.clip(1.2 - np.abs(np.arange(60) - 30) / 30, 0, 1)
    std = np.full_like(mean, 0.05)
    axes = ("z", "y", "x")
    store = PredictionStore.create(
        tmp_path / "p.zarr",
        mean.shape,
        ("background", "fiber"),
        (2.0,) * 3,
        "um",
        axes,
        [32] * 3,
        {},
        None,
    )
    everywhere = tuple(slice(0, n) for n in mean.shape)
    store.write(everywhere, np.stack([1 - mean, mean]), np.stack([std, std]))
    mask = (mean > 0.5).astype(np.uint8)
    tifffile.imwrite(tmp_path / "mask.tif", mask)
    return tmp_path / "p.zarr"


def test_sweep_of_a_prediction(tmp_path: Path, prediction: Path) -> None:
    seen: list[float] = []
    measure_mask(
        tmp_path / "mask.tif",
        tmp_path / "out",
        FiberConfig(),
        probability=prediction,
        voxel_size="2",
        unit="um",
        sweep=True,
        report=lambda fraction, note: seen.append(fraction),
    )
    sweep = pd.read_csv(tmp_path / "out" / "sweep.csv")
    assert seen[-1] == pytest.approx(1)
    assert (sweep.fibers == 3).all()
    sure = sweep[sweep.k == 1]
    assert sure.length_mean.is_monotonic_decreasing
    assert (tmp_path / "out" / "sweep.svg").exists()
    table = pd.read_csv(tmp_path / "out" / "fibers.csv")
    assert (table.lowest_confidence < table.mean_confidence).all()


def test_sweep_needs_a_prediction(tmp_path: Path, prediction: Path) -> None:
    with pytest.raises(InputError, match="--probability"):
        measure_mask(tmp_path / "mask.tif", tmp_path / "out", FiberConfig(), sweep=True)
    assert not (tmp_path / "out").exists()
