"""Which fibers are shown, and in which colors."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from napari_sciml.errors import InputError
from napari_sciml.fibers.report.coloring import (
    COLOR_BY,
    UNKNOWN,
    color_scale,
    fiber_colors,
    number_colors,
)
from napari_sciml.fibers.report.filtering import (
    FiberFilter,
    filter_units,
    filtered_values,
)


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "label": [1, 2, 4],
            "length": [10.0, 20.0, 30.0],
            "diameter": [2.0, 3.0, np.nan],
            "volume": [5.0, 6.0, 7.0],
            "mean_confidence": [0.5, 0.9, 1.0],
            "touches_border": [False, True, False],
            "dz": [1.0, 0.0, 0.0],
            "dy": [0.0, 1.0, 0.6],
            "dx": [0.0, 0.0, -0.8],
        }
    )


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({}, [1, 2, 4]),
        ({"length": (10, 20)}, [1, 2]),
        ({"diameter": (0, 100)}, [1, 2]),
        ({"volume": (6, 6)}, [2]),
        ({"confidence": (0.8, 1)}, [2, 4]),
        ({"angle": (0, 45)}, [1]),
        ({"angle": (0, 45), "axis": "x"}, [4]),
        ({"whole": True}, [1, 4]),
        ({"whole": True, "length": (15, 40)}, [4]),
        ({"length": (11, 12)}, []),
    ],
)
def test_keeps(limits: dict, kept: list[int]) -> None:
    rows = FiberFilter(**limits).keeps(table())
    assert table()["label"][rows].tolist() == kept


def test_without_confidence_that_limit_keeps_nothing() -> None:
    plain = table().drop(columns="mean_confidence")
    assert not FiberFilter(confidence=(0, 1)).keeps(plain).any()
    assert FiberFilter().keeps(plain).all()


def test_says_what_is_left() -> None:
    chosen = FiberFilter(length=(20, 80), angle=(0, 30), axis="y", whole=True)
    assert chosen.words("micrometer") == (
        "length 20 to 80 µm; angle to y 0 to 30 °; none at the border of the image"
    )
    assert FiberFilter().words() == ""
    assert filter_units("micrometer", 2)["volume"] == "µm²"


def test_unknown_limits_are_refused() -> None:
    with pytest.raises(ValidationError):
        FiberFilter(weight=(0, 1))


def test_angles_do_not_mind_the_sign() -> None:
    angles = filtered_values(table(), "angle", "x")
    np.testing.assert_allclose(angles, [90, 90, np.degrees(np.arccos(0.8))])


@pytest.mark.parametrize("by", COLOR_BY)
def test_colors_are_colors(by: str) -> None:
    colors = fiber_colors(table(), by)
    assert colors.shape == (3, 3)
    assert np.isfinite(colors).all()
    assert ((colors >= 0) & (colors <= 1)).all()
    assert fiber_colors(table()[:0], by).shape == (0, 3)


def test_directions_are_red_green_and_blue() -> None:
    np.testing.assert_allclose(
        fiber_colors(table(), "direction"), [[0, 0, 1], [0, 1, 0], [0.8, 0.6, 0]]
    )


def test_values_run_along_the_bar() -> None:
    colors = fiber_colors(table(), "length")
    np.testing.assert_allclose(colors[0], (0.267, 0.005, 0.329))
    np.testing.assert_allclose(colors[2], (0.993, 0.906, 0.144))
    assert fiber_colors(table(), "diameter")[2].tolist() == list(UNKNOWN)
    scale = color_scale(table(), "length")
    assert scale is not None
    assert (scale.least, scale.greatest) == (10, 30)


def test_without_values_there_is_no_scale() -> None:
    plain = table().drop(columns="mean_confidence")
    assert color_scale(plain, "confidence") is None
    assert (fiber_colors(plain, "confidence") == UNKNOWN).all()
    with pytest.raises(InputError, match="cannot be colored by"):
        fiber_colors(table(), "weight")


def test_neighbors_in_number_differ() -> None:
    colors = number_colors(np.arange(1, 200))
    assert np.abs(np.diff(colors, axis=0)).max(axis=1).min() > 0.2


def test_neighbors_in_space_differ() -> None:
    rng = np.random.default_rng(4)
    centers = rng.random((300, 3)) * 100
    labels = rng.permutation(np.arange(1, 301))
    columns = dict(
        zip(("centroid_z", "centroid_y", "centroid_x"), centers.T, strict=True)
    )
    colors = fiber_colors(pd.DataFrame({"label": labels, **columns}), "number")
    distance = np.linalg.norm(centers[:, None] - centers, axis=-1)
    np.fill_diagonal(distance, np.inf)
    for fiber, others in enumerate(np.argsort(distance, axis=1)[:, :6]):
        assert (colors[others] != colors[fiber]).any(axis=1).all()


def test_one_fiber_has_the_color_of_its_number() -> None:
    one = table().iloc[:1]
    np.testing.assert_array_equal(
        fiber_colors(one, "number"), number_colors(one["label"])
    )
