"""Only what is shown is written, and it says so."""

import json

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.report.filtering import FiberFilter
from napari_sciml.workflows.measuring.arrays import (
    FibersMeasured,
    Stage,
    find_and_measure,
)
from napari_sciml.workflows.measuring.export import (
    Exported,
    Prediction,
    check_anything_shown,
    choose_shown,
    export_fibers,
)
from napari_sciml.workflows.measuring.numbers import estimate_numbers, quick_numbers


def three_bars() -> np.ndarray:
    mask = np.zeros((12, 24, 40), np.uint8)
    mask[2:5, 3:6, 2:38] = mask[8:11, 12:15, 10:30] = mask[2:5, 18:21, 4:36] = 1
    return mask


@pytest.fixture(scope="module")
def found() -> FibersMeasured:
    *_, result = find_and_measure(
        three_bars(), FiberConfig(dust_volume=80), voxel_size=(2, 2, 2), unit="um"
    )
    assert isinstance(result, FibersMeasured)
    return result


def test_hidden_fibers_are_left_out_everywhere(found: FibersMeasured) -> None:
    result = choose_shown(found, FiberFilter(length=(50, 100)))
    assert result.table["label"].tolist() == [1, 2]
    assert set(np.unique(result.labels)) == {0, 1, 2}
    assert set(np.unique(found.labels)) == {0, 1, 2, 3}
    shown = {"fibers": 2, "of": 3, "filter": "length 50 to 100 µm"}
    assert result.summary["shown"] == shown
    assert result.summary["fibers"] == 2
    assert result.settings["shown of 3 fibers"] == "length 50 to 100 µm"
    assert result.settings["dropped"] == (
        "under 80 µm³, or not 2.5 times as long as wide"
    )


def test_nothing_shown_is_nothing_to_write(found: FibersMeasured) -> None:
    result = choose_shown(found, FiberFilter(length=(1, 2)))
    with pytest.raises(InputError, match="hide all fibers"):
        check_anything_shown(result)
    assert not result.labels.any()


def test_writes_with_a_sweep(found: FibersMeasured, tmp_path) -> None:
    mean = three_bars() * np.float32(0.9)
    prediction = Prediction(mean, np.full_like(mean, 0.05))
    result = choose_shown(found, FiberFilter(), labels_file="labels.npy")
    *stages, last = export_fibers(
        result, tmp_path / "out", config=found.config, prediction=prediction
    )
    assert last == Exported(tmp_path / "out", 3, 3)
    assert max(s.done or 0 for s in stages if isinstance(s, Stage)) == 1
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names >= {"sweep.csv", "sweep.png", "labels.npy", "report.html"}
    numbers = json.loads((tmp_path / "out/summary.json").read_text())
    assert numbers["shown"]["of"] == 3


def test_a_stopped_export_leaves_nothing(found: FibersMeasured, tmp_path) -> None:
    job = export_fibers(choose_shown(found, FiberFilter()), tmp_path / "out")
    next(job)
    next(job)
    job.close()
    assert list(tmp_path.iterdir()) == []


def test_numbers_come_at_once_and_then_with_intervals(found: FibersMeasured) -> None:
    quick = quick_numbers(found.table)
    *_, slow = estimate_numbers(found.table)
    assert slow is not None
    assert quick.count == slow.count == 3
    assert np.isnan(quick.length.low)
    assert quick.length.value == pytest.approx(slow.length.value)
    assert slow.length.low < slow.length.value < slow.length.high
    for one, other in zip(quick.tensor, slow.tensor, strict=True):
        assert one.value == pytest.approx(other.value, abs=1e-6)
    assert quick.tensor[2].value == pytest.approx(1, abs=1e-3)


def test_numbers_of_no_fibers() -> None:
    *_, numbers = estimate_numbers(quick_table())
    assert numbers is not None
    assert numbers.count == 0
    assert np.isnan(numbers.length.value)


def quick_table():
    from napari_sciml.fibers.geometry.measure import measure_fibers

    return measure_fibers(np.zeros((4, 4, 4), np.uint8))


def test_a_job_can_be_stopped_while_fibers_are_taken_apart() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((24, 48, 48), np.uint8)
    for _ in range(40):
        z, y = rng.integers(1, 20), rng.integers(1, 44)
        mask[z : z + 3, y : y + 3, 2:46] = 1
    job = find_and_measure(mask, FiberConfig(), voxel_size=(1, 1, 1), unit="um")
    words = []
    for event in job:
        assert isinstance(event, Stage)
        words.append(event.text)
        if len(words) > 4:
            break
    job.close()
    assert words[-1] == "Taking touching fibers apart …"
