"""Write files as a `FileCase` describes them, sound or harmed."""

import shutil

import numpy as np
import tifffile
from file_case import FileCase
from file_writers_chunked import cut, write_hdf5, write_ngff, write_zarr
from file_writers_packed import write_packed
from PIL import Image


def write(case: FileCase, folder):
    """Write a file into an empty folder; give its path."""
    return WRITERS[case.kind](case, folder)


def _tiff(case, folder):
    path = folder / ("a.ome.tif" if case.kind == "ome" else "a.tif")
    values, metadata = case.values(), _metadata(case)
    if case.harm == "promise":
        metadata = None
    options = _tiff_options(case)
    with tifffile.TiffWriter(path, **_file_options(case)) as file:
        if case.harm == "promise":
            head = _promise(case)
            file.write(
                values[: -case.amount], description=head, metadata=None, **options
            )
        else:
            file.write(values, metadata=metadata, **options)
        if case.harm == "second":
            other = values.astype("f4" if case.dtype == "f8" else "f8")
            more = values[..., :-1] if case.amount % 2 else other
            file.write(more, **{**options, "photometric": "minisblack"}, metadata=None)
    if case.harm == "cut":
        cut(path, case.amount)
    return path


def _file_options(case):
    order = ">" if case.big_endian else "<"
    kinds = {"imagej": {"imagej": True}, "ome": {"ome": True}, "tiff": {}, "shaped": {}}
    kind = {} if case.harm in ("promise", "second") else kinds[case.kind]
    big = {"bigtiff": True} if case.bigtiff else {}
    return {"byteorder": order, **kind, **big}


def _tiff_options(case):
    options = {"photometric": "rgb" if "s" in case.axes else "minisblack"}
    if case.compression:
        options["compression"] = case.compression
    if case.style == "tiles":
        options["tile"] = (16, 16)
    elif case.style == "rows":
        options["rowsperstrip"] = 2
    elif case.style == "white":
        options["photometric"] = "miniswhite"
    if case.kind == "imagej" and case.numbers:
        options["resolution"] = tuple(1 / case.numbers[a] for a in "xy")
    return options


def _metadata(case):
    letters, numbers, units = case.axes.upper(), case.numbers, case.units_written
    if case.kind == "tiff":
        return None
    if case.kind == "shaped":
        return {"axes": letters}
    if case.kind == "imagej":
        told = {"spacing": numbers["z"]} if "z" in numbers else {}
        keys = {"x": "unit", "y": "yunit", "z": "zunit"}
        named = {keys[a]: _ascii(u) for a, u in units.items()}
        named = {"unit": "pixel"} | named if numbers else {}
        named = {k: u for k, u in named.items() if k == "unit" or u != named["unit"]}
        return {"axes": letters, **told, **named}
    sizes = {f"PhysicalSize{a.upper()}": n for a, n in numbers.items()}
    named = {f"PhysicalSize{a.upper()}Unit": u for a, u in units.items()}
    return {"axes": letters, **sizes, **named}


def _ascii(unit):
    """As ImageJ escapes what is not ASCII."""
    return "".join(s if s.isascii() else f"\\u{ord(s):04X}" for s in unit)


def _promise(case):
    """A header that tells of all slices."""
    z, y, x = case.shape
    if case.kind == "imagej":
        return f"ImageJ=1.53t\nimages={z}\nslices={z}\n"
    kind = {"u1": "uint8", "u2": "uint16", "f4": "float", "i2": "int16"}[case.dtype]
    return (
        '<?xml version="1.0"?>'
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
        f'Type="{kind}" SizeX="{x}" SizeY="{y}" SizeZ="{z}" SizeC="1" SizeT="1">'
        '<Channel ID="Channel:0" SamplesPerPixel="1"/><TiffData/></Pixels></Image>'
        "</OME>"
    )


NAMES = {
    "zeros": lambda i: f"s{i:04d}",
    "no zeros": lambda i: f"s{i}",
    "from 7": lambda i: f"scan12_{i + 7}",
    "steps of 5": lambda i: f"z{5 * i:03d}um",
    "signs": lambda i: f"z{i - 2:+d}",
    "minus": lambda i: f"z_{i - 3}um",
    "decimals": lambda i: f"z{0.5 * i:.1f}",
    "only numbers": lambda i: f"{i + 1}",
    "time stamp": lambda i: f"2024-05-17_{i:02d}",
}
"""How programs name slices."""


def _slices(case, folder):
    path = folder / "slices"
    path.mkdir()
    suffix = ".png" if case.kind == "folder png" else ".tif"
    files = [path / (NAMES[case.style](i) + suffix) for i in range(case.shape[0])]
    for plane, file in zip(case.values(), files, strict=True):
        _write_slice(case, plane, file)
    _harm_slices(case, files)
    return path


def _write_slice(case, plane, file):
    if file.suffix == ".png":
        Image.fromarray(plane).save(file)
        return
    numbers, units = case.numbers, case.units_written
    options = {"compression": case.compression, "photometric": "minisblack"}
    if numbers:
        options["resolution"] = tuple(1 / numbers[axis] for axis in "xy")
        options |= {
            "imagej": True,
            "metadata": {"unit": _ascii(units.get("x", "pixel"))},
        }
    else:
        options["metadata"] = None
    tifffile.imwrite(file, plane, byteorder=">" if case.big_endian else "<", **options)


def _harm_slices(case, files):
    one = files[1 + case.amount % (len(files) - 2)]
    if case.harm == "gap":
        one.unlink()
    elif case.harm == "cut":
        cut(one, case.amount)
    elif case.harm == "shape":
        _write_slice(case, case.values()[0][:-1], one)
    elif case.harm == "type":
        other = np.zeros(case.shape[1:], "u1" if case.dtype != "u1" else "u2")
        _write_slice(case, other, one)
    elif case.harm == "copy":
        shutil.copy(one, one.with_name(f"{one.stem} (1){one.suffix}"))


def _npy(case, folder):
    path = folder / "a.npy"
    np.save(path, case.values().astype(case.stored_dtype))
    if case.harm == "cut":
        cut(path, case.amount)
    return path


WRITERS = {
    **dict.fromkeys(("tiff", "shaped", "imagej", "ome"), _tiff),
    **dict.fromkeys(("folder tiff", "folder png"), _slices),
    "hdf5": write_hdf5,
    **dict.fromkeys(("zarr 2", "zarr 3"), write_zarr),
    **dict.fromkeys(("ngff 4", "ngff 5"), write_ngff),
    "npy": _npy,
    "packed": write_packed,
}
KINDS = tuple(WRITERS)
