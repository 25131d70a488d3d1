"""Our own results opened by our reader: masks, fibers, predictions."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from napari.layers import Labels

from napari_sciml.images.lazy import AxesView
from napari_sciml.io.results.arrays import save_labels, save_mask
from napari_sciml.io.results.block_arrays import save_by_blocks
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.plugin.session import ViewerSession

SIZE = (3.0, 0.5, 0.25)
MICRO = ("micrometer",) * 3
KINDS = ("Probability", "Uncertainty")


def numbers(*shape: int) -> np.ndarray:
    """Values that tell every voxel from its neighbors."""
    return np.arange(np.prod(shape)).reshape(shape)


@pytest.mark.situation(
    "In the viewer",
    "`mask.tif`, labels that we wrote, a folder of `fibers`",
    "labels, ready to be painted on; with the measures of each fiber as features",
)
@pytest.mark.parametrize("name", ["mask.tif", "mask.zarr"])
@pytest.mark.parametrize("blocks", [False, True])
def test_a_mask_of_ours_can_be_painted(name, blocks, open_file, tmp_path) -> None:
    mask = numbers(5, 6, 7) % 3 == 0
    if blocks:
        lazy = AxesView(mask.astype(np.uint8), range(3))
        options = {"highest": 1, "chunks": (2, 4, 4)}
        save_by_blocks(tmp_path / name, lazy, SIZE, "micrometer", **options)
    else:
        save_mask(tmp_path / name, mask, SIZE, "micrometer")
    (layer,) = open_file(tmp_path / name)
    assert isinstance(layer, Labels)
    assert (layer.name, layer.data.dtype) == ("mask", np.uint8)
    np.testing.assert_array_equal(layer.data, mask)
    np.testing.assert_allclose(layer.scale, SIZE, rtol=1e-6)
    assert tuple(map(str, layer.units)) == MICRO
    layer.paint((2, 3, 3), 1)
    assert layer.data[2, 3, 3] == 1


def test_a_mask_from_before_we_signed_is_one(open_file, tmp_path) -> None:
    metadata = {"axes": "YX", "min": 0.0, "max": 1.0}
    mask = (numbers(6, 7) % 2).astype(np.uint8)
    tifffile.imwrite(tmp_path / "m.tif", mask, imagej=True, metadata=metadata)
    (layer,) = open_file(tmp_path / "m.tif")
    assert isinstance(layer, Labels)


@pytest.mark.situation(
    "In the viewer",
    "`mask.tif`, labels that we wrote, a folder of `fibers`",
    "labels, ready to be painted on; with the measures of each fiber as features",
)
@pytest.mark.parametrize("file", ["labels.tif", "labels.zarr"])
@pytest.mark.parametrize("by_folder", [False, True])
def test_fibers_are_labels_with_their_measures(
    file, by_folder, open_file, told, tmp_path
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    labels = numbers(5, 6, 7) * 400
    save_labels(folder / file, labels, SIZE, "micrometer")
    pd.DataFrame({"label": [400, 800], "length": [7.5, 9]}).to_csv(
        folder / "fibers.csv", index=False
    )
    (folder / "summary.json").write_text('{"cautions": ["Mind the gap."]}')
    (layer,) = open_file(folder if by_folder else folder / file)
    assert isinstance(layer, Labels)
    np.testing.assert_array_equal(layer.data, labels)
    np.testing.assert_allclose(layer.scale, SIZE, rtol=1e-6)
    assert layer.name == "run"
    assert layer.features["length"].tolist() == [7.5, 9]
    assert [text for _, text in told] == ["Mind the gap."]


@pytest.mark.situation(
    "In the viewer",
    "a prediction",
    "probability and standard deviation of each class; the background is hidden",
)
@pytest.mark.gui
@pytest.mark.parametrize("levels", [None, [(1, 1, 1), (2, 2, 2)]])
def test_a_prediction_is_a_layer_a_class(levels, told, viewer, tmp_path) -> None:
    store = PredictionStore.create(
        tmp_path / "out.zarr",
        (4, 6, 8),
        ("background", "fiber"),
        SIZE,
        "micrometer",
        "zyx",
        (4, 4, 4),
        {"plan": {"cautions": ["Other voxels."]}},
        levels=levels,
    )
    mean = np.stack([np.full((4, 6, 8), 0.25), np.full((4, 6, 8), 0.75)])
    store.write((slice(None),) * 3, mean, mean / 4)
    layers = viewer.open(str(tmp_path / "out.zarr"), plugin="napari-sciml")
    names = [f"{what} {name}" for name in store.class_names for what in KINDS]
    assert [layer.name for layer in layers] == names
    assert [layer.visible for layer in layers] == [False, False, True, False]
    for layer, value in zip(layers, (0.25, 0.0625, 0.75, 0.1875), strict=True):
        finest = layer.data[0] if levels else layer.data
        assert layer.multiscale == bool(levels)
        assert (finest.dtype, finest.shape) == (np.float16, (4, 6, 8))
        assert np.all(finest[...] == value)
        np.testing.assert_allclose(layer.scale, SIZE)
        assert tuple(map(str, layer.units)) == MICRO
        assert layer.axis_labels == ("z", "y", "x")
    assert [text for _, text in told] == ["Other voxels."]
    assert ViewerSession.of(viewer).workspace.images == []
