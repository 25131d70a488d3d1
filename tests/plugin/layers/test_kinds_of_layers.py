"""Color, channels and time: which layers work, and how ours lie on them."""

import dask.array as da
import numpy as np
import pytest
from gui_helpers import is_settled
from napari.layers import Image, Labels
from scipy.spatial.transform import Rotation

from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage
from napari_sciml.plugin.layers.images import (
    dims_for,
    layer_transform,
    pixels,
    space_of,
)
from napari_sciml.plugin.session import ViewerSession
from napari_sciml.plugin.train.status import Phase

TURN = Rotation.from_euler("xyz", [20, -35, 50], degrees=True).as_matrix()


def within(turn, ndim):
    """A rotation of the last axes of an image."""
    matrix = np.eye(ndim)
    matrix[-len(turn) :, -len(turn) :] = turn
    return matrix


def affine(ndim, *, channels=False):
    """Any map of space; an axis of channels is only scaled and shifted."""
    matrix = np.eye(ndim + 1)
    matrix[:-1] += np.random.default_rng(0).uniform(-0.4, 0.4, (ndim, ndim + 1))
    if channels:
        matrix[0, 1:-1] = matrix[1:-1, 0] = 0
    return matrix


CZYX, TYX = ("c", "z", "y", "x"), ("t", "y", "x")
EYE = np.eye(3)
SHEAR4 = np.array([0, 0, 0, 0.2, -0.1, 0.4])
PLACES = {
    "plain 2D": ((6, 7), {}),
    "2D": ((6, 7), {"scale": (3, 0.5), "rotate": 33, "translate": (5, -6)}),
    "2D sheared": ((6, 7), {"scale": (2, -1), "shear": [0.3], "rotate": 20}),
    "2D affine": ((6, 7), {"affine": affine(2), "scale": (2, 3)}),
    "3D": ((5, 6, 7), {"scale": (3, 2, 1), "rotate": (10, 20, 30)}),
    "3D units": ((5, 6, 7), {"units": ("um", "nm", "mm"), "axis_labels": "zyx"}),
    "3D all": (
        (5, 6, 7),
        {
            **{"scale": (3, -2, 1), "rotate": TURN, "shear": (0.1, 0.2, 0.3)},
            **{"translate": (4, 5, 6), "affine": affine(3)},
        },
    ),
    "3D lower shear": ((5, 6, 7), {"shear": np.tril(np.full((3, 3), 0.2), -1) + EYE}),
    "time": (
        (5, 6, 7),
        {"scale": (0.5, 2, 2), "axis_labels": TYX, "units": ("s", "um", "um")},
    ),
    "color": ((6, 7, 3), {"rgb": True, "scale": (3, 2), "rotate": 40, "shear": [0.2]}),
    "color volume": ((5, 6, 7, 4), {"rgb": True, "affine": affine(3)}),
    "channels 2D": (
        (3, 6, 7),
        {
            **{"axis_labels": ("Channel", "y", "x"), "scale": (9, 2, 3)},
            **{"translate": (8, 4, 5)},
        },
    ),
    "channels 3D": (
        (2, 5, 6, 7),
        {
            **{"axis_labels": CZYX, "units": ("pixel", "um", "um", "um")},
            **{"scale": (7, 3, 2, 1), "rotate": within(TURN, 4), "shear": SHEAR4},
            **{"translate": (1, 2, 3, 4), "affine": affine(4, channels=True)},
        },
    ),
    "channels of frames": ((2, 5, 6, 7), {"axis_labels": ("c", "t", "y", "x")}),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Non-orthogonal")
@pytest.mark.parametrize("kind", PLACES)
def test_our_layers_lie_on_the_image(kind) -> None:
    shape, options = PLACES[kind]
    layer = Image(np.zeros(shape, np.uint8), **options)
    space = space_of(layer)
    ours = Labels(np.zeros(pixels(layer).shape, np.uint8), **layer_transform(layer))
    assert ours.ndim == len(space)
    assert ours.units == tuple(layer.units[axis] for axis in space)
    assert ours.axis_labels == tuple(layer.axis_labels[axis] for axis in space)
    for point in np.random.default_rng(1).uniform(-9, 9, (20, layer.ndim)):
        expected = np.asarray(layer.data_to_world(point))[space]
        np.testing.assert_allclose(ours.data_to_world(point[space]), expected)


PIXELS = {
    "gray": ((6, 7), {}, 1, None),
    "volume": ((5, 6, 7), {}, 1, None),
    "frames": ((5, 6, 7), {"axis_labels": TYX}, 1, 2),
    "frames, spelled": ((5, 6, 7), {"axis_labels": ("Time", "y", "x")}, 1, 2),
    "kymograph": ((5, 6), {"axis_labels": ("t", "x")}, 1, None),
    "color": ((6, 7, 3), {"rgb": True}, 3, None),
    "color with alpha": ((6, 7, 4), {"rgb": True}, 3, None),
    "color volume": ((5, 6, 7, 3), {"rgb": True}, 3, None),
    "color movie": ((5, 6, 7, 3), {"rgb": True, "axis_labels": TYX}, 3, 2),
    "channels": ((2, 5, 6, 7), {"axis_labels": CZYX}, 2, None),
    "one channel": ((1, 6, 7), {"axis_labels": ("c", "y", "x")}, 1, None),
    "channels of frames": (
        *((4, 5, 6, 7), {"axis_labels": ("channels", "frame", "y", "x")}),
        *(4, 2),
    ),
}


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize("kind", PIXELS)
def test_what_the_stages_get(kind, lazy) -> None:
    shape, options, channels, dims = PIXELS[kind]
    data = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    layer = Image(da.from_array(data) if lazy else data, **options)
    image = pixels(layer)
    assert dims_for(layer) == dims
    if not {"rgb", "axis_labels"} & options.keys() or kind.startswith("frames"):
        # Nothing is copied, and dask waits until something is read.
        assert (image.source if lazy else image) is layer.data
        return
    if kind == "kymograph":
        return
    if kind == "one channel":  # as a file is read: gray
        np.testing.assert_array_equal(image[...], data[0])
        return
    assert isinstance(image, ChannelImage)
    assert image.channels == channels
    expected = data if options.get("rgb") else np.moveaxis(data, 0, -1)
    np.testing.assert_array_equal(image[...], expected[..., :channels])


REFUSED = [
    ((2, 5, 6, 7), {}, r"has 4 axes.*layer.axis_labels = \('c', 'z', 'y', 'x'\)"),
    ((2, 5, 6, 7), {"axis_labels": ("t", "z", "y", "x")}, "single time point .*Split"),
    ((2, 2, 5, 6, 7), {"axis_labels": ("c", "t", "z", "y", "x")}, "single time point"),
    ((2, 2, 5, 6, 7), {"axis_labels": ("c", "a", "z", "y", "x")}, "has 4 axes"),
    ((2, 5, 6, 7), {"axis_labels": ("z", "c", "y", "x")}, "its axis 2, .*data, 1, 0"),
    ((6, 7, 3), {"axis_labels": ("y", "x", "c")}, "its axis 3"),
    ((2, 6, 7, 3), {"rgb": True, "axis_labels": ("c", "y", "x")}, "color image and"),
    ((6, 7, 5), {"axis_labels": ("y", "x", "t")}, r"time axis.*data, 2, 0"),
    ((3, 9), {"axis_labels": ("c", "x")}, "has 1 axes"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "options", "told"), REFUSED)
def test_what_is_refused_with_a_sentence(shape, options, told) -> None:
    with pytest.raises(InputError, match=told):
        pixels(Image(np.zeros(shape, np.uint8), name="strange", **options))


@pytest.mark.parametrize("name", ["rotate", "shear", "affine"])
def test_channels_that_do_not_lie_upon_each_other_are_refused(name) -> None:
    matrix = np.eye(4)
    matrix[0, 2] = 0.3
    if name == "rotate":
        matrix = within(TURN, 3)
    given = matrix if name == "affine" else matrix[:3, :3]
    layer = Image(np.zeros((2, 6, 7)), axis_labels=("c", "y", "x"), **{name: given})
    with pytest.raises(InputError, match="across its channels"):
        layer_transform(layer)


def scene(shape):
    """Two channels of equal sum everywhere, strokes, and where the first is darker."""
    rng = np.random.default_rng(0)
    truth = np.zeros(shape, bool)
    truth[..., 12:22, :] = True
    first = np.clip(np.where(truth, 80, 150) + rng.normal(0, 12, shape), 0, 230)
    labels = np.zeros(shape, np.uint8)
    where = (slice(1, None, 3),) * (len(shape) - 2)
    for row, value in ((13, 2), (20, 2), (5, 1), (9, 1), (25, 1)):
        labels[(*where, row, slice(4, 28))] = value
    return np.stack([first, 230 - first]).astype(np.uint8), labels, truth


def color():
    """An RGB picture with alpha."""
    (red, green), labels, truth = scene((32, 34))
    blue, alpha = np.full_like(red, 60), np.full_like(red, 255)
    data = np.stack([red, green, blue, alpha], axis=-1)
    return data, {"rgb": True, "scale": (2, 2)}, labels, truth


def movie():
    """An RGB time series."""
    (red, green), labels, truth = scene((4, 32, 34))
    data = np.stack([red, green, np.full_like(red, 60)], axis=-1)
    return data, {"rgb": True, "axis_labels": TYX}, labels, truth


def channels():
    """Two channels of a volume, anisotropic and turned."""
    data, labels, truth = scene((10, 32, 34))
    turn = Rotation.from_euler("x", 30, degrees=True).as_matrix()
    place = {
        **{"scale": (5, 3, 2, 2), "rotate": within(turn, 4), "translate": (0, 9, 8, 7)},
        **{"axis_labels": CZYX, "units": ("pixel", "um", "um", "um")},
    }
    return data, place, labels, truth


def frames():
    """A gray time series."""
    (first, _), labels, truth = scene((5, 32, 34))
    return first, {"axis_labels": TYX, "units": ("s", "um", "um")}, labels, truth


@pytest.mark.gui
@pytest.mark.timeout(240)
@pytest.mark.filterwarnings("ignore:Non-orthogonal")
@pytest.mark.parametrize("make", [color, movie, channels, frames])
def test_from_strokes_to_a_prediction(make, viewer, open_dock, patience) -> None:
    data, options, labels, truth = make()
    viewer.add_image(data, name="image", **options)
    session = ViewerSession.of(viewer)
    annotate, train = open_dock("Annotate"), open_dock("Train")
    annotate.start.click()
    assert annotate.error.text() == ""
    layer = session.workspace.annotation.layer
    assert layer.data.shape == labels.shape
    strokes = np.nonzero(labels)
    layer.data_setitem(strokes, labels[strokes])
    patience(lambda: len(session.workspace.annotation.counts.voxels) == 2)

    train.members.setValue(2)
    train.seconds.setValue(3)
    train.start.click()
    patience(lambda: is_settled(session) or bool(train.error.text()))
    assert train.error.text() == ""
    volume = session.prediction.probabilities
    found = volume.mean[1] > 0.5
    assert 2 * (found & truth).sum() / (found.sum() + truth.sum()) > 0.8
    flat = options.get("axis_labels") == TYX
    assert session.training.settings.dims == (2 if flat else None)

    image = session.workspace.image
    space = space_of(image)
    for name in ("Annotation", "Probability fiber", "Uncertainty"):
        ours = viewer.layers[name]
        point = np.arange(image.ndim) + 0.5
        expected = np.asarray(image.data_to_world(point))[space]
        np.testing.assert_allclose(ours.data_to_world(point[space]), expected)
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)


