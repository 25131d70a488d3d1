"""Whether a second channel helps is told by strokes that no model has seen."""

import numpy as np
import pytest

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.errors import InputError
from napari_sciml.progress import exhaust
from napari_sciml.workflows.validation import others
from napari_sciml.workflows.validation.channels import compare_channels

CLASSES = ("background", "fiber")


@pytest.fixture
def short(monkeypatch) -> None:
    for name, value in (("SECONDS", 0.1), ("FOLDS", 2), ("MEMBERS", 1)):
        monkeypatch.setattr(others, name, value)


@pytest.fixture(scope="module")
def bars() -> tuple[np.ndarray, np.ndarray, Scribbles]:
    """An image, the same without its noise, and twenty strokes of each class."""
    clean, labels = np.full((240, 120), 100.0), np.zeros((240, 120), np.uint8)
    for row in range(10, 220, 22):
        clean[row : row + 8] += 40
        for columns in (slice(10, 60), slice(70, 110)):
            labels[row + 3 : row + 5, columns] = 2
            labels[row + 13 : row + 15, columns] = 1
    noise = np.random.default_rng(3).normal(0, 90, clean.shape)
    return clean + noise, clean, Scribbles.from_dense(labels)


def test_a_channel_that_knows_more_helps(short, bars) -> None:
    image, clean, strokes = bars
    steps = compare_channels(image, clean, strokes, CLASSES)
    events = list(steps)
    shares = [event for event in events if isinstance(event, float)]
    assert shares == sorted(shares)
    found = events[-1]
    assert found.helps
    assert found.beside > found.alone
    np.testing.assert_array_equal(found.both, np.stack([image, clean]).astype("f4"))
    assert f"{found.beside:.2f} with it as a second channel" in found.sentence


def test_a_channel_of_noise_does_not(short, bars) -> None:
    image, _, strokes = bars
    noise = np.random.default_rng(4).normal(size=image.shape)
    found = exhaust(compare_channels(image, noise, strokes, CLASSES))
    assert not found.helps


@pytest.mark.parametrize(
    ("cut", "kept", "said"),
    [
        (slice(0, 200), slice(None), "the shape (200, 120), but the image has (240"),
        (slice(None), slice(0, 8), "there are 4 of background; paint 8 of each"),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_sentence(bars, cut, kept, said) -> None:
    image, clean, strokes = bars
    labels = np.zeros(strokes.shape, np.uint8)
    own = strokes.stroke_numbers < (kept.stop or 10**6)
    labels.reshape(-1)[strokes.indices[own]] = strokes.values[own]
    few = Scribbles.from_dense(labels)
    with pytest.raises(InputError) as told:
        exhaust(compare_channels(image, clean[cut], few, CLASSES))
    assert said in str(told.value)
