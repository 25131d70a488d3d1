"""Tubes are closed, of the right size, and where their lines are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sciml.fibers.report.tubes import RINGS, SIDES, tubes


def straight(direction, length=20.0, points=33) -> np.ndarray:
    direction = np.asarray(direction, float) / np.linalg.norm(direction)
    return np.linspace(-length / 2, length / 2, points)[:, None] * direction


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """By the divergence theorem; positive where all faces look outwards."""
    a, b, c = (vertices[faces[:, i]].astype(float) for i in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6)


@given(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda v: np.linalg.norm(v) > 0.1))
def test_a_straight_tube_is_a_prism(direction) -> None:
    made = tubes([straight(direction)], [2.0])
    base = SIDES / 2 * 2.0**2 * np.sin(2 * np.pi / SIDES)  # area of a regular polygon
    assert abs(volume(made.vertices, made.faces)) == pytest.approx(20 * base, rel=1e-3)


def test_every_edge_has_two_faces() -> None:
    made = tubes([straight((1, 2, 3)), straight((0, 0, 1))], [1.0, 2.0])
    edges = np.sort(made.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    assert set(np.unique(edges, axis=0, return_counts=True)[1]) == {2}
    assert np.unique(made.owners).tolist() == [0, 1]
    assert (made.owners[made.faces] == made.owners[made.faces[:, :1]]).all()


def test_a_bent_tube_keeps_its_distance() -> None:
    turn = np.linspace(0, np.pi / 2, 33)
    line = 30 * np.stack([np.zeros(33), np.cos(turn), np.sin(turn)], 1)
    made = tubes([line], [3.0])
    wall = made.vertices[: RINGS * SIDES].reshape(RINGS, SIDES, 3)
    centers = line[np.linspace(0, 32, RINGS).round().astype(int)]
    for ring, center in zip(wall, centers, strict=True):
        distance = np.linalg.norm(ring - center, axis=1)
        np.testing.assert_allclose(distance, 3, rtol=1e-5)


def test_none_and_a_line_of_one_point() -> None:
    assert len(tubes(np.zeros((0, 33, 3)), []).faces) == 0
    assert np.isfinite(tubes(np.zeros((1, 33, 3)), [1.0]).vertices).all()
