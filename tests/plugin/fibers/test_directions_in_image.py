"""The direction plot of an image, which has no z."""

import numpy as np
import pandas as pd
import pytest

from napari_sciml.plugin.fibers.direction_plot import HALF_HEIGHT, DirectionPlot

pytestmark = pytest.mark.gui


@pytest.fixture
def plot(qtbot):
    made = DirectionPlot()
    qtbot.addWidget(made)
    return made


def table(angles, lengths) -> pd.DataFrame:
    phi = np.radians(angles)
    ends = {"dz": 0 * phi, "dy": np.sin(phi), "dx": np.cos(phi), "length": lengths}
    return pd.DataFrame({"label": np.arange(1, len(phi) + 1), **ends})


def test_points_lie_along_the_fibers_as_the_image_shows_them(plot) -> None:
    plot.set_flat(True)
    plot.show_fibers(table([0, 90, 45], [10.0, 20.0, 5.0]))
    x, y = plot._points.getData()
    # 90 degrees is along y, which points down in images and up in plots.
    half = np.sqrt(0.5) / 4
    expected = HALF_HEIGHT * np.array([[0.5, 0], [0, -1], [half, -half]])
    np.testing.assert_allclose(np.c_[x, y][:3], expected, atol=1e-6)
    np.testing.assert_allclose(np.c_[x, y][3:], -expected, atol=1e-6)


@pytest.mark.parametrize("flat", [True, False])
def test_one_of_the_two_grids_is_shown(plot, flat) -> None:
    plot.set_flat(flat)
    shown = {text.textItem.toPlainText() for text in plot._names if text.isVisible()}
    assert shown == ({"x", "y"} if flat else {"x", "y", "z", "-x", "-y", "-z"})


def test_many_fibers_of_an_image_stay_points(plot) -> None:
    plot.set_flat(True)
    plot.show_fibers(table(np.linspace(0, 180, 400), np.ones(400)))
    assert plot._points.isVisible()
    assert not plot._density.isVisible()
