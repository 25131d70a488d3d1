"""TIFF files whose values do not fill bytes, as cameras of 12 bit write them."""

import struct

import numpy as np

BITS = {"1 bit": "?", "2 bit": "u1", "4 bit": "u1", "10 bit": "u2", "12 bit": "u2"}
"""Type of the values that are read."""


def write_packed(case, folder):
    """Write one page a plane; of tifffile, which cannot, nothing is used."""
    path = folder / "a.tif"
    planes = case.values().reshape(-1, *case.shape[-2:])
    bits = int(case.style.split()[0])
    order = ">" if case.big_endian else "<"
    whole = {">": b"MM", "<": b"II"}[order] + struct.pack(f"{order}HI", 42, 8)
    for number, plane in enumerate(planes):
        whole += _page(plane, bits, len(whole), order, number == len(planes) - 1)
    path.write_bytes(whole)
    return path


def _page(plane, bits, start, order, last):
    pixels = _packed(plane, bits)
    height, width = plane.shape
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: 1, 273: 0, 277: 1}
    tags |= {278: height, 279: len(pixels)}
    tags[273] = start + 2 + 12 * len(tags) + 4
    end = tags[273] + len(pixels)
    entries = [struct.pack(f"{order}HHII", code, 4, 1, n) for code, n in tags.items()]
    head = struct.pack(f"{order}H", len(tags)) + b"".join(entries)
    return head + struct.pack(f"{order}I", 0 if last else end) + pixels


def _packed(plane, bits):
    """Most significant bit first; each row begins a byte."""
    wide = plane.astype(">u2")[..., None].view(np.uint8)
    single = np.unpackbits(wide, axis=-1)[..., 16 - bits :]
    return np.packbits(single.reshape(len(plane), -1), axis=-1).tobytes()
