import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from napari_sciml.errors import InputError
from napari_sciml.fibers.report.figures import unit_symbol
from napari_sciml.fibers.report.overview import overview_picture
from napari_sciml.fibers.report.plots import (
    hammer_plot,
    length_histogram,
    rose_plot,
)


def table_of(n, flat=False):
    rng = np.random.default_rng(0)
    directions = np.abs(rng.normal(size=(n, 3))) * [0 if flat else 1, 1, 1]
    directions /= np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-9)
    table = pd.DataFrame(directions, columns=["dz", "dy", "dx"])
    table["phi_deg"] = np.degrees(np.arctan2(table.dy, table.dx))
    table["length"] = rng.uniform(20, 80, n)
    return table


def pixels(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=60)
    buffer.seek(0)
    return imread(buffer)[..., :3]


def texts(figure):
    found = [text.get_text() for text in figure.texts]
    for axes in figure.axes:
        found += [axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()]
    return found


@pytest.mark.parametrize("draw", [length_histogram, hammer_plot, rose_plot])
@pytest.mark.parametrize("n", [0, 1, 2, 5, 2000])
def test_any_number_of_fibers(draw, n):
    figure = draw(table_of(n, flat=draw is rose_plot))
    assert pixels(figure).std() > 0.01
    title = {0: "No fibers", 1: "1 fiber"}.get(n, f"{n:,} fibers")
    assert title in texts(figure)


@pytest.mark.parametrize("draw", [length_histogram, hammer_plot, rose_plot])
@pytest.mark.parametrize("n", [1, 50, 5000])
def test_nothing_is_clipped(draw, n):
    """The outermost pixels of the figure are blank."""
    picture = pixels(draw(table_of(n)))
    for edge in (picture[0], picture[-1], picture[:, 0], picture[:, -1]):
        assert (edge == 1).all()


def test_equal_lengths():
    table = table_of(4)
    table["length"] = 12.0
    axes = length_histogram(table).axes[0]
    assert max(bar.get_height() for bar in axes.containers[0]) == pytest.approx(1)


def test_histogram_shares_add_up():
    axes = length_histogram(table_of(300), "um").axes[0]
    by_number = [p.get_height() for p in axes.containers[0]]
    by_length = axes.patches[-1].get_data().values
    assert sum(by_number) == pytest.approx(1)
    assert by_length.sum() == pytest.approx(1)
    assert axes.get_xlabel() == "Fiber length, end to end (µm)"


@pytest.mark.parametrize(("unit", "symbol"), [("um", "µm"), ("mm", "mm")])
def test_unit_symbol(unit, symbol):
    assert unit_symbol(unit) == symbol


@pytest.mark.parametrize(
    ("shape", "voxel_size", "titles"),
    [
        ((20, 30), None, [""]),
        ((20, 30, 40), None, ["z = 10", "y = 15", "x = 20"]),
        ((8, 30, 40), (3, 1, 1), ["z = 4", "y = 15", "x = 20"]),
        ((400, 20, 20), None, ["z = 200", "y = 10", "x = 10"]),
    ],
)
def test_overview(shape, voxel_size, titles):
    rng = np.random.default_rng(0)
    image, labels = rng.normal(size=shape).astype(np.float32), np.zeros(shape, int)
    gray = pixels(overview_picture(image, labels, voxel_size=voxel_size))
    labels[tuple(slice(n // 4, 3 * n // 4) for n in shape)] = 3
    figure = overview_picture(image, labels, voxel_size=voxel_size)
    assert [axes.get_title() for axes in figure.axes] == titles
    # Gray without instances, colored with them.
    assert np.ptp(gray, axis=2).max() == 0
    assert np.ptp(pixels(figure), axis=2).max() > 0.3


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_overview_of_a_constant_image(value):
    image = np.full((5, 5), value, np.float32)
    assert np.isfinite(pixels(overview_picture(image, np.zeros((5, 5), int)))).all()


@pytest.mark.parametrize(
    ("shape", "labels", "voxel_size"),
    [((5, 5), (5, 6), None), ((5,), (5,), None), ((5, 5), (5, 5), (1, 1, 1))],
)
def test_overview_refuses_what_does_not_fit(shape, labels, voxel_size):
    with pytest.raises(InputError):
        overview_picture(np.zeros(shape), np.zeros(labels, int), voxel_size=voxel_size)
