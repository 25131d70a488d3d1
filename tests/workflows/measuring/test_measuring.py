import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.workflows.measuring.arrays import (
    FibersMeasured,
    Stage,
    find_and_measure,
)


def two_bars() -> np.ndarray:
    mask = np.zeros((12, 20, 40), np.uint8)
    mask[2:5, 3:6, 2:38] = mask[8:11, 12:15, 10:30] = 2
    mask[6, 18, 1] = 2
    return mask


def test_tells_its_stages_then_the_fibers() -> None:
    events = list(
        find_and_measure(two_bars(), FiberConfig(), voxel_size=(2, 2, 2), unit="um")
    )
    *stages, result = events
    assert {type(s) for s in stages} == {Stage}
    words = list(dict.fromkeys(s.text for s in stages))
    assert isinstance(result, FibersMeasured)
    assert words[1:] == ["Taking touching fibers apart …", "Measuring 2 fibers …"]
    assert all(s.done is None or 0 <= s.done <= 1 for s in stages)
    assert result.lines.shape == (2, 33, 3)
    np.testing.assert_allclose(result.table["length"], [72, 40], rtol=0.05)
    assert result.summary["unit"] == "um"


@pytest.mark.parametrize(
    ("mask", "sentence"),
    [
        (np.zeros((4, 5, 6), np.uint8), "mask is empty"),
        (
            np.eye(6, dtype=np.uint8)[None] * np.ones((2, 1, 1), np.uint8),
            "Drop less",
        ),
        (np.arange(60, dtype=np.uint8).reshape(3, 4, 5), "more values than two"),
    ],
    ids=["empty", "only dust", "several classes"],
)
def test_says_what_is_wrong_with_a_mask(mask: np.ndarray, sentence: str) -> None:
    job = find_and_measure(mask, FiberConfig(), voxel_size=(1, 1, 1), unit="um")
    with pytest.raises(InputError, match=sentence):
        list(job)
