import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.images import checks
from napari_sciml.images.checks import as_labels, check_counts, check_finite
from napari_sciml.images.lazy import PlaneStack


@pytest.mark.parametrize("dtype", ["u1", "u2", "i4", "?", "f2", "f4", "f8"])
def test_finite_images_pass(dtype):
    check_finite(np.ones((3, 4, 5), dtype))
    check_finite(np.ones((4, 5), dtype))


def test_not_finite_values_are_counted_over_slabs(monkeypatch):
    monkeypatch.setattr(checks, "SLAB_BYTES", 100)
    image = np.zeros((9, 4, 5), np.float32)
    image[0, 0, 0] = image[8, 3, 4] = np.nan
    image[4] = -np.inf
    with pytest.raises(InputError, match=r"2 NaN and 20 infinite.*nan_to_num"):
        check_finite(image)


def test_lazy_image_is_read_in_slabs(monkeypatch):
    monkeypatch.setattr(checks, "SLAB_BYTES", 2 * 4 * 5 * 4)
    reads = []

    class Recorder(PlaneStack):
        def __getitem__(self, key):
            reads.append(key)
            return super().__getitem__(key)

    check_finite(Recorder(lambda z: np.zeros((4, 5)), (5, 4, 5), np.dtype("f4")))
    assert reads == [slice(0, 2), slice(2, 4), slice(4, 6)]


def test_integers_are_not_read():
    def never(z):
        raise AssertionError

    check_finite(PlaneStack(never, (5, 4, 5), np.dtype("u2")))


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({}, "Not annotated yet: paint at least two classes."),
        ({2: 1}, "Only class 2 is annotated: paint at least two classes."),
    ],
)
def test_too_little_annotation(counts, message):
    with pytest.raises(InputError) as caught:
        check_counts(counts)
    assert str(caught.value) == message


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, bool])
def test_labels_of_any_type(dtype: type) -> None:
    labels = as_labels(np.array([[0, 1, 1]], dtype=dtype), "The labels")
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[0, 1, 1]]


@pytest.mark.parametrize("bad", [[-1, 1], [0, 256], [0.5, 1], [float("nan"), 1]])
def test_what_are_no_labels_is_refused(bad: list[float]) -> None:
    with pytest.raises(InputError, match="The labels"):
        as_labels(np.array(bad), "The labels")
