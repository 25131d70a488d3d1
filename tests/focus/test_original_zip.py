"""Zip files in the place of the model of 2018, damaged in the ways that there are."""

import os
import resource
import sys
import zipfile

import pytest

from napari_sciml.errors import InputError
from napari_sciml.focus.model import CARD, WEIGHTS, load_focus, pretrained
from napari_sciml.focus.original import FIJI_SIZE, load_original

NAME = "variables.data-00000-of-00001"
LOCAL, CENTRAL = b"PK\3\4", b"PK\1\2"


def _patched(content, *, at_local, at_central, value):
    """Change a field of two bytes in both headers of the only member."""
    changed = bytearray(content)
    for mark, offset in ((LOCAL, at_local), (CENTRAL, at_central)):
        place = content.index(mark) + offset
        changed[place : place + 2] = value.to_bytes(2, "little")
    return bytes(changed)


def _claims_less(content):
    """Gigabytes that say that they are of the right size."""
    changed = bytearray(content)
    for mark, offset in ((LOCAL, 22), (CENTRAL, 24)):
        place = content.index(mark) + offset
        changed[place : place + 4] = FIJI_SIZE.to_bytes(4, "little")
    return bytes(changed)


def _wrong_sum(content):
    changed = bytearray(content)
    changed[content.index(CENTRAL) + 16] ^= 0xFF
    changed[content.index(LOCAL) + 14] ^= 0xFF
    return bytes(changed)


def _zip(path, size):
    """A zip of so many zeros, which packs them by a thousand."""
    block = bytes(2**20)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(NAME, "w") as member,
    ):
        for first in range(0, size, len(block)):
            member.write(block[: min(len(block), size - first)])
    return path.read_bytes()


KINDS = {
    "encrypted": lambda c: _patched(c, at_local=6, at_central=8, value=1),
    "unusual compression": lambda c: _patched(c, at_local=8, at_central=10, value=99),
    "bad checksum": _wrong_sum,
    "cut off within": lambda c: c[: len(c) // 2],
    "data overwritten": lambda c: c[:2000] + bytes(3000) + c[5000:],
    "no zip": lambda c: b"GIF89a",
    "empty": lambda c: b"",
}


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    return _zip(tmp_path_factory.mktemp("zip") / "whole.zip", FIJI_SIZE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.situation(
    "Damaged and hostile files",
    "a focus model of 2018 that is encrypted, damaged, or unpacks to gigabytes",
    "refused, with the reason",
)
def test_a_damaged_zip_is_refused(tmp_path, packed, kind):
    path = tmp_path / "model.zip"
    path.write_bytes(KINDS[kind](packed))
    _refused(path, match="is no zip file that can be read")


def _refused(path, match):
    with pytest.raises(InputError, match=match) as caught:
        load_original(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "match"),
    [(lambda c: c, "right size"), (_claims_less, "can be read|another size")],
)
def test_what_unpacks_to_gigabytes_is_not_unpacked(tmp_path, change, match):
    path = tmp_path / "model.zip"
    path.write_bytes(change(_zip(path, 2 * 10**9)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _refused(path, match=match)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 500_000  # of 2 GB, in kB


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes as files")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["model.zip", NAME, CARD, WEIGHTS])
def test_a_pipe_in_the_place_of_a_model_is_refused(tmp_path, name):
    if name in (CARD, WEIGHTS):
        pretrained().save(tmp_path)
        (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    load = load_focus if name in (CARD, WEIGHTS) else load_original
    target = tmp_path if name in (CARD, WEIGHTS) else tmp_path / name
    with pytest.raises(InputError):
        load(target)
