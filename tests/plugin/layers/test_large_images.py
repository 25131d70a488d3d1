"""Layers on images with large planes: the viewer handles what is on its screen."""

import numpy as np
import pytest
import tifffile

from napari_sciml.focus.rating.cells import CellGrid
from napari_sciml.images.lazy import LazyArray
from napari_sciml.plugin.layers import pyramid
from napari_sciml.plugin.layers.axes import finest
from napari_sciml.plugin.layers.blanking import Blanked, CellMask, blank_layer
from napari_sciml.plugin.layers.pyramid import COARSEST, pyramid_of


class OnDisk(LazyArray):
    def _read(self, key):
        raise AssertionError("nothing is read to make levels")


@pytest.mark.parametrize("shape", [(1000, 2000), (300, 64, 64), (2, 1448, 1448)])
def test_planes_that_a_viewer_takes_as_they_are(shape) -> None:
    data = np.zeros(shape, np.float16)
    assert pyramid_of(data) == [data]


@pytest.mark.parametrize("shape", [(8000, 8000), (3, 1501, 1999), (1, 9, 2**20)])
def test_levels_are_views_of_the_array(shape) -> None:
    data = np.zeros(shape, np.float16)
    levels = pyramid_of(data)
    assert levels[0] is data
    assert np.prod(levels[-1].shape[-2:]) <= COARSEST < np.prod(levels[-2].shape[-2:])
    data[..., 4, 8] = 1
    for number, level in enumerate(levels[:3]):
        assert level.shape[:-2] == shape[:-2]
        assert level is data or level.base is data
        assert (level[..., 4 >> number, 8 >> number] == 1).all()


def test_what_is_on_a_disk_brings_its_own_levels() -> None:
    lazy = OnDisk((8000, 8000), np.dtype(np.float16))
    assert pyramid_of(lazy) == [lazy]


@pytest.fixture
def large(monkeypatch):
    """Small planes count as large."""
    monkeypatch.setattr(pyramid, "LARGE", 200)
    monkeypatch.setattr(pyramid, "COARSEST", 100)


@pytest.mark.gui
def test_our_image_layers_have_levels(large, trained, viewer) -> None:
    volume = trained.prediction.probabilities
    for name, values in (
        ("Probability fiber", volume.mean[1]),
        ("Uncertainty", volume.std[1]),
    ):
        layer = viewer.layers[name]
        assert layer.multiscale
        assert layer.data[1].shape == (16, 16, 16)
        np.testing.assert_array_equal(layer.data[0], values)
        assert np.shares_memory(layer.data[-1], values)
    np.testing.assert_array_equal(viewer.layers["Uncertainty"].scale, (3, 2, 2))


@pytest.mark.gui
def test_labels_stay_one_array_to_paint_on(large, trained, open_dock, viewer) -> None:
    open_dock("Uncertainty").keep.click()
    trained.sure.settle()
    assert isinstance(viewer.layers["Confident fiber"].data, np.ndarray)


@pytest.mark.gui
def test_another_class_and_another_measure(large, trained, open_dock, viewer) -> None:
    dock, volume = open_dock("Uncertainty"), trained.prediction.probabilities
    layer = viewer.layers["Uncertainty"]
    dock.classes.activated.emit(0)
    np.testing.assert_array_equal(layer.data[0], volume.std[0])
    dock.measure.setCurrentText("Entropy")
    np.testing.assert_array_equal(layer.data[1], volume.entropy[:, ::2, ::2])


@pytest.mark.gui
def test_a_mask_over_what_is_not_to_be_trusted(large, trained, viewer) -> None:
    mask = np.zeros((16, 4, 4), np.uint8)
    mask[:, 0] = 1
    corner = np.array([0])
    cover = CellMask(mask, CellGrid((32, 32), corner, corner, tile=32, cells=(4, 4)))
    layer = viewer.layers["Probability fiber"]
    blank_layer(layer, cover)
    assert all(isinstance(level, Blanked) for level in layer.data)
    assert np.isnan(layer.data[1][:, :4]).all()
    assert np.isfinite(layer.data[1][:, 4:]).all()
    blank_layer(layer, None)
    assert isinstance(finest(layer), np.ndarray)


@pytest.mark.gui
def test_layers_are_saved_whole(large, trained, viewer, tmp_path) -> None:
    volume, layer = trained.prediction.probabilities, viewer.layers["Uncertainty"]
    layer.save(str(tmp_path / "one.tif"))
    saved = tifffile.imread(tmp_path / "one.tif")
    np.testing.assert_array_equal(saved, volume.std[1].astype(saved.dtype))
    viewer.layers.save(str(tmp_path / "all"))
    names = {path.stem for path in (tmp_path / "all").iterdir()}
    assert names == {layer.name for layer in viewer.layers}
