"""The page that compares images, of numbers made up."""

import numpy as np
import pytest

from napari_sciml.fibers.report.comparison import comparison_html
from napari_sciml.fibers.report.comparison_plots import short_names
from napari_sciml.fibers.statistics.samples import Sample


def interval(value: float | None) -> dict[str, float | None]:
    sides = (value, None, None) if value is None else (value, value - 1, value + 1)
    return dict(zip(("value", "low", "high"), sides, strict=True))


def sample(name: str, mean: float, *, count: int = 9, ndim: int = 3, whole=True):
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(count, 3)) * [ndim == 3, 1, 1]
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    tensor = (np.eye(3) / 3).tolist() if count else None
    found = {
        "length": {"mean": interval(mean if count else None)},
        "length_corrected": {"mean": interval(2 * mean)} if whole else None,
        "orientation": {
            "length_weighted": dict.fromkeys(("a2", "a2_low", "a2_high"), tensor)
        },
    }
    fraction = "volume_fraction" if ndim == 3 else "area_fraction"
    return Sample(
        name,
        "micrometer",
        ndim,
        rng.uniform(1, 2 * mean, count),
        directions,
        {fraction: 0.02, "distributions": found},
    )


@pytest.mark.parametrize("ndim", [2, 3])
def test_sorted_by_length_with_three_pictures(ndim):
    samples = [sample(n, m, ndim=ndim) for n, m in (("a", 30), ("b", 10), ("<c>", 20))]
    page = comparison_html("Fibers", samples, ["look & see"])
    places = [page.index(f"<td>{name}</td>") for name in ("b", "&lt;c&gt;", "a")]
    assert places == sorted(places)
    assert "60.0 (59.0 to 61.0) µm" in page, "border corrected"
    assert page.count("data:image/png") == 3
    assert "look &amp; see" in page


def test_one_image_without_whole_fibers_makes_all_as_seen():
    page = comparison_html("Fibers", [sample("a", 30), sample("b", 10, whole=False)])
    assert "Mean length, as seen" in page
    assert "30.0 (29.0 to 31.0) µm" in page


def test_images_without_fibers_and_of_two_kinds():
    samples = [sample("a", 30), sample("b", 9, count=0), sample("c", 9, ndim=2)]
    page = comparison_html("Fibers", samples)
    assert page.count("data:image/png") == 6, "those of a volume, and of an image"
    assert "unknown" in page
    empty = comparison_html("Fibers", [sample("b", 9, count=0, whole=False)])
    assert empty.count("data:image/png") == 1


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["a", "b$"], ["a", r"b\$"]),
        (
            ["scan-1-of-a-long-beam-time", "scan-22-of-a-long-beam-time"],
            ["…1…", "…22…"],
        ),
        (["x" * 40], ["…" + "x" * 23]),
    ],
)
def test_names_that_fit_beside_a_plot(names, short):
    assert short_names(names) == short
