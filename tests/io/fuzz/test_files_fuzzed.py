"""What was measured is what was put in, or somebody is told: files drawn by chance."""

import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from file_case import CANONICAL, METERS, FileCase
from file_strategies import harmed_files, sound_files
from file_writers import write
from hypothesis import HealthCheck, example, given, settings

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume

SEARCH = settings(
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def read(case):
    """The volume with its values, or the sentence of a refusal."""
    with tempfile.TemporaryDirectory() as folder:
        path = write(case, Path(folder))
        try:
            volume = open_volume(path)
            values = np.asarray(volume.data[...])
            inner = tuple(slice(n // 3, n // 3 + 2) for n in volume.shape)
            part = np.asarray(volume.data[inner])
        except InputError as error:
            return None, None, str(error)
        np.testing.assert_array_equal(part, values[inner])
    return volume, values, " ".join(volume.cautions)


def same_values(case, values):
    truth = case.truth()
    return truth.shape == values.shape and np.array_equal(
        truth, values, equal_nan=truth.dtype.kind == "f"
    )


def same_size(case, volume):
    """Whether edges are right in meters; where no unit was told, as numbers."""
    numbers, units = case.numbers, [case.units_meant[axis] for axis in case.space]
    if not any(axis in numbers for axis in case.space):
        return volume.unit == "pixel" and set(volume.voxel_size) == {1}
    if not all(axis in numbers for axis in case.space):
        return False
    if volume.unit in CANONICAL:
        factor = CANONICAL[volume.unit]
        wanted = [numbers[a] * METERS.get(case.units_meant[a], 0) for a in case.space]
    elif any(units) or volume.unit != "pixel":
        return False
    else:
        factor, wanted = 1.0, [numbers[axis] for axis in case.space]
    return [edge * factor for edge in volume.voxel_size] == pytest.approx(
        wanted, rel=1e-5, abs=0
    )


# What the fuzzer found, each read wrong and without a word before.
FOUND_IN_SIZES = (
    # Megameters were taken for millimeters, and petameters for picometers.
    FileCase("ome", edges=(3e-7, 2e-7, 2e-7), units=("Mm",) * 3),
    FileCase("imagej", edges=(3e-7, 2e-7, 2e-7), units=("Pm",) * 3),
    # An axis without a unit had that of y.
    FileCase("ngff 5", edges=(3e-7, 2e-7, 2e-7), units=("", "nm", "nm")),
    FileCase("ngff 4", edges=(3e-7, 2e-7, 2e-7), units=("nm", "", "nm")),
    # Positions in no unit of length, or in none: voxels were cubes.
    FileCase("hdf5", edges=(3e-7, 2e-7, 2e-7), units=("sec",) * 3, style="scales"),
    FileCase("hdf5", edges=(3e-7, 2e-7, 2e-7), style="scales"),
)
FOUND_IN_HARMED = (
    # Blosc gives wrong values for a chunk that was cut off, without an error.
    FileCase(
        "ngff 4", "zyx", (7, 8, 6), "u2", harm="cut", amount=7, compression="zlib"
    ),
    FileCase(
        "zarr 2", "zyx", (9, 8, 8), "u1", harm="cut", amount=1, compression="zlib"
    ),
    # An error of a library, and not a sentence.
    FileCase("ngff 4", "zyx", (9, 8, 6), "u1", harm="cut", amount=399),
    FileCase("zarr 3", "zyx", (8, 6, 6), "i4", harm="cut", compression="zlib"),
)


def examples(cases):
    """Try these first, whatever is drawn."""

    def decorate(test):
        for case in cases:
            test = example(case)(test)
        return test

    return decorate


@examples(FOUND_IN_SIZES)
@given(sound_files())
@settings(SEARCH, max_examples=250)
def test_sound_file_is_read_as_it_was_written(case):
    volume, values, said = read(case)
    if case.is_series:
        assert volume is None
        assert "time points" in said
        return
    assert volume is not None, said
    assert same_values(case, values), (values.shape, said)
    assert volume.axes == tuple(case.space)
    right = same_size(case, volume)
    if case.has_clear_size:
        assert right, (volume.voxel_size, volume.unit)
        assert said == ""
    else:
        assert right or "size" in said or "unit" in said, (
            volume.voxel_size,
            volume.unit,
        )


WORDS = {
    "cut": "lacks|holds|page|chunk|breaks off|not written",
    "promise": "promises",
    "second": "also holds|holds",
    "gap": "lacks",
    "shape": "differ",
    "type": "differ",
    "copy": "also holds",
    "chunks": "not stored|not all",
}
"""What a caution must say of what was done to a file."""


@examples(FOUND_IN_HARMED)
@given(harmed_files())
@settings(SEARCH, max_examples=250)
def test_harmed_file_is_refused_or_told(case):
    volume, values, said = read(case)
    if volume is None:
        assert said.endswith(".")
        assert "\n" not in said
    elif not same_values(case, values):
        assert re.search(WORDS[case.harm], said), (case.harm, values.shape, said)
