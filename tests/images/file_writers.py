"""Write files as a `FileCase` describes them, sound or harmed."""

import json
import shutil

import h5py
import numpy as np
import tifffile
import zarr
from file_case import FileCase
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
            file.write(values[: -case.amount], description=head, metadata=None, **options)
        else:
            file.write(values, metadata=metadata, **options)
        if case.harm == "second":
            more = values[..., :-1] if case.amount % 2 else values.astype("f8")
            file.write(more, **{**options, "photometric": "minisblack"}, metadata=None)
    if case.harm == "cut":
        _cut(path, case.amount)
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


def _cut(path, count):
    """Drop the last bytes of a file, and never all of them."""
    whole = path.read_bytes()
    path.write_bytes(whole[: max(1, len(whole) - count)])


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
        options |= {"imagej": True, "metadata": {"unit": _ascii(units.get("x", "pixel"))}}
    else:
        options["metadata"] = None
    tifffile.imwrite(file, plane, byteorder=">" if case.big_endian else "<", **options)


def _harm_slices(case, files):
    one = files[1 + case.amount % (len(files) - 2)]
    if case.harm == "gap":
        one.unlink()
    elif case.harm == "cut":
        _cut(one, case.amount)
    elif case.harm == "shape":
        _write_slice(case, case.values()[0][:-1], one)
    elif case.harm == "type":
        other = np.zeros(case.shape[1:], "u1" if case.dtype != "u1" else "u2")
        _write_slice(case, other, one)
    elif case.harm == "copy":
        shutil.copy(one, one.with_name(f"{one.stem} (1){one.suffix}"))


def _hdf5(case, folder):
    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        chunks = tuple(max(1, n // 2) for n in case.shape)
        values = case.values()
        options = {"chunks": chunks, "fillvalue": 0}
        if case.compression:
            options["compression"] = "gzip"
        data = file.create_dataset(
            "data", case.shape, case.stored_dtype, **options
        )
        if case.harm == "chunks":
            data[tuple(slice(0, n) for n in chunks)] = values[
                tuple(slice(0, n) for n in chunks)
            ]
        else:
            data[...] = values
        if case.harm == "second":
            file["other"] = values
        _describe_hdf5(case, file, data)
    if case.harm == "cut":
        _cut(path, case.amount)
    return path


def _describe_hdf5(case, file, data):
    numbers, units = case.numbers, case.units_written
    space = [axis for axis in case.axes if axis in numbers]
    if case.style == "tags":
        tags = [
            {"key": axis, "typeFlags": 2, "resolution": numbers.get(axis, 0)}
            for axis in case.axes
        ]
        data.attrs["axistags"] = json.dumps({"axes": tags})
        if units:
            data.attrs["unit"] = units["x"]
    elif case.style == "scales":
        for i, axis in enumerate(case.axes):
            data.dims[i].label = axis
        for axis in space:
            positions = numbers[axis] * np.arange(case.shape[case.axes.index(axis)])
            scale = file.create_dataset(f"scale_{axis}", data=positions)
            if axis in units:
                scale.attrs["units"] = units[axis]
            scale.make_scale(axis)
            data.dims[case.axes.index(axis)].attach_scale(scale)
    elif case.style == "attributes":
        data.attrs["axes"] = case.axes
        if space:
            data.attrs["voxel_size"] = [numbers[axis] for axis in space]
        if units:
            data.attrs["units"] = [units.get(axis, "") for axis in space]
    elif case.style == "um":
        data.attrs["axes"] = case.axes
        edges = dict(zip("zyx", case.edges, strict=True))
        if space:
            data.attrs["element_size_um"] = [edges[axis] * 1e6 for axis in space]


def _array_options(case):
    chunks = tuple(max(1, n // 2) for n in case.shape)
    stored = case.stored_dtype
    return {
        "shape": case.shape,
        "chunks": chunks,
        "dtype": stored if stored.itemsize > 1 else case.dtype,
        "compressors": "auto" if case.compression else None,
    }


def _zarr(case, folder):
    path = folder / "a.zarr"
    version = 2 if case.kind == "zarr 2" else 3
    named = {}
    if case.style == "named":
        names = list(case.axes)
        named = (
            {"dimension_names": names}
            if version == 3
            else {"attributes": {"_ARRAY_DIMENSIONS": names}}
        )
    options = _array_options(case)
    if case.harm == "second":
        group = zarr.create_group(str(path), zarr_format=version)
        for name in ("a", "b"):
            group.create_array(name, **options)[...] = case.values()
        return path
    array = zarr.create_array(
        str(path), zarr_format=version, config={"write_empty_chunks": True},
        **options, **named,
    )
    array[...] = case.values()
    _harm_chunks(case, path)
    return path


def _ngff(case, folder):
    path = folder / "a.ome.zarr"
    version, old = ("0.4", 2) if case.kind == "ngff 4" else ("0.5", 3)
    axes = [{"name": a, "type": TYPES.get(a, "space")} for a in case.axes]
    for axis in axes:
        if axis["name"] in case.units_written:
            axis["unit"] = case.units_written[axis["name"]]
    whole = [1.0 if a not in "zyx" else case.numbers.get(a, 1.0) for a in case.axes]
    parts = [{"type": "scale", "scale": whole}]
    image = {"version": "0.4", "axes": axes, "datasets": [{"path": "0"}]}
    if case.style == "image":
        image["coordinateTransformations"] = parts
    elif case.numbers:
        image["datasets"][0]["coordinateTransformations"] = parts
    if case.style == "both":
        half = [{"type": "scale", "scale": [0.5] * len(whole)}]
        double = [{"type": "scale", "scale": [2 * edge for edge in whole]}]
        image["coordinateTransformations"] = half
        image["datasets"][0]["coordinateTransformations"] = double
    described = {"multiscales": [image]}
    if version == "0.5":
        described = {"ome": {"version": version, **described}}
    group = zarr.create_group(str(path), zarr_format=old, attributes=described)
    array = group.create_array(
        "0", config={"write_empty_chunks": True}, **_array_options(case)
    )
    array[...] = case.values()
    _harm_chunks(case, path / "0")
    return path


TYPES = {"c": "channel", "t": "time"}


def _harm_chunks(case, path):
    files = [f for f in sorted(path.rglob("*")) if f.is_file()]
    chunks = [f for f in files if f.name != "zarr.json" and f.name[0] != "."]
    one = chunks[case.amount % len(chunks)]
    if case.harm == "chunks":
        one.unlink()
    elif case.harm == "cut":
        _cut(one, case.amount)


def _npy(case, folder):
    path = folder / "a.npy"
    np.save(path, case.values().astype(case.stored_dtype))
    if case.harm == "cut":
        _cut(path, case.amount)
    return path


WRITERS = {
    **dict.fromkeys(("tiff", "shaped", "imagej", "ome"), _tiff),
    **dict.fromkeys(("folder tiff", "folder png"), _slices),
    "hdf5": _hdf5,
    **dict.fromkeys(("zarr 2", "zarr 3"), _zarr),
    **dict.fromkeys(("ngff 4", "ngff 5"), _ngff),
    "npy": _npy,
}
KINDS = tuple(WRITERS)
