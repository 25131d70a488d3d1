"""The file of the model of 2018: its layout, its checksums, its arithmetic."""

import zipfile

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.focus import original
from napari_sciml.focus.original import FIJI_SIZE, TENSORS, Stored, load_original

NAME = "variables.data-00000-of-00001"


@pytest.fixture(scope="module")
def fiji(tmp_path_factory):
    """A file of the layout of the Fiji model with other weights, and its sums."""
    rng = np.random.default_rng(0)
    data, sums = bytearray(), {}
    for name, stored in TENSORS.items():
        scale = 0.05 if name.startswith("conv") else 0.01
        values = rng.standard_normal(stored.shape, dtype=np.float32) * scale
        assert len(data) == stored.offset
        raw = values.astype("<f4").tobytes()
        sums[name] = Stored(stored.shape, stored.offset, original._masked_crc32c(raw))
        data += raw
    path = tmp_path_factory.mktemp("fiji") / "variables" / NAME
    path.parent.mkdir()
    path.write_bytes(data)
    return path, sums


def test_crc32c_of_known_text():
    """The check value of CRC-32C, masked as TensorFlow's crc32c.h does."""
    rotated = (0xE3069283 >> 15 | 0xE3069283 << 17) & 0xFFFFFFFF
    assert original._masked_crc32c(b"123456789") == (rotated + 0xA282EAD8) % 2**32


def test_layout_is_the_size_of_the_fiji_file(fiji):
    assert fiji[0].stat().st_size == FIJI_SIZE


def test_files_with_other_weights_are_refused(fiji):
    with pytest.raises(InputError, match=r"checksum of conv1/b"):
        load_original(fiji[0])


def test_network_computes_what_the_layout_says(fiji):
    path, sums = fiji
    model = original._load(path.parent.parent, sums)
    tile = np.random.default_rng(2).integers(0, 65535, (84, 84), dtype=np.uint16)
    found = model.rate(tile, device="cpu").probabilities[0, 0]
    np.testing.assert_allclose(found, _reference(path, tile), atol=1e-5)


def _reference(path, tile):
    """The network in numpy, channels last as TensorFlow has them."""
    data = path.read_bytes()

    def tensor(name):
        stored = TENSORS[name]
        count = int(np.prod(stored.shape))
        values = np.frombuffer(data, "<f4", count, stored.offset)
        return values.reshape(stored.shape).astype(np.float64)

    x = (tile / 65535.0)[..., None]
    for layer in ("conv1", "conv2"):
        padded = np.pad(x, ((2, 2), (2, 2), (0, 0)))
        views = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), (0, 1))
        x = np.einsum("yxcij,ijco->yxo", views, tensor(f"{layer}/w"), optimize=True)
        x = np.maximum(x + tensor(f"{layer}/b"), 0)
        height, width, channels = x.shape
        x = x.reshape(height // 2, 2, width // 2, 2, channels).max((1, 3))
    x = np.maximum(x.ravel() @ tensor("fc3/w") + tensor("fc3/b"), 0)
    logits = x @ tensor("fc4/w") + tensor("fc4/b")
    p = np.exp(logits - logits.max())
    return p / p.sum()


def test_original_wants_a_scale_for_other_than_16_bits(fiji):
    model = original._load(*fiji)
    image = np.random.default_rng(0).random((84, 84)).astype(np.float32)
    with pytest.raises(InputError, match="scale"):
        model.rate(image)
    counts = np.round(image * 65535).astype(np.uint16)
    np.testing.assert_allclose(
        model.rate(image, scale=(0, 1)).probabilities,
        model.rate(counts).probabilities,
        atol=1e-4,
    )


def test_zip_of_something_else_is_refused(tmp_path):
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("variables/" + NAME, b"something else")
    with pytest.raises(InputError, match="not the focus model"):
        load_original(path)


@pytest.mark.parametrize("name", ["model.pt", "model.data-00000-of-00001"])
def test_other_files_are_refused(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"weights")
    with pytest.raises(InputError, match="not the focus model"):
        load_original(path)


def test_missing_file_is_said(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        load_original(tmp_path / "nothing.zip")


def encrypted(content):
    at = content.index(b"PK\1\2") + 8
    return content[:at] + b"\1" + content[at + 1 :]


def of_unknown_kind(content):
    at = content.index(b"PK\1\2") + 10
    return content[:at] + b"\x63\0" + content[at + 2 :]


def damaged(content):
    return content[:1000] + bytes(100) + content[1100:]


@pytest.mark.parametrize("spoil", [encrypted, of_unknown_kind, damaged])
def test_unusual_archives_are_refused(tmp_path, spoil):
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("variables/" + NAME, bytes(FIJI_SIZE))
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(InputError, match="not the focus model"):
        load_original(path)
