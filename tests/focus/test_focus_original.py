"""The file of the model of 2018: its layout, its checksums, its arithmetic."""

import tracemalloc
import zipfile

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.focus import original
from napari_sciml.focus.networks.crc32c import LANES, crc32c, masked_crc32c
from napari_sciml.focus.networks.tensor_index import MAGIC, index_entries
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
        sums[name] = Stored(stored.shape, stored.offset, masked_crc32c(raw))
        data += raw
    path = tmp_path_factory.mktemp("fiji") / "variables" / NAME
    path.parent.mkdir()
    path.write_bytes(data)
    return path, sums


def test_crc32c_of_known_text():
    assert crc32c(b"123456789") == 0xE3069283
    assert crc32c(bytes(32)) == 0x8A9136AA


@pytest.mark.parametrize("length", [0, 5, LANES, 3 * LANES + 7])
def test_crc32c_in_stretches_is_that_byte_by_byte(length):
    data = np.random.default_rng(1).bytes(length)
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    assert crc32c(data) == crc ^ 0xFFFFFFFF


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


def test_checkpoint_with_an_index_is_read(fiji, tmp_path):
    """The tensors at other places, as beside the optimizer's in a checkpoint."""
    path, sums = fiji
    moved = tmp_path / "model.ckpt-1.data-00000-of-00001"
    moved.write_bytes(bytes(64) + path.read_bytes())
    places = {name: stored.offset + 64 for name, stored in sums.items()}
    moved.with_name("model.ckpt-1.index").write_bytes(_index(places))
    model = original._load(moved.with_name("model.ckpt-1.index"), sums)
    tile = np.random.default_rng(2).integers(0, 65535, (84, 84), dtype=np.uint16)
    np.testing.assert_allclose(
        model.rate(tile).probabilities,
        original._load(path, sums).rate(tile).probabilities,
        atol=1e-6,
    )


def test_index_names_every_tensor():
    places = {"conv1/weights": 128, "conv1/weights/Adam": 90000, "fc4/biases": 0}
    assert index_entries(_index(places)) == places
    with pytest.raises(ValueError, match="not a table"):
        index_entries(b"no index")


def _varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def _block(pairs):
    body, last = bytearray(), b""
    for key, value in pairs:
        shared = 0
        while shared < min(len(key), len(last)) and key[shared] == last[shared]:
            shared += 1
        own = key[shared:]
        body += _varint(shared) + _varint(len(own)) + _varint(len(value)) + own + value
        last = key
    return bytes(body) + bytes(4) + (1).to_bytes(4, "little")


def _index(places):
    """An index file as TensorFlow writes it, for these tensors."""
    entries = [(b"", b"\x08\x01")]
    for name in sorted(places):
        message = b"\x08\x01\x12\x02\x12\x00" + b"\x28\x04"
        if places[name]:
            message += b"\x20" + _varint(places[name])
        entries.append((name.encode(), message + b"\x35" + bytes(4)))
    data = _block(entries)
    handle = _varint(0) + _varint(len(data))
    file = data + bytes(5)
    top = _block([(b"z", handle)])
    place = _varint(len(file)) + _varint(len(top))
    file += top + bytes(5)
    footer = (_varint(0) + _varint(0) + place).ljust(40, b"\0")
    return file + footer + MAGIC.to_bytes(8, "little")


def entry(shared, own, length=0):
    """A name of an index that begins like the one before it."""
    return bytes([*varint(shared), *varint(len(own)), *varint(length)]) + own


def varint(number):
    while number > 127:
        yield number & 127 | 128
        number >>= 7
    yield number


@pytest.mark.parametrize(
    "block",
    [
        # Each name a byte longer than the one before: 500 kB would become 10 GB.
        b"".join(entry(number, b"x") for number in range(100_000)),
        b"".join(entry(0, b"") for _ in range(200_000)),
        b"\xff" * 900_000,
    ],
    ids=["names", "tensors", "number"],
)
def test_an_index_that_unpacks_to_gigabytes_is_refused(block):
    table = block + bytes(4) + b"\0"
    handle = bytes([0, 0, *varint(0), *varint(len(block) + 4)])
    footer = handle.ljust(40, b"\0") + MAGIC.to_bytes(8, "little")
    tracemalloc.start()
    with pytest.raises(ValueError):
        index_entries(table + footer)
    assert tracemalloc.get_traced_memory()[1] < 2e7
    tracemalloc.stop()


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
