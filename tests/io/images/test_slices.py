"""Folders of slices: order, gaps, and what else lies there."""

import re

import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.io import imsave

from napari_sciml.io.images.reading import open_volume

GRAY = np.random.default_rng(0).integers(1, 250, (20, 6, 7)).astype(np.uint8)
RANGE = range(20)
PLAIN = [f"s{z:03d}" for z in RANGE]


def write(folder, names, ending=".tif", planes=GRAY):
    for name, plane in zip(names, planes, strict=False):
        if ending == ".tif":
            tifffile.imwrite(folder / f"{name}.tif", plane)
        else:
            imsave(folder / f"{name}{ending}", plane, check_contrast=False)


IN_ORDER = {
    "padded": PLAIN,
    "not padded": [f"slice {z}" for z in RANGE],
    "not from 0": [f"s{z}" for z in range(7, 27)],
    "by twos": [f"s{z}" for z in range(0, 40, 2)],
    "by tens": [f"s{z:04d}" for z in range(0, 200, 10)],
    "only numbers": [f"{z}" for z in RANGE],
    "number before": [f"sample2_{z:04d}" for z in RANGE],
    "number after": [f"{z:03d}_of_20" for z in RANGE],
    "of 20": [f"slice {z + 1} of 20" for z in RANGE],
    "signed": [f"img_z{z - 10}um" for z in RANGE],
    "plus and minus": [f"img_z{z - 10:+04d}um" for z in RANGE],
    "minus first": [f"{z - 10}" for z in RANGE],
    "real minus": [f"z{z - 10}".replace("-", "\u2212") for z in RANGE],
    "all below the focus": [f"img_z{z - 30}um" for z in RANGE],
    "hyphen": [f"scan-{z}" for z in RANGE],
    "hyphen, padded": [f"2024-01-15_scan-{z:03d}" for z in RANGE],
    "decimal point": [f"z{z / 2}" for z in RANGE],
    "decimals now and then": [f"z{z / 2:g}um" for z in RANGE],
    "decimal comma": [f"z{z / 2}".replace(".", ",") for z in RANGE],
    "decimal p": [f"z{z / 2}um".replace(".", "p") for z in RANGE],
    "decimals, signed": [f"z{z / 2 - 5}um" for z in RANGE],
    "decimals of a half": [f"z{z * 0.05:g}" for z in RANGE],
    "rounded": [f"z{z / 3:.2f}" for z in RANGE],
    "rounded to nm": [f"z{round(1000 * z / 3)}nm" for z in RANGE],
    "dot between numbers": [f"scan1.{z}" for z in RANGE],
    "number and position": [f"s{z:03d}_z{z * 2.5}um" for z in RANGE],
    "number and time": [f"s{z:03d}_{100000 + 7 * z * z}" for z in RANGE],
    "letters of both cases": [f"{'Ss'[z % 2]}{z:03d}" for z in RANGE],
    "ome": [f"s{z:03d}.ome" for z in RANGE],
}


@pytest.mark.situation(
    "Folders of slices",
    "regular numbers from any start, signs, decimals, no leading zeros",
    "ordered by value",
)
@pytest.mark.parametrize("kind", IN_ORDER)
def test_slices_are_ordered_by_the_number_in_their_names(tmp_path, kind):
    write(tmp_path, IN_ORDER[kind])
    volume = open_volume(tmp_path)
    np.testing.assert_array_equal(volume.data, GRAY)
    assert volume.cautions == ()


@pytest.mark.situation("Folders of slices", "gray PNG, BMP, JPEG", "read")
@pytest.mark.parametrize(
    ("ending", "depth"), [(".png", "u1"), (".png", "u2"), (".bmp", "u1")]
)
def test_folder_of_pictures(tmp_path, ending, depth):
    planes = GRAY.astype(depth) * (200 if depth == "u2" else 1)
    write(tmp_path, PLAIN, ending, planes)
    volume = open_volume(tmp_path)
    assert volume.data.dtype == depth
    np.testing.assert_array_equal(volume.data, planes)
    assert volume.cautions == ()


@pytest.mark.situation("Folders of slices", "gray PNG, BMP, JPEG", "read")
def test_folder_of_jpeg_pictures(tmp_path):
    planes = [np.full((6, 7), 10 * z, np.uint8) for z in RANGE]
    write(tmp_path, PLAIN, ".jpg", planes)
    np.testing.assert_allclose(open_volume(tmp_path).data[...], planes, atol=2)


@pytest.mark.situation("Folders of slices", "color or palette pictures", "refused")
@pytest.mark.parametrize("mode", ["RGB", "P"])
def test_folder_of_color_pictures_is_refused(tmp_path, mode):
    for name in PLAIN[:2]:
        Image.new("RGB", (7, 6), "red").convert(mode).save(tmp_path / f"{name}.png")
    with pytest.raises(ValueError, match="is not a gray slice"):
        open_volume(tmp_path)


