"""Write HDF5 and zarr files as a `FileCase` describes them, sound or harmed."""

import json

import h5py
import numpy as np
import zarr


def cut(path, count):
    """Drop the last bytes of a file, and never all of them."""
    whole = path.read_bytes()
    path.write_bytes(whole[: max(1, len(whole) - count)])


def write_hdf5(case, folder):
    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        chunks = tuple(max(1, n // 2) for n in case.shape)
        values = case.values()
        options = {"chunks": chunks, "fillvalue": 0}
        if case.compression:
            options["compression"] = "gzip"
        data = file.create_dataset("data", case.shape, case.stored_dtype, **options)
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
        cut(path, case.amount)
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


def write_zarr(case, folder):
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
        str(path),
        zarr_format=version,
        config={"write_empty_chunks": True},
        **options,
        **named,
    )
    array[...] = case.values()
    _harm_chunks(case, path)
    return path


def write_ngff(case, folder):
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
        cut(one, case.amount)
