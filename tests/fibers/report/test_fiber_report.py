"""The figures with intervals, and the page that holds all."""

import io
import re
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from napari_sciml.fibers.geometry.measure import measure_fibers
from napari_sciml.fibers.report.distribution_plots import (
    correlation_plot,
    length_distribution_plot,
    sweep_plot,
)
from napari_sciml.fibers.report.page import key_numbers, report_html
from napari_sciml.fibers.statistics.autocorrelation import sphere_correlation
from napari_sciml.fibers.statistics.bootstrap import Interval
from napari_sciml.fibers.statistics.distributions import describe_distributions
from napari_sciml.fibers.statistics.summary import summarize


def some_fibers(count, shape=(40, 60, 60)):
    rng = np.random.default_rng(count)
    labels = np.zeros(shape, np.uint16)
    for i in range(count):
        corner = rng.integers(1, 30, len(shape))
        edges = [2, 3, int(rng.integers(8, 29))][-len(shape) :]
        labels[tuple(slice(a, a + n) for a, n in zip(corner, edges, strict=True))] = (
            i + 1
        )
    return labels


def pixels(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=60)
    buffer.seek(0)
    return imread(buffer)[..., :3]


def is_whole(figure):
    """Something is drawn, and nothing is clipped: the outermost pixels are blank."""
    picture = pixels(figure)
    edges = (picture[0], picture[-1], picture[:, 0], picture[:, -1])
    return picture.std() > 0.01 and all((edge == 1).all() for edge in edges)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 60])
@pytest.mark.parametrize("shape", [(40, 60, 60), (60, 60)])
@pytest.mark.parametrize("edge", [1.0, 20.0])
def test_lengths_of_any_number_of_fibers(count, shape, edge):
    labels = some_fibers(count, shape)
    size = (edge,) * len(shape)
    table = measure_fibers(labels, voxel_size=size)
    assert is_whole(length_distribution_plot(table, shape, size, "um"))


@pytest.mark.parametrize(
    "labels", [some_fibers(0), some_fibers(20), np.ones((1, 9, 9))]
)
def test_correlation_of_any_mask(labels):
    assert is_whole(correlation_plot(sphere_correlation(labels, radius=8), "um"))


def test_correlation_says_what_stands_out():
    labels = np.zeros((128, 128, 128), np.uint8)
    for y, x in np.random.default_rng(0).integers(2, 125, (60, 2)):
        labels[:, y : y + 3, x : x + 3] = 1
    title = correlation_plot(sphere_correlation(labels, radius=20)).axes[0]
    assert title.get_title(loc="right").startswith(r"peak at $\theta$ = 0°, within")


@pytest.mark.parametrize("found", [0, 5])
def test_sweep_of_any_result(found):
    rows = [
        {
            "k": k,
            "t": t,
            "fibers": found,
            **{
                f"length_{name}": 20.0 - 9 * t if found else np.nan
                for name in ("mean", "low", "high", "p10", "p50", "p90")
            },
        }
        for k in (0.0, 1.0)
        for t in (0.3, 0.5)
    ]
    assert is_whole(sweep_plot(pd.DataFrame(rows), "um"))


@pytest.mark.parametrize("count", [0, 1, 60])
@pytest.mark.parametrize("shape", [(40, 60, 60), (60, 60)])
def test_the_page_holds_everything(count, shape):
    labels = some_fibers(count, shape)
    table = measure_fibers(labels)
    summary = summarize(table, shape)
    numbers = key_numbers(summary, describe_distributions(table, shape, draws=30))
    pictures = {f"picture {i}": bytes([i] * 10) for i in range(4)}
    page = report_html("A <mask> & more", "one line", numbers, pictures)
    assert "A &lt;mask&gt; &amp; more" in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    images = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    assert [b64decode(image) for image in images] == list(pictures.values())
    for name, value in numbers:
        assert name in page
        assert value
        assert "nan" not in value
    assert numbers[0][1].startswith(f"{len(table)} (")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Interval(1234.5, 1199.9, 1301.2), "1,234 (1,200 to 1,301)"),
        (Interval(45.23, 43.0, 47.04), "45.2 (43.0 to 47.0)"),
        (Interval(0.001234, 0.00101, 0.002), "0.00123 (0.00101 to 0.00200)"),
        (Interval(0.0, 0.0, 0.0), "0.00 (0.00 to 0.00)"),
        (Interval(3.0, np.nan, np.nan), "3.00"),
        (Interval(np.nan, np.nan, np.nan), "unknown"),
    ],
)
def test_text_of_an_interval(value, text):
    assert value.text() == text


@pytest.mark.parametrize("spread", [0.2, 3.0])
def test_lengths_of_any_spread(spread):
    """Many short fibers and few long ones, and rings, whose ends are in one place."""
    table = measure_fibers(some_fibers(60))
    table["length"] = np.random.default_rng(0).lognormal(1, spread, len(table))
    table.loc[:3, "length"] = 0.0
    figure = length_distribution_plot(table, (40, 60, 60))
    assert is_whole(figure)
    assert max(axes.get_ylim()[1] for axes in figure.axes) < 3
