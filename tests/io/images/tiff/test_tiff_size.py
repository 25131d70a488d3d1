"""The voxel size that a TIFF file tells, however it is written."""

import numpy as np
import pytest
import tifffile

from napari_sciml.io.images.reading import open_volume

GRAY = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


def imagej(path, entries, encoding="utf-8", resolution=(2, 2)):
    lines = "".join(f"{key}={value}\n" for key, value in entries.items())
    text = f"ImageJ=1.53t\nimages=3\nslices=3\n{lines}".encode(encoding)
    options = {"metadata": None, "resolution": resolution}
    tifffile.imwrite(path, GRAY, description=text, photometric="minisblack", **options)
    return open_volume(path)


def ome(path, sizes, encoding="utf-8"):
    told = " ".join(f'PhysicalSize{key}="{value}"' for key, value in sizes.items())
    text = (
        '<?xml version="1.0"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="I:0"><Pixels ID="P:0" DimensionOrder="XYZCT" Type="uint8" '
        f'SizeX="5" SizeY="4" SizeZ="3" SizeC="1" SizeT="1" {told}>'
        '<Channel ID="C:0" SamplesPerPixel="1"/>'
        "<TiffData/></Pixels></Image></OME>"
    )
    if path is None:
        return text
    options = {"metadata": None, "photometric": "minisblack"}
    tifffile.imwrite(path, GRAY, description=text.encode(encoding), **options)
    return open_volume(path)


@pytest.mark.situation(
    "Units and voxel sizes",
    "a unit for each axis; µ in all its spellings",
    "converted",
)
@pytest.mark.parametrize(
    ("entries", "size", "unit"),
    [
        ({"unit": "micron", "zunit": "mm", "spacing": 0.003}, (3, 0.5, 0.5), "um"),
        ({"unit": "micron", "yunit": "nm", "spacing": 1}, (1, 0.0005, 0.5), "um"),
        ({"unit": "micron", "zunit": "um", "spacing": 1.5}, (1.5, 0.5, 0.5), "um"),
        ({"unit": "micron"}, (1, 0.5, 0.5), "um"),
        ({"unit": "inch", "zunit": "cm", "spacing": 2.54}, (1, 0.5, 0.5), "inch"),
        ({"spacing": 1.5}, (1.5, 0.5, 0.5), "pixel"),
        ({"min": 0}, (1, 1, 1), "pixel"),
    ],
    ids=str,
)
def test_units_of_imagej(tmp_path, entries, size, unit):
    volume = imagej(tmp_path / "a.tif", entries)
    assert volume.voxel_size == pytest.approx(size)
    assert volume.unit == unit.replace("um", "micrometer")
    assert volume.cautions == ()


@pytest.mark.situation(
    "Units and voxel sizes",
    "a unit for each axis; µ in all its spellings",
    "converted",
)
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
@pytest.mark.parametrize("unit", ["µm", "\u03bcm", "\\u00B5m", "Âµm", "um", "microns"])
@pytest.mark.parametrize("write", [imagej, ome])
def test_micro_in_all_spellings(tmp_path, unit, encoding, write):
    entries = {"unit": unit, "spacing": 1}
    if write is ome:
        entries = {f"{axis}Unit": unit for axis in "XYZ"} | dict.fromkeys("XYZ", 1)
    if "\u03bc" in unit and encoding == "latin-1":
        pytest.skip("there is no such letter in Latin-1")
    volume = write(tmp_path / "a.tif", entries, encoding)
    assert (volume.unit, volume.cautions) == ("micrometer", ())


