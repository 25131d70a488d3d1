"""The index file of a TensorFlow checkpoint: names and offsets of its tensors."""

FOOTER = 48
MAGIC = 0xDB4775248B80FB57
LARGEST = 2**20
"""Bytes of an index; that of the focus model has 3 kB."""
MOST = 10_000
"""Tensors of a checkpoint."""
LONGEST = 1000
"""Bytes of a name. Each begins as the one before it, so that a few bytes of the file
could stand for many of the names."""


def index_entries(data: bytes) -> dict[str, int]:
    """Offset in the data file of every tensor of an index file.

    The file is a sorted string table of uncompressed blocks; each value is a
    BundleEntryProto whose field 4 is the offset (absent for 0).

    Raises
    ------
    ValueError, IndexError
        When it is no such file.
    """
    mark = int.from_bytes(data[-8:], "little")
    if not FOOTER <= len(data) <= LARGEST or mark != MAGIC:
        raise ValueError("not a table")
    footer = data[-FOOTER:]
    _, place = _varint(footer, 0)
    _, place = _varint(footer, place)
    offset, place = _varint(footer, place)
    size, _ = _varint(footer, place)
    entries: dict[str, int] = {}
    for _, handle in _block(data, offset, size):
        start, place = _varint(handle, 0)
        length, _ = _varint(handle, place)
        for key, value in _block(data, start, length):
            if key:  # the empty key describes the file
                entries[key.decode()] = _offset(value)
        if len(entries) > MOST:
            raise ValueError("too many tensors")
    return entries


def _block(data: bytes, offset: int, size: int) -> list[tuple[bytes, bytes]]:
    block = data[offset : offset + size]
    if data[offset + size] != 0:
        raise ValueError("compressed block")
    restarts = int.from_bytes(block[-4:], "little")
    pairs: list[tuple[bytes, bytes]] = []
    end, place, key = len(block) - 4 * (restarts + 1), 0, b""
    while place < end:
        shared, place = _varint(block, place)
        own, place = _varint(block, place)
        length, place = _varint(block, place)
        if shared + own > LONGEST or len(pairs) >= MOST:
            raise ValueError("too many tensors, or too long a name")
        key = key[:shared] + block[place : place + own]
        place += own
        pairs.append((key, block[place : place + length]))
        place += length
    return pairs


def _offset(message: bytes) -> int:
    place, offset = 0, 0
    while place < len(message):
        tag, place = _varint(message, place)
        field, wire = tag >> 3, tag & 7
        if wire == 0:
            value, place = _varint(message, place)
            offset = value if field == 4 else offset
        elif wire == 2:
            length, place = _varint(message, place)
            place += length
        elif wire in (1, 5):
            place += 8 if wire == 1 else 4
        else:
            raise ValueError("unknown wire type")
    return offset


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        if shift > 63:
            raise ValueError("a number of more than 64 bits")
        byte = data[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
