"""More fibers than napari gives colors to by itself."""

import numpy as np
import pytest

from napari_sciml.plugin.kit.many_labels import MOST_COLORS, colormap_of_many

pytestmark = pytest.mark.gui


@pytest.mark.parametrize("count", [300, MOST_COLORS + 1, 3 * MOST_COLORS])
def test_the_canvas_shows_each_label_in_its_color(make_napari_viewer, count):
    viewer = make_napari_viewer(show=True)
    colors = np.random.default_rng(0).random((count, 4)).astype(np.float32)
    colors[:, 3], colors[0] = 1, 0
    colors[[3, count - 1, count - 2]] = [(1, 0, 0, 1), (0, 0, 1, 1), (0, 1, 0, 0)]
    data = np.zeros((40, 40), np.int32)
    data[:, :10], data[:, 10:20], data[:, 20:30] = 3, count - 1, count - 2
    data[:, 30:] = count + 5  # painted since
    layer = viewer.add_labels(data, opacity=1)
    layer.colormap = colormap_of_many(colors)
    seen = viewer.screenshot(canvas_only=True, flash=False)[..., :3]
    row = seen[len(seen) // 2].astype(int)
    red, blue = (row == (255, 0, 0)).all(1), (row == (0, 0, 255)).all(1)
    assert red.sum() == pytest.approx(blue.sum(), abs=2)
    assert red.sum() > 50
    # Hidden ones, and those that nobody has measured, show what is below.
    assert (row == 0).all(1).sum() > 2 * red.sum() - 4


def test_colors_are_rounded_only_where_there_are_too_many():
    colors = np.random.default_rng(0).random((500, 4)).astype(np.float32)
    few = colormap_of_many(colors)
    np.testing.assert_allclose(few.color_dict[7], colors[7], atol=1e-6)
    many = colormap_of_many(np.tile(colors, (200, 1)))
    np.testing.assert_allclose(many.color_dict[7], colors[7], atol=0.5 / 29)