@pytest.mark.situation(
    "Units and voxel sizes",
    "size 0, negative, not a number, empty, with a comma; unknown unit; some axes only",
    "opened, told, and which size is used",
)
@pytest.mark.situation(
    "Units and voxel sizes",
    "Mm and Pm, mega- and petameters",
    "not taken for mm and pm: unknown, told",
)
@pytest.mark.parametrize(
    ("entries", "size", "told"),
    [
        ({"spacing": 0}, (0.5, 0.5, 0.5), "of 0 along z"),
        ({"spacing": -2}, (2, 0.5, 0.5), "negative voxel size along z"),
        ({"spacing": "NaN"}, (0.5, 0.5, 0.5), "no number along z"),
        ({"spacing": ""}, (0.5, 0.5, 0.5), "no number along z"),
        ({"spacing": "0,75"}, (0.75, 0.5, 0.5), "read 0,75 as 0.75"),
        ({"zunit": "furlong"}, (0.5, 0.5, 0.5), "furlong, not in micrometer, along z"),
        ({"zunit": "pixel"}, (0.5, 0.5, 0.5), "pixel, not in micrometer, along z"),
        ({"unit": "sec"}, (1, 0.5, 0.5), "sec, a unit that is not known"),
        ({"unit": "Mm"}, (1, 0.5, 0.5), "Mm, a unit that is not known"),
        ({"unit": "Pm"}, (1, 0.5, 0.5), "Pm, a unit that is not known"),
    ],
    ids=str,
)
def test_nonsense_of_imagej_is_told(tmp_path, entries, size, told):
    volume = imagej(tmp_path / "a.tif", {"unit": "micron"} | entries)
    assert volume.voxel_size == pytest.approx(size)
    assert len(volume.cautions) == 1
    assert told in volume.cautions[0]
    np.testing.assert_array_equal(volume.data, GRAY)


def test_imagej_without_resolution(tmp_path):
    entries = {"unit": "micron", "spacing": 3}
    volume = imagej(tmp_path / "a.tif", entries, resolution=(0, 0))
    assert volume.voxel_size == (3, 3, 3)
    assert "no number along y and x" in volume.cautions[0]


@pytest.mark.situation(
    "Units and voxel sizes",
    "size 0, negative, not a number, empty, with a comma; unknown unit; some axes only",
    "opened, told, and which size is used",
)
@pytest.mark.parametrize(
    ("sizes", "size", "told"),
    [
        ({"X": "0,5", "Y": "0,5", "Z": 2}, (2, 0.5, 0.5), "read 0,5 as 0.5"),
        ({"X": "", "Y": 1, "Z": 2}, (2, 1, 1), "no number along x"),
        ({"X": "", "Y": "", "Z": 2}, (2, 2, 2), "no number along y and x"),
        ({"X": 0, "Y": 0, "Z": 0}, (1, 1, 1), "of 0 along z and y and x"),
        ({"X": -1, "Y": 1, "Z": 2}, (2, 1, 1), "negative voxel size along x"),
        ({"X": 1, "Y": 1, "Z": "inf"}, (1, 1, 1), "no number along z"),
        ({"X": 3, "Y": 3}, (3, 3, 3), "no voxel size along z"),
        ({"X": 3}, (3, 3, 3), "no voxel size along z and y"),
        ({"X": 1, "Y": 1, "Z": 2, "ZUnit": "reference frame"}, (1, 1, 1), "reference"),
    ],
    ids=str,
)
def test_nonsense_of_ome_is_told(tmp_path, sizes, size, told):
    volume = ome(tmp_path / "a.ome.tif", sizes)
    assert volume.voxel_size == pytest.approx(size)
    assert len(volume.cautions) == 1
    assert told in volume.cautions[0]
    np.testing.assert_array_equal(volume.data, GRAY)


@pytest.mark.parametrize(
    "sizes", [{}, {"X": 1, "Y": 2, "Z": 3, "ZUnit": "nm"}], ids=str
)
def test_good_header_is_not_cautioned(tmp_path, sizes):
    assert ome(tmp_path / "a.ome.tif", sizes).cautions == ()


@pytest.mark.situation(
    "TIFF",
    "header invalid, cut off or contradictory; companion file not there",
    "pixels are read, told",
)
@pytest.mark.parametrize("companion", [None, "garbage", "good"])
def test_header_in_a_companion_file(tmp_path, companion):
    text = '<OME><BinaryOnly MetadataFile="a.companion.ome" UUID="urn:uuid:1"/></OME>'
    options = {"metadata": None, "photometric": "minisblack"}
    tifffile.imwrite(tmp_path / "a.ome.tif", GRAY, description=text, **options)
    if companion:
        sizes = {"X": 0.5, "Y": 0.5, "Z": 2}
        content = ome(None, sizes) if companion == "good" else companion
        (tmp_path / "a.companion.ome").write_text(content)
    volume = open_volume(tmp_path / "a.ome.tif")
    np.testing.assert_array_equal(volume.data, GRAY)
    if companion == "good":
        assert (volume.voxel_size, volume.unit) == ((2, 0.5, 0.5), "micrometer")
        assert volume.cautions == ()
    else:
        assert (volume.voxel_size, volume.unit) == ((1, 1, 1), "pixel")
        assert "its header is in another file" in volume.cautions[0]
