"""Pages that are missing, left out, or stored in another way than the first."""

import re
import struct

import numpy as np
import pytest
import tifffile

from napari_sciml.errors import InputError
from napari_sciml.images.lazy import PlaneStack
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.images.tiff import reading as tiff

SHAPE = (20, 40, 50)
GRAY = np.random.default_rng(0).integers(1, 250, SHAPE).astype(np.uint8)
COLOR = np.zeros((40, 50, 3), np.uint8)


def write(path, planes, first="", big=False, **options):
    """One page a plane; options that are functions are asked for each page."""
    with tifffile.TiffWriter(path, bigtiff=big) as file:
        for z, plane in enumerate(planes):
            color = {"photometric": "rgb" if plane.ndim == 3 else "minisblack"}
            own = {k: v(z) if callable(v) else v for k, v in options.items()}
            head = {"description": first} if first and z == 0 else {}
            file.write(
                plane, **{"metadata": None, "contiguous": False} | color | own | head
            )
    return path


def ome(slices, *, channels=1, inner="<TiffData/>", order="XYZCT", more=""):
    channel = '<Channel ID="Channel:{}" SamplesPerPixel="1"/>'
    return (
        '<?xml version="1.0"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        f'<Image ID="Image:0" Name="one"><Pixels ID="Pixels:0" DimensionOrder="{order}"'
        f' Type="uint8" SizeX="50" SizeY="40" SizeZ="{slices}" SizeC="{channels}" '
        'SizeT="1">'
        + "".join(channel.format(c) for c in range(channels))
        + inner
        # The end of an image, and other images.
        + f"</Pixels></Image>{more}</OME>"
    )


def imagej(**entries):
    lines = "".join(f"{key}={value}\n" for key, value in entries.items())
    return f"ImageJ=1.53t\n{lines}"


WAYS = {
    "compression": {"compression": lambda z: None if z < 12 else "zlib"},
    "compression in between": {"compression": lambda z: "zlib" if 9 < z < 13 else None},
    "first page": {"compression": lambda z: "lzw" if z == 0 else "zlib"},
    "strips": {"rowsperstrip": lambda z: 40 if z < 12 else 8},
    "tiles": {"tile": lambda z: None if z < 12 else (16, 16)},
    "told page by page": {"metadata": lambda z: {}},
}
HEADERS = {"none": "", "imagej": imagej(images=20, slices=20), "ome": ome(20)}


@pytest.mark.situation(
    "TIFF",
    "pages stored in different ways (compression, strips, tiles)",
    "read as one stack",
)
@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("way", WAYS)
def test_pages_stored_in_different_ways_are_one_stack(tmp_path, way, header):
    path = write(tmp_path / "a.tif", GRAY, HEADERS[header], **WAYS[way])
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.data[...], GRAY)
    assert volume.cautions == ()


@pytest.mark.parametrize("first", ["", ome(12)], ids=["joined", "stopped"])
def test_large_stack_of_such_pages_stays_on_disk(tmp_path, monkeypatch, first):
    monkeypatch.setattr(tiff, "READ_AT_ONCE", 10)
    options = WAYS["compression"]
    volume = open_volume(write(tmp_path / "a.tif", GRAY, first, **options))
    assert isinstance(volume.data, PlaneStack)
    count = 12 if first else 20
    np.testing.assert_array_equal(volume.data[:], GRAY[:count])


