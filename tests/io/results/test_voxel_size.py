"""Which voxel size a mask is measured with, and what is said of it."""

import re

import numpy as np
import pytest
import tifffile

from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.io.images.stacks.stated_size import StatedSize
from napari_sciml.io.results.voxel_size import choose_voxel_size
from napari_sciml.workflows.pipeline import measure_mask
from napari_sciml.workflows.training.scans import Scan, TrainingFiles

NONE = ((1.0, 1.0, 1.0), "pixel")
MICRO = ((0.27, 0.054, 0.054), "micrometer")
NANO = ((270.0, 54.0, 54.0), "nanometer")
OTHER = ((0.3, 0.1, 0.1), "micrometer")
RATIO = ((5.0, 1.0, 1.0), "pixel")


def choose(mask, *others, **given):
    files = [StatedSize(*one, f"file{i}") for i, one in enumerate((mask, *others))]
    found, cautions = choose_voxel_size(files[0], files[1:], "zyx", **given)
    return found.voxel_size, found.unit, " ".join(cautions)


@pytest.mark.situation(
    "Units and voxel sizes",
    "`fibers`: mask without a size, image or prediction with one",
    "taken, told",
)
@pytest.mark.situation(
    "Units and voxel sizes",
    "mask, image and prediction (or image and labels) of different sizes",
    "told",
)
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


@pytest.mark.situation(
    "Units and voxel sizes",
    "`--unit` alone, where the file has one",
    "lengths are converted; refused where that cannot be done",
)
@pytest.mark.parametrize(
    ("files", "given", "size", "unit"),
    [
        ([MICRO], {"unit": "nm"}, (270, 54, 54), "nm"),
        ([MICRO], {"unit": "µm"}, (0.27, 0.054, 0.054), "µm"),
        ([NONE, NANO], {"unit": "um"}, (0.27, 0.054, 0.054), "um"),
        ([MICRO], {"unit": "mm"}, (2.7e-4, 5.4e-5, 5.4e-5), "mm"),
        ([MICRO], {"unit": "\udcc2\udcb5m"}, (0.27, 0.054, 0.054), "µm"),
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


@pytest.mark.situation(
    "Units and voxel sizes",
    "`--unit` alone, where the file has one",
    "lengths are converted; refused where that cannot be done",
)
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


@pytest.fixture
def pair(tmp_path):
    """Labels without a voxel size, and an image with one."""
    labels = np.zeros((8, 20, 40), np.uint8)
    labels[2:5, 2:5, 2:36], labels[6] = 1, 2
    np.save(tmp_path / "labels.npy", labels)
    save(tmp_path / "image.tif", 0.054)
    return tmp_path / "image.tif", tmp_path / "labels.npy"


def save(path, size, seed=0):
    tifffile.imwrite(
        path,
        np.random.default_rng(seed).integers(1, 3, (8, 20, 40)).astype(np.uint8),
        imagej=True,
        resolution=(1 / size, 1 / size),
        metadata={"axes": "ZYX", "spacing": 0.27, "unit": "micron"},
    )


@pytest.mark.situation(
    "Units and voxel sizes",
    "`fibers`: mask without a size, image or prediction with one",
    "taken, told",
)
def test_a_mask_is_measured_with_the_size_of_its_image(pair, tmp_path):
    image, labels = pair
    mask, said = tmp_path / "mask.npy", []
    np.save(mask, np.load(labels) == 1)
    found = measure_mask(
        mask, tmp_path / "out", FiberConfig(), image=image, say=said.append
    )
    assert found["voxel_size"] == pytest.approx((0.27, 0.054, 0.054))
    assert found["unit"] == "micrometer"
    assert found["cautions"] == said
    assert "takes the voxel size of image.tif" in said[0]


@pytest.mark.situation(
    "Units and voxel sizes",
    "mask, image and prediction (or image and labels) of different sizes",
    "told",
)
def test_training_tells_that_image_and_labels_differ(pair, tmp_path):
    image, labels = pair
    given = TrainingFiles.read([Scan(image, labels)], class_names=("a", "b"))
    assert given.cautions == ()
    save(tmp_path / "labels.tif", 0.1, seed=1)
    given = TrainingFiles.read(
        [Scan(image, tmp_path / "labels.tif")], class_names=("a", "b")
    )
    assert "image.tif has voxels of" in given.cautions[0]
