"""Touching, crossing and bundled fibers are taken apart; nothing is lost."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.fibers.segmentation.instances import label_fibers
from napari_sciml.fibers.segmentation.score import instance_f1
from napari_sciml.samples.phantom import PhantomConfig, make_phantom

SHAPE = (40, 48, 56)


def rod(start, end, radius=3.0, shape=SHAPE, spacing=(1, 1, 1)):
    """Voxels of a cylinder with rounded ends; places in voxels, radius physical."""
    voxels = np.stack(np.indices(shape), axis=-1) * spacing
    a, b = np.multiply(start, spacing), np.multiply(end, spacing)
    t = np.clip((voxels - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
    return np.linalg.norm(voxels - a - t[..., None] * (b - a), axis=-1) <= radius


def arc(radius=2.5, bend=14.0):
    points = np.linspace(-1, 1, 12)
    path = [(20, 8 + bend * (1 - t * t), 28 + 22 * t) for t in points]
    return np.any([rod(a, b, radius) for a, b in itertools.pairwise(path)], axis=0)


def hexagon():
    """Seven parallel rods that touch."""
    places = [(0, 0)] + [
        (6.2 * np.sin(a), 6.2 * np.cos(a)) for a in np.arange(6) * np.pi / 3
    ]
    return [rod((20 + z, 24 + y, 6), (20 + z, 24 + y, 49)) for z, y in places]


GAP = np.isin(np.indices(SHAPE)[2], (26, 27, 28))
CASES = {
    "crossing": [rod((20, 8, 8), (20, 40, 48)), rod((20, 40, 8), (20, 8, 48))],
    "crossing at 40 degrees": [
        rod((17, 16, 6), (17, 32, 50)),
        rod((22, 32, 6), (22, 16, 50)),
    ],
    "side by side": [rod((20, 20, 8), (20, 20, 48)), rod((20, 26, 8), (20, 26, 48))],
    "side by side, in half": [
        rod((20, 20, 8), (20, 20, 34)),
        rod((20, 26, 22), (20, 26, 48)),
    ],
    "T": [rod((20, 24, 6), (20, 24, 50)), rod((20, 28, 28), (20, 44, 28))],
    "on top of each other": [
        rod((17, 24, 8), (17, 24, 48)),
        rod((23, 8, 28), (23, 40, 28)),
    ],
    "bundle of seven": hexagon(),
    "three through a point": [
        rod((20, 24, 6), (20, 24, 50)),
        rod((20, 6, 28), (20, 42, 28)),
        rod((4, 24, 28), (36, 24, 28)),
    ],
    "a curved one stays whole": [arc()],
    "a gap is closed": [rod((20, 24, 6), (20, 24, 50)) & ~GAP],
    "a block": [np.pad(np.ones((24, 24, 24), bool), 8)],
    "a plate": [np.pad(np.ones((4, 30, 30), bool), 5)],
    "a voxel": [np.pad(np.ones((1, 1, 1), bool), 3)],
}


@pytest.mark.parametrize("name", CASES)
def test_fibers_are_taken_apart(name) -> None:
    fibers = CASES[name]
    truth = np.zeros(fibers[0].shape, np.uint8)
    for number, fiber in enumerate(fibers, start=1):
        truth[fiber] = number
    labels = label_fibers(truth > 0, split=True)
    assert labels.max() == len(fibers)
    assert np.array_equal(labels > 0, truth > 0)
    assert instance_f1(truth, labels, iou=0.7).f1 == 1


def test_voxels_that_are_no_cubes() -> None:
    shape, spacing = (16, 48, 56), (2.5, 1.0, 1.0)
    pair = [
        rod((8, 8, 8), (8, 40, 48), 3, shape, spacing),
        rod((8, 40, 8), (8, 8, 48), 3, shape, spacing),
    ]
    labels = label_fibers(pair[0] | pair[1], split=True, voxel_size=spacing)
    assert instance_f1(pair[0] + 2 * (pair[1] & ~pair[0]), labels, iou=0.7).f1 == 1


def test_an_image_of_crossing_fibers() -> None:
    pair = CASES["crossing"]
    image = (pair[0] | pair[1])[20]
    labels = label_fibers(image, split=True)
    assert labels.shape == image.shape
    assert labels.max() == 2
    assert np.array_equal(labels > 0, image)


def test_nothing_and_dust() -> None:
    empty = np.zeros(SHAPE, bool)
    assert label_fibers(empty, split=True).max() == 0
    specks = np.zeros(SHAPE, bool)
    specks[::3, ::3, ::3] = True
    assert label_fibers(specks, split=True).max() == specks.sum()
    assert label_fibers(specks, split=True, dust=2).max() == 0


def test_numbers_are_in_the_order_of_the_first_voxel() -> None:
    labels = label_fibers(np.any(hexagon(), axis=0), split=True)
    _, first = np.unique(labels, return_index=True)
    assert (np.diff(first[1:]) > 0).all()
    assert labels.dtype == np.uint8


@settings(max_examples=10, deadline=None)
@given(
    st.permutations([0, 1, 2]),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_turned_and_mirrored_masks_give_the_same_fibers(order, flips) -> None:
    truth = PHANTOM.labels
    turn = [axis for axis, flip in enumerate(flips) if flip]
    turned = np.flip(truth.transpose(order), turn)
    labels = label_fibers(turned > 0, split=True)
    own = label_fibers(truth > 0, split=True)
    own = np.flip(own.transpose(order), turn)
    assert abs(int(labels.max()) - int(own.max())) <= 1
    assert instance_f1(own, labels, iou=0.9).f1 > 0.97


PHANTOM = make_phantom(PhantomConfig.clustered(shape=(64, 64, 64), seed=103))


def test_bundles_of_a_phantom() -> None:
    truth = PHANTOM.labels
    assert instance_f1(truth, label_fibers(truth > 0)).f1 < 0.6
    assert instance_f1(truth, label_fibers(truth > 0, split=True)).f1 >= 0.95
