"""CRC-32C, the checksum of TensorFlow's files, in numpy alone."""

from functools import cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
POLYNOMIAL = 0x82F63B78
LANES = 4096


def masked_crc32c(data: bytes) -> int:
    """CRC-32C as TensorFlow stores it: rotated, with a constant added."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def crc32c(data: bytes) -> int:
    """CRC-32C of bytes.

    Many equal stretches are worked on at once, then joined: a loop over single
    bytes would take a minute for the 116 MB of the model of 2018.
    """
    stretch = len(data) // LANES
    crc = 0
    if stretch:
        values = np.frombuffer(data, np.uint8, stretch * LANES).reshape(LANES, stretch)
        states = np.zeros(LANES, np.uint32)
        table = _table()
        for column in np.ascontiguousarray(values.T):
            states = table[(states ^ column) & 0xFF] ^ (states >> np.uint32(8))
        shift = _shift_matrix(stretch)
        crc = 0xFFFFFFFF
        for state in states.tolist():
            crc = _times(shift, crc) ^ state
        crc ^= 0xFFFFFFFF
    return _plain(data[stretch * LANES :], crc)


def _plain(data: bytes, crc: int) -> int:
    table = _table().tolist()
    crc ^= 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


@cache
def _table() -> Array:
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        odd = (table & 1).astype(bool)
        table = np.where(odd, (table >> 1) ^ np.uint32(POLYNOMIAL), table >> 1)
    return table.astype(np.uint32)


def _shift_matrix(length: int) -> tuple[int, ...]:
    """What ``length`` zero bytes do to a state, as 32 columns over GF(2)."""
    table = _table().tolist()
    power = tuple(table[(1 << i) & 0xFF] ^ ((1 << i) >> 8) for i in range(32))
    result = tuple(1 << i for i in range(32))
    while length:
        if length & 1:
            result = tuple(_times(power, column) for column in result)
        power = tuple(_times(power, column) for column in power)
        length >>= 1
    return result


def _times(matrix: tuple[int, ...], vector: int) -> int:
    total, i = 0, 0
    while vector:
        if vector & 1:
            total ^= matrix[i]
        vector >>= 1
        i += 1
    return total