@pytest.mark.situation(
    "Folders of slices",
    "gap, uneven steps, no numbering in common",
    "told",
)
@pytest.mark.parametrize(
    ("names", "told"),
    [
        (PLAIN[:8] + PLAIN[10:], "lacks 2 slices.* 2 between s007.tif and s010.tif"),
        (IN_ORDER["by twos"][:5] + IN_ORDER["by twos"][7:], "lacks 2 slices"),
        (IN_ORDER["signed"][:3] + IN_ORDER["signed"][4:], "lacks 1 slice:"),
        (IN_ORDER["decimal point"][:5] + IN_ORDER["decimal point"][7:], "z2.0.tif and"),
        ([n for n in IN_ORDER["number and time"] if "s009" not in n], "lacks 1 slice:"),
        ([f"s_{100000 + 7 * z * z}" for z in RANGE], "do not rise by equal steps"),
        (["bottom", "middle", "top"], "not numbered as one stack"),
    ],
    ids=["gap", "by twos", "signed", "decimals", "with times", "uneven", "no numbers"],
)
def test_numbers_that_are_missing_are_told(tmp_path, names, told):
    write(tmp_path, names)
    volume = open_volume(tmp_path)
    np.testing.assert_array_equal(volume.data, GRAY[: len(names)])
    assert len(volume.cautions) == 1
    assert re.search(told, volume.cautions[0])


@pytest.mark.situation(
    "Folders of slices",
    "several stacks, two running numbers, one number twice",
    "refused",
)
@pytest.mark.parametrize(
    ("names", "match"),
    [
        ([f"t{z // 10:02d}_z{z % 10:03d}" for z in RANGE], "more than one thing"),
        ([f"z{z // 2:03d}_c{z % 2}" for z in RANGE], "more than one thing"),
        ([f"z{z // 2}_{('DAPI', 'GFP')[z % 2]}" for z in RANGE], "several stacks"),
        ([f"{'ab'[z // 10]}_{z % 10}" for z in RANGE], "several stacks"),
        ([*PLAIN[:17], "flat_1", "flat_2", "flat_3"], "several stacks"),
        ([f"s{z}" for z in range(19)] + ["s01"], "several slices of one number"),
    ],
    ids=["time", "channel", "channel word", "prefixes", "references", "twice"],
)
def test_folder_that_is_not_one_stack(tmp_path, names, match, refused):
    write(tmp_path, names)
    refused(tmp_path, match=match)


@pytest.mark.situation(
    "Folders of slices",
    'overview, mask, copies ("(1)")',
    "left out, told",
)
@pytest.mark.parametrize("name", ["overview", "mask_001", "s003 (1)", "s003 - Copy"])
def test_strangers_are_left_out_and_told(tmp_path, name):
    write(tmp_path, PLAIN)
    tifffile.imwrite(tmp_path / f"{name}.tif", np.zeros((9, 9), np.float32))
    volume = open_volume(tmp_path)
    np.testing.assert_array_equal(volume.data, GRAY)
    assert f"also holds {name}.tif" in volume.cautions[0]


@pytest.mark.situation("Folders of slices", "hidden files, text", "left out")
def test_other_kinds_of_files_are_no_concern(tmp_path):
    write(tmp_path, PLAIN)
    for name in ("a.txt", "b.json", "._s001.tif", ".hidden.tif", "preview.jpg"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "masks").mkdir()
    write(tmp_path / "masks", PLAIN)
    (tmp_path / "other").mkdir()
    write(tmp_path / "other", [f"t{z}" for z in range(30)], planes=[*GRAY, *GRAY])
    volume = open_volume(tmp_path)
    np.testing.assert_array_equal(volume.data, GRAY)
    assert volume.cautions == ()


@pytest.mark.situation(
    "Folders of slices",
    "more slices in a subfolder, or as another kind of file",
    "told",
)
def test_further_slices_in_a_folder_within_are_told(tmp_path):
    (tmp_path / "more").mkdir()
    write(tmp_path, PLAIN[:10])
    write(tmp_path / "more", PLAIN[10:])
    assert "further slices in more" in open_volume(tmp_path).cautions[0]


@pytest.mark.situation(
    "Folders of slices",
    "more slices in a subfolder, or as another kind of file",
    "told",
)
def test_further_slices_of_another_kind_are_told(tmp_path):
    write(tmp_path, PLAIN[:10])
    write(tmp_path, PLAIN[8:], ".png")
    told = open_volume(tmp_path).cautions[0]
    assert "further slices in s010.png, s011.png, s012.png and 7 more" in told


def test_folder_whose_slices_are_in_folders(tmp_path, refused):
    (tmp_path / "scan").mkdir()
    write(tmp_path / "scan", PLAIN)
    refused(tmp_path, match="such as scan")


@pytest.mark.situation(
    "Folders of slices",
    "slice damaged, or of another shape or type",
    "refused, file named",
)
@pytest.mark.parametrize("content", [b"", b"II*", None])
def test_slice_that_is_damaged_is_named(tmp_path, content):
    write(tmp_path, PLAIN)
    path = tmp_path / "s005.tif"
    path.write_bytes(path.read_bytes()[:-9] if content is None else content)
    with pytest.raises(ValueError, match=r"s005\.tif"):
        open_volume(tmp_path)


def test_slices_of_different_pixel_size(tmp_path):
    for z, name in enumerate(PLAIN):
        options = {"resolution": (2, 2) if z < 19 else (4, 4)}
        metadata = {"unit": "um"}
        path = tmp_path / f"{name}.tif"
        tifffile.imwrite(path, GRAY[z], imagej=True, metadata=metadata, **options)
    volume = open_volume(tmp_path)
    assert volume.voxel_size == (0.5, 0.5, 0.5)
    assert "s019.tif tells another pixel size" in volume.cautions[0]
    assert "no voxel size along z" in volume.cautions[1]
