"""Fibers measured block by block have the numbers of those measured in one piece."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.fibers.blockwise.blocks import BlockVolume, count_voxels
from napari_sciml.fibers.blockwise.measure import measure_blocks
from napari_sciml.fibers.geometry.measure import measure_fibers
from napari_sciml.progress import exhaust
from napari_sciml.samples.phantom import PhantomConfig, make_phantom


def by_blocks(labels, edge, folder, probability=None, **settings):
    volume = BlockVolume(labels, edge)
    known = None if probability is None else BlockVolume(probability, edge)
    sizes = exhaust(count_voxels(volume))
    steps = measure_blocks(volume, sizes, folder, probability=known, **settings)
    table = exhaust(steps).table
    assert not list(folder.iterdir())
    return table


@pytest.fixture(scope="module")
def phantom():
    config = PhantomConfig.clustered(shape=(64, 80, 72), seed=6, length_mean=60)
    return make_phantom(config)


@pytest.mark.parametrize("edge", [16, 37, 64])
@pytest.mark.parametrize("batch", [1 << 22, 5000])
def test_same_table(phantom, tmp_path, edge, batch):
    size = (2.0, 1.0, 0.7)
    known = np.random.default_rng(0).random(phantom.labels.shape, np.float32)
    whole = measure_fibers(phantom.labels, voxel_size=size, probability=known)
    found = by_blocks(
        phantom.labels, edge, tmp_path, known, voxel_size=size, batch=batch
    )
    pd.testing.assert_frame_equal(found, whole, rtol=1e-6, atol=1e-6)


def test_same_table_of_an_image(phantom, tmp_path):
    image = phantom.labels[30]
    image = np.unique(image, return_inverse=True)[1].reshape(image.shape)
    whole = measure_fibers(image, voxel_size=(1.5, 1))
    found = by_blocks(image, 25, tmp_path, voxel_size=(1.5, 1))
    pd.testing.assert_frame_equal(found, whole, rtol=1e-6, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(
    shape=st.tuples(*[st.integers(2, 9)] * 3),
    edge=st.integers(1, 9),
    batch=st.integers(20, 60),
    seed=st.integers(0, 2**32),
)
def test_random_labels(tmp_path_factory, shape, edge, batch, seed):
    rng = np.random.default_rng(seed)
    labels = np.unique(rng.integers(0, 12, shape), return_inverse=True)[1]
    labels = labels.reshape(shape).astype(np.uint32)
    whole = measure_fibers(labels)
    folder = tmp_path_factory.mktemp("scratch")
    found = by_blocks(labels, edge, folder, batch=batch)
    columns = ["voxels", "contacts", "touches_border", "extent_z", "extent_x"]
    pd.testing.assert_frame_equal(found[columns], whole[columns])
    small = (whole["voxels"] <= batch).to_numpy()
    columns = ["centroid_z", "centroid_y", "centroid_x", "arc_length", "radius"]
    pd.testing.assert_frame_equal(
        found.loc[small, columns], whole.loc[small, columns], rtol=1e-6, atol=1e-9
    )


def test_a_body_too_large_for_memory_is_measured_from_a_part_of_its_voxels(tmp_path):
    labels = np.zeros((30, 30, 90), np.uint8)
    labels[10:20, 10:20, 5:85] = 1
    labels[1:4, 1:4, 5:60] = 2
    whole = measure_fibers(labels)
    found = by_blocks(labels, 16, tmp_path, batch=1000)
    exact = ["voxels", "volume", "touches_border", "extent_z", "extent_x", "contacts"]
    pd.testing.assert_frame_equal(found[exact], whole[exact])
    others = whole.columns.difference(["spacing"])
    pd.testing.assert_frame_equal(found.loc[1:, others], whole.loc[1:, others])
    for name in ("centroid_x", "length", "arc_length", "radius"):
        np.testing.assert_allclose(found[name], whole[name], rtol=0.02)


def test_no_fibers(tmp_path):
    found = by_blocks(np.zeros((9, 9, 9), np.uint8), 4, tmp_path)
    whole = measure_fibers(np.zeros((9, 9, 9), np.uint8))
    assert list(found.columns) == list(whole.columns)
    assert len(found) == 0


def test_a_probability_of_another_shape(tmp_path):
    labels = np.ones((5, 5, 5), np.uint8)
    with pytest.raises(InputError, match="same image"):
        by_blocks(labels, 4, tmp_path, np.ones((5, 5, 4)))
