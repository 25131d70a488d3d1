"""Fibers of known length, from files of all kinds to micrometers, by the command."""

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from file_case import CANONICAL, METERS, FileCase
from file_writers import write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from command import exit_code

ALONG_X, ALONG_Y = (37, 45), (28,)
"""Voxels that fibers are long."""
KINDS = {
    "imagej": ("", "rows"),
    "ome": ("", "tiles"),
    "ngff 4": ("level", "image", "both"),
    "ngff 5": ("level", "both"),
    "hdf5": ("scales", "attributes", "um"),
}


@dataclass(frozen=True)
class Rods(FileCase):
    """A mask of straight fibers with square cross-sections of three voxels."""

    shape: tuple[int, ...] = (18, 40, 56)

    def values(self):
        mask = np.zeros(self.shape, self.dtype)
        for i, length in enumerate(ALONG_X):
            mask[3:6, 4 + 10 * i : 7 + 10 * i, 5 : 5 + length] = 1
        for i, length in enumerate(ALONG_Y):
            mask[11:14, 6 : 6 + length, 8 + 10 * i : 11 + 10 * i] = 1
        return mask

    @property
    def mean_length(self):
        """In micrometers."""
        _, y, x = self.edges
        lengths = [x * n for n in ALONG_X] + [y * n for n in ALONG_Y]
        return 1e6 * float(np.mean(lengths))


@st.composite
def rods(draw):
    kind = draw(st.sampled_from(tuple(KINDS)))
    style = draw(st.sampled_from(KINDS[kind]))
    # Neither flat nor needles: what is measured is the length and not the grid.
    scale = draw(st.sampled_from((3e-8, 4.2e-7, 1.7e-5, 6e-4)))
    edges = tuple(scale * draw(st.floats(0.6, 1.6)) for _ in range(3))
    unit = st.just("um") if style == "um" else st.sampled_from(tuple(METERS))
    return Rods(
        kind=kind,
        dtype=draw(st.sampled_from(("u1", "u2"))),
        big_endian=draw(st.booleans()),
        edges=edges,
        units=draw(st.tuples(unit, unit, unit)),
        style=style,
        compression=draw(st.sampled_from((None, "zlib"))),
    )


def measured(path, out, *more):
    """The summary that the command writes."""
    # Nearly all of the time goes into pictures, which say nothing of lengths.
    pictures = "napari_sciml.io.results.fiber_files._figures"
    with mock.patch(pictures, return_value=({}, None)):
        exit_code("fibers", str(path), "--out", str(out), *more)
    return json.loads((out / "summary.json").read_text())


@given(rods(), st.sampled_from(("", "um", "nm")))
@settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=10,
    suppress_health_check=list(HealthCheck),
)
def test_lengths_are_those_that_were_put_in(case, unit):
    with tempfile.TemporaryDirectory() as folder:
        path = write(case, Path(folder))
        more = ("--no-split", "--dust", "0", "--slenderness", "0")
        asked = ("--unit", unit) if unit else ()
        summary = measured(path, Path(folder) / "out", *more, *asked)
    micrometers = 1e6 * (METERS | CANONICAL)[summary["unit"]]
    assert summary["cautions"] == []
    assert summary["fibers"] == len(ALONG_X) + len(ALONG_Y)
    found = summary["length"]["mean"] * micrometers
    assert found == pytest.approx(case.mean_length, rel=0.02)
