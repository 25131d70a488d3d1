"""Slices are compared by their headers; only those that differ are parsed."""

import numpy as np
import pytest
import tifffile

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.images.stacks import reading as slices
from napari_sciml.io.images.tiff.signature import Signatures
from napari_sciml.notices import heard_by

PLANE = np.arange(48, dtype=np.uint16).reshape(6, 8)


def _write(path, plane=PLANE, **options):
    tifffile.imwrite(path, plane, **{"metadata": None, **options})
    return path


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"byteorder": ">"}])
def test_slices_of_one_kind_have_one_signature(tmp_path, options):
    rng = np.random.default_rng(0)
    planes = rng.integers(0, 9, (4, 6, 8), dtype=np.uint16)
    signatures = Signatures()
    found = {
        signatures.of(_write(tmp_path / f"{z}.tif", plane, datetime=True, **options))
        for z, plane in enumerate(planes)
    }
    assert len(found) == 1
    assert None not in found


def test_brightness_that_imagej_shows_does_not_matter(tmp_path):
    signatures, found = Signatures(), set()
    for z in range(3):
        about = {"min": float(z), "max": 9.5 + z, "unit": "um"}
        path = _write(tmp_path / f"{z}.tif", imagej=True, metadata=about)
        found.add(signatures.of(path))
    assert len(found) == 1
    assert None not in found


OTHERS = {
    "wider": {"plane": np.zeros((6, 9), np.uint16)},
    "bytes": {"plane": PLANE.astype(np.uint8)},
    "signed": {"plane": PLANE.astype(np.int16)},
    "color": {"plane": np.zeros((6, 8, 3), np.uint16), "photometric": "rgb"},
    "pixels of another size": {"resolution": (3, 3), "resolutionunit": 3},
    "told otherwise": {"description": "another"},
    "compressed": {"compression": "zlib"},
    "of other bytes": {"byteorder": ">"},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_of_another_kind_has_another_signature(tmp_path, kind):
    signatures = Signatures()
    first = signatures.of(_write(tmp_path / "a.tif"))
    other = signatures.of(_write(tmp_path / "b.tif", **OTHERS[kind]))
    assert first is not None
    assert other != first


def _two_pages(path):
    tifffile.imwrite(path, np.stack([PLANE, PLANE]), metadata=None)


def _cut(path, left):
    content = _write(path).read_bytes()
    path.write_bytes(content[:left])


UNTOLD = {
    "two pages": _two_pages,
    "BigTIFF": lambda p: _write(p, bigtiff=True),
    "cut off within the pixels": lambda p: _cut(p, -10),
    "cut off within the header": lambda p: _cut(p, 20),
    "empty": lambda p: p.write_bytes(b""),
    "no TIFF": lambda p: p.write_bytes(b"GIF89a" * 20),
    "missing": lambda p: None,
}


@pytest.mark.parametrize("kind", UNTOLD)
def test_what_a_header_does_not_tell_is_left_to_the_parser(tmp_path, kind):
    signatures = Signatures()
    assert signatures.of(_write(tmp_path / "a.tif"))
    UNTOLD[kind](tmp_path / "b.tif")
    assert signatures.of(tmp_path / "b.tif") is None


@pytest.mark.parametrize("at", [0, 150, 299])
@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda p: _write(p, np.zeros((6, 9), np.uint16)), "differ"),
        (lambda p: _cut(p, -10), "breaks off|damaged"),
        (_two_pages, "is not a gray slice"),
    ],
)
def test_one_slice_among_many_that_differs_is_found(tmp_path, at, change, match):
    for z in range(300):
        _write(tmp_path / f"z{z:03}.tif")
    change(tmp_path / f"z{at:03}.tif")
    with pytest.raises(InputError, match=match):
        open_volume(tmp_path)


@pytest.mark.situation(
    "Folders of slices",
    "100,000 files",
    "a word within seconds; headers are compared, only what differs is parsed",
)
def test_with_many_files_there_is_a_word_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(slices, "MANY", 5)
    for z in range(6):
        _write(tmp_path / f"z{z}.tif")
    said = []
    with heard_by(said.append):
        assert open_volume(tmp_path).shape == (6, 6, 8)
    assert said == [f"Looking at 6 files in {tmp_path} …"]
