"""Which voxel size a mask is measured with, and what is said of it."""

import re

import pytest

from napari_sciml.errors import InputError
from napari_sciml.images.stated_size import StatedSize
from napari_sciml.storage.voxel_size import choose_voxel_size

NONE = ((1.0, 1.0, 1.0), "pixel")
MICRO = ((0.27, 0.054, 0.054), "micrometer")
NANO = ((270.0, 54.0, 54.0), "nanometer")
OTHER = ((0.3, 0.1, 0.1), "micrometer")
RATIO = ((5.0, 1.0, 1.0), "pixel")


def choose(mask, *others, **given):
    files = [StatedSize(*one, f"file{i}") for i, one in enumerate((mask, *others))]
    found, cautions = choose_voxel_size(files[0], files[1:], "zyx", **given)
    return found.voxel_size, found.unit, " ".join(cautions)


@pytest.mark.parametrize(
    ("files", "size", "said"),
    [
        ([NONE], NONE, None),
        ([NONE, NONE], NONE, None),
        ([MICRO], MICRO, None),
        ([MICRO, NONE], MICRO, None),
        ([MICRO, NANO, MICRO], MICRO, None),
        ([MICRO, RATIO], MICRO, None),
        ([NONE, MICRO], MICRO, r"file0 states no voxel size.* of file1, 0\.27 .* µm"),
        ([NONE, NONE, MICRO], MICRO, "takes the voxel size of file2"),
        ([RATIO, MICRO], MICRO, "no unit of its voxel size.*file1, 0.27"),
        ([RATIO, OTHER], OTHER, "file1 has voxels .*, but file0 of 5 "),
        ([MICRO, OTHER], MICRO, r"file0 has voxels of 0\.27.*, but file1 of 0\.3"),
        ([NONE, MICRO, OTHER], MICRO, "of file1.* but file2 of"),
        ([RATIO], (RATIO[0], "units"), None),
    ],
)
def test_stated_sizes(files, size, said):
    *found, cautions = choose(*files)
    assert tuple(found) == size
    assert re.search(said or "^$", cautions)


@pytest.mark.parametrize(
    ("files", "given", "size", "unit"),
    [
        ([MICRO], {"unit": "nm"}, (270, 54, 54), "nm"),
        ([MICRO], {"unit": "µm"}, (0.27, 0.054, 0.054), "µm"),
        ([NONE, NANO], {"unit": "um"}, (0.27, 0.054, 0.054), "um"),
        ([MICRO], {"unit": "mm"}, (2.7e-4, 5.4e-5, 5.4e-5), "mm"),
        ([RATIO], {"unit": "mm"}, (5, 1, 1), "mm"),
        ([RATIO], {"unit": "furlong"}, (5, 1, 1), "furlong"),
        ([MICRO], {"voxel_size": "2", "unit": "furlong"}, (2, 2, 2), "furlong"),
        ([MICRO, OTHER], {"voxel_size": "3,1,1"}, (3, 1, 1), "micrometer"),
        ([NONE, NANO], {"voxel_size": "3,1,1"}, (3, 1, 1), "nanometer"),
        ([NONE], {"voxel_size": "3,1,1"}, (3, 1, 1), "units"),
        ([NONE], {"voxel_size": "1"}, (1, 1, 1), "pixel"),
    ],
)
def test_given_sizes_and_units(files, given, size, unit):
    found, name, cautions = choose(*files, **given)
    assert found == pytest.approx(size)
    assert name == unit
    assert bool(cautions) == ("voxel_size" not in given and files[0] == NONE)


def test_a_unit_without_any_size_is_told():
    assert choose(NONE, unit="mm")[:2] == ((1, 1, 1), "mm")
    assert "each edge is taken for 1 mm" in choose(NONE, unit="mm")[2]


@pytest.mark.parametrize(
    ("mask", "given", "match"),
    [
        (MICRO, {"unit": "furlong"}, "cannot be converted to 'furlong'"),
        (((1, 1, 1), "lightyear"), {"unit": "mm"}, "cannot be converted to 'mm'"),
        (MICRO, {"voxel_size": "1,2"}, "has 3 axes, but 2 voxel edges"),
        (MICRO, {"voxel_size": "1,x,2"}, "cannot be read"),
    ],
)
def test_refused(mask, given, match):
    with pytest.raises(InputError, match=match):
        choose(mask, **given)