@pytest.mark.gui
def test_a_model_for_another_number_of_channels_is_refused(
    trained, viewer, open_dock
) -> None:
    dock = open_dock("Train")
    shape = trained.workspace.image.data.shape
    other = viewer.add_image(np.zeros((2, *shape), np.uint8), axis_labels=CZYX)
    trained.workspace.choose_image(other)
    dock.predict.click()
    assert "with gray values, but this one has 2 channels" in dock.error.text()
    assert trained.training.phase is Phase.IDLE


@pytest.mark.gui
def test_the_view_leaves_channels_and_further_axes_out(viewer) -> None:
    data = np.zeros((2, 6, 20, 24), np.uint8)
    layer = viewer.add_image(
        data, axis_labels=CZYX, scale=(1, 3, 2, 2), translate=(0, 9, 0, 0)
    )
    session = ViewerSession.of(viewer)
    session.workspace.choose_image(layer)
    viewer.add_image(np.zeros((3, *data.shape), np.uint8), name="more axes")
    assert viewer.dims.ndim == 5
    for channel in (0, 1):
        viewer.dims.set_point([1, 2], [channel, 9 + 3 * 4])
        session.workspace.follow_view()
        view = session.workspace.target.view
        assert view.region == (slice(4, 5), slice(0, 20), slice(0, 24))
        assert len(view.visible) == len(view.point) == 3
        assert view.point[0] == 4
        assert not view.volume
    viewer.dims.ndisplay = 3
    session.workspace.follow_view()
    assert session.workspace.target.view.volume


@pytest.mark.gui
def test_the_view_of_a_color_image(viewer) -> None:
    viewer.add_image(np.zeros((6, 20, 24, 3), np.uint8), rgb=True)
    session = ViewerSession.of(viewer)
    viewer.dims.set_point(0, 3)
    assert session.workspace.shown_region() == (slice(3, 4), slice(0, 20), slice(0, 24))


@pytest.mark.gui
def test_a_place_to_label_leaves_the_shown_channel(viewer, patience) -> None:
    layer = viewer.add_image(np.zeros((2, 16, 40, 40), np.uint8), axis_labels=CZYX)
    session = ViewerSession.of(viewer)
    session.workspace.choose_image(layer)
    viewer.dims.set_point(0, 1)
    session.workspace.start_annotating()
    session.prediction.prepare(("background", "fiber"))
    volume = session.prediction.probabilities
    volume.known[...] = True
    volume.mutual_information[9, 20:26, 20:26] = 0.6
    session.guide.show_next()
    patience(lambda: session.guide.spot is not None)
    assert viewer.dims.current_step[:2] == (1, 9)