@pytest.mark.situation(
    "TIFF",
    "pages of different types of values; several OME images of one size",
    "refused, named",
)
@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("dtype", ["u2", "f4"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_pages_of_other_values_are_refused(
    tmp_path, dtype, compression, header, refused
):
    planes = [p if z < 12 else p.astype(dtype) for z, p in enumerate(GRAY)]
    path = write(tmp_path / "a.tif", planes, HEADERS[header], compression=compression)
    refused(path, match="of different kinds")


def test_pages_whose_white_is_zero_are_not_joined(tmp_path, refused):
    white = ["minisblack", "miniswhite"]
    path = write(tmp_path / "a.tif", GRAY, photometric=lambda z: white[z // 12])
    refused(path, match="images of different kinds")


@pytest.mark.situation("TIFF", "thumbnail, level of a pyramid", "left out")
@pytest.mark.situation(
    "TIFF",
    "color preview page, pages of another size",
    "left out, told",
)
@pytest.mark.parametrize(
    ("others", "at", "told"),
    [
        ([GRAY[0, ::4, ::4]], 20, None),
        ([GRAY[0, :38]] * 8, 20, "8 pages of 38 x 50 uint8"),
        ([COLOR], 20, "1 page of 40 x 50 uint8 in color"),
        ([COLOR], 0, "1 page of 40 x 50 uint8 in color"),
    ],
    ids=["thumbnail", "other pages", "preview after", "preview before"],
)
def test_what_is_beside_the_stack(tmp_path, others, at, told):
    planes = [*GRAY[:at], *others, *GRAY[at:]]
    volume = open_volume(write(tmp_path / "a.tif", planes))
    np.testing.assert_array_equal(volume.data, GRAY)
    assert len(volume.cautions) == bool(told)
    assert not told or f"a.tif also holds {told}, left out" in volume.cautions[0]


@pytest.mark.situation("TIFF", "thumbnail, level of a pyramid", "left out")
def test_pages_for_people_are_welcome(tmp_path):
    path = tmp_path / "a.ome.tif"
    levels = {"subfiletype": 1, "metadata": None, "photometric": "minisblack"}
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(GRAY, subifds=1, photometric="minisblack", metadata={"axes": "ZYX"})
        file.write(GRAY[:, ::2, ::2], **levels)
    volume = open_volume(path)
    np.testing.assert_array_equal(volume.data, GRAY)
    assert volume.cautions == ()


SINGLY = '<TiffData FirstZ="{}" IFD="{}" PlaneCount="1"/>'
STOPPED = {
    "ome": (ome(20), 12, "holds 12 of 20 slices"),
    "ome by page": (
        ome(20, inner="".join(SINGLY.format(z, z) for z in range(20))),
        12,
        "holds 12 of 20 slices",
    ),
    "imagej": (imagej(images=20, slices=20), 12, "20 slices"),
    "imagej without slices": (imagej(images=20), 12, "12 pages .* promises 20 slices"),
    "tifffile": ('{"shape": [20, 40, 50]}', 12, "12"),
    "more than in ome": (ome(16), 20, "20 pages but its header tells of 16"),
    "more than in imagej": (imagej(images=16, slices=16), 20, "4 others are left out"),
    "more than images": (imagej(images=16), 20, "promises 16 slices"),
}


@pytest.mark.situation(
    "TIFF",
    "header promises more than there is: last slices missing",
    "what is whole is read, told",
)
@pytest.mark.situation("TIFF", "more pages than the header says", "told")
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("kind", STOPPED)
def test_header_that_promises_other_pages(tmp_path, kind, compression):
    header, count, told = STOPPED[kind]
    path = write(tmp_path / "a.tif", GRAY[:count], header, compression=compression)
    volume = open_volume(path)
    read = 16 if kind in ("more than in ome", "more than in imagej") else count
    np.testing.assert_array_equal(volume.data, GRAY[:read])
    assert len(volume.cautions) == 1
    assert re.search(told, volume.cautions[0])


@pytest.mark.situation(
    "TIFF",
    "header promises more than there is: last slices missing",
    "what is whole is read, told",
)
@pytest.mark.parametrize(("order", "whole"), [("XYCZT", 6), ("XYZCT", 3)])
def test_acquisition_that_stopped_between_channels(tmp_path, order, whole):
    header = ome(10, channels=2, order=order)
    volume = open_volume(write(tmp_path / "a.tif", GRAY[:13], header))
    assert (volume.shape, volume.channels) == ((whole, 40, 50), 2)
    assert f"{whole} of 10 slices" in volume.cautions[0]
    second = 5 if order == "XYCZT" else 12
    np.testing.assert_array_equal(volume.data[2][..., 1], GRAY[second])


@pytest.mark.situation(
    "TIFF",
    "the same, missing elsewhere or with channels or time that cannot be told apart",
    "refused",
)
@pytest.mark.parametrize("several", ["channels", "frames"])
def test_hyperstack_that_was_cut_is_no_stack_of_its_channels(
    tmp_path, several, refused
):
    header = imagej(images=20, slices=10, hyperstack="true", **{several: 2})
    path = write(tmp_path / "a.tif", GRAY[:13], header)
    refused(path, match="13 pages, which do not fit its header")


@pytest.mark.situation(
    "TIFF",
    "the same, missing elsewhere or with channels or time that cannot be told apart",
    "refused",
)
def test_planes_missing_in_the_midst_are_refused(tmp_path, refused):
    there = [z for z in range(20) if z not in (5, 6)]
    inner = "".join(SINGLY.format(z, i) for i, z in enumerate(there))
    path = write(tmp_path / "a.tif", GRAY[:18], ome(20, inner=inner))
    refused(path, match="lacks 2 of the 20 planes")


@pytest.mark.situation(
    "TIFF",
    "pages of different types of values; several OME images of one size",
    "refused, named",
)
def test_several_images_are_named(tmp_path, refused):
    part = '<TiffData IFD="{}" PlaneCount="10"/>'
    second = ome(10, inner=part.format(10)).partition("<Image")[2]
    more = "<Image" + second.removesuffix("</OME>").replace('"one"', '"two"')
    header = ome(10, inner=part.format(0), more=more)
    refused(write(tmp_path / "a.tif", GRAY, header), match='"one".*"two"')


def write_set(folder, files=4):
    """An OME-TIFF of several files, five slices in each."""
    data = '<TiffData FirstZ="{}" IFD="{}" PlaneCount="1">{}</TiffData>'
    uuid = '<UUID FileName="s{0}.ome.tif">urn:uuid:{0}</UUID>'
    inner = "".join(
        data.format(z, z % 5, uuid.format(z // 5)) for z in range(5 * files)
    )
    for i in range(files):
        header = ome(5 * files, inner=inner).replace(
            "<OME", f'<OME UUID="urn:uuid:{i}"'
        )
        write(folder / f"s{i}.ome.tif", GRAY[5 * i : 5 * i + 5], header)


@pytest.mark.situation("TIFF", "OME-TIFF of several files: all there", "read")
@pytest.mark.parametrize("opened", ["s0.ome.tif", "s3.ome.tif", ""])
def test_ome_tiff_of_several_files(tmp_path, opened):
    write_set(tmp_path)
    volume = open_volume(tmp_path / opened)
    np.testing.assert_array_equal(volume.data, GRAY)
    assert volume.cautions == ()


@pytest.mark.situation(
    "TIFF",
    "its last file missing, a stranger in the folder",
    "told",
)
@pytest.mark.parametrize("opened", ["s0.ome.tif", ""])
def test_ome_tiff_whose_last_file_is_missing(tmp_path, opened):
    write_set(tmp_path)
    (tmp_path / "s3.ome.tif").unlink()
    volume = open_volume(tmp_path / opened)
    np.testing.assert_array_equal(volume.data, GRAY[:15])
    assert "15 of 20 slices" in volume.cautions[0]
    assert "s3.ome.tif is not beside it" in volume.cautions[0]


@pytest.mark.situation(
    "TIFF",
    "another of its files missing or cut off",
    "refused, file named",
)
def test_ome_tiff_whose_second_file_is_missing(tmp_path, refused):
    write_set(tmp_path)
    (tmp_path / "s1.ome.tif").unlink()
    refused(tmp_path / "s0.ome.tif", match=r"\(s1.ome.tif is not beside it\)")


@pytest.mark.situation(
    "TIFF",
    "another of its files missing or cut off",
    "refused, file named",
)
def test_ome_tiff_of_which_a_file_was_cut(tmp_path):
    write_set(tmp_path)
    path = tmp_path / "s2.ome.tif"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"s2\.ome\.tif breaks off within page 5"):
        open_volume(tmp_path / "s0.ome.tif")


@pytest.mark.situation(
    "TIFF",
    "its last file missing, a stranger in the folder",
    "told",
)
def test_stranger_beside_the_files_of_an_ome_tiff(tmp_path):
    write_set(tmp_path)
    tifffile.imwrite(tmp_path / "other.tif", GRAY[0])
    volume = open_volume(tmp_path)
    np.testing.assert_array_equal(volume.data, GRAY)
    assert "also holds other.tif" in volume.cautions[0]


@pytest.mark.situation("TIFF", "file that ends too early", "refused")
@pytest.mark.parametrize("cut", [1, 50, 3000])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
@pytest.mark.parametrize("header", HEADERS)
def test_file_that_ends_before_its_pixels(tmp_path, header, compression, cut, refused):
    path = write(tmp_path / "a.tif", GRAY, HEADERS[header], compression=compression)
    path.write_bytes(path.read_bytes()[:-cut])
    refused(path, match="breaks off")


@pytest.mark.situation("TIFF", "file that ends too early", "refused")
def test_virtual_stack_that_was_cut(tmp_path, refused):
    path = tmp_path / "a.tif"
    header = imagej(images=20, slices=20)
    tifffile.imwrite(path, GRAY[:1], description=header, metadata=None)
    whole = path.read_bytes() + GRAY[1:].tobytes()
    path.write_bytes(whole)
    np.testing.assert_array_equal(open_volume(path).data, GRAY)
    path.write_bytes(whole[:-5000])
    refused(path, match="promises 20 planes, of which not all are there")


@pytest.mark.situation("TIFF", "tiles or strips that were never written", "told")
@pytest.mark.parametrize(
    ("options", "codes"),  # offsets and lengths
    [({"tile": (16, 16)}, (324, 325)), ({"rowsperstrip": 8}, (273, 279))],
    ids=["tiles", "strips"],
)
def test_tiles_that_were_never_written_are_told(tmp_path, options, codes):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GRAY[0], metadata=None, **options)
    with tifffile.TiffFile(path, mode="r+") as file:
        for code in codes:
            tag = file.pages.first.tags[code]
            tag.overwrite((*tag.value[:3], 0, *tag.value[4:]))
    assert "no pixels for parts of 1 of 1 pages" in open_volume(path).cautions[0]


@pytest.mark.situation(
    "TIFF",
    "header invalid, cut off or contradictory; companion file not there",
    "pixels are read, told",
)
@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda text: text.replace(' DimensionOrder="XYZCT"', ""), "DimensionOrder"),
        (lambda text: text.replace(' SizeZ="20"', ""), "SizeZ"),
        (lambda text: text.replace('SizeX="50"', 'SizeX="60"'), "discontiguous"),
        (lambda text: text.replace("</Pixels>", ""), "OME header cannot be read"),
        (lambda text: text[:-30], "OME header cannot be read"),
    ],
    ids=["no order", "no size", "another width", "no XML", "cut"],
)
def test_header_that_cannot_be_followed(tmp_path, spoil, told):
    volume = open_volume(write(tmp_path / "a.tif", GRAY, spoil(ome(20))))
    np.testing.assert_array_equal(volume.data, GRAY)
    assert len(volume.cautions) == 1
    assert told in volume.cautions[0]


@pytest.mark.situation(
    "TIFF", "pages whose chain comes back to an earlier one", "refused"
)
@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("back", [0, 7, 19])
@pytest.mark.parametrize("big", [False, True], ids=["tiff", "bigtiff"])
def test_chain_of_pages_that_never_ends(tmp_path, header, back, big, refused):
    path = write(tmp_path / "a.tif", GRAY, HEADERS[header], big=big)
    with tifffile.TiffFile(path) as file:
        last, target = file.pages[19], file.pages[back].offset
        end = last.offset + file.tiff.tagnosize + len(last.tags) * file.tiff.tagsize
        kind = file.tiff.offsetformat
    content = bytearray(path.read_bytes())
    struct.pack_into(kind, content, end, target)
    path.write_bytes(content)
    refused(path, match=rf"page {back + 1} comes after page 20 again")


def test_pixels_of_a_width_that_is_none(tmp_path, refused):
    """tifffile takes 48 bits for double precision, logs it, and gives no pixel."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, GRAY[0].astype(np.float32), metadata=None)
    with tifffile.TiffFile(path, mode="r+") as file:
        file.pages[0].tags["BitsPerSample"].overwrite(48)
    refused(path, match="does not hold the 40 x 50 pixels")
