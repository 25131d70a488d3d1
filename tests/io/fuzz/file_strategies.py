"""Draw files, sound and harmed, as a `FileCase` describes them."""

from file_case import METERS, STRANGE, FileCase
from file_writers import KINDS, NAMES
from file_writers_packed import BITS
from hypothesis import strategies as st

NUMBERS = ("u1", "u2", "u4", "i2", "i4", "f2", "f4", "f8", "?")
DTYPES = {
    "imagej": ("u1", "u2", "f4"),
    "folder png": ("u1", "u2", "?"),
    "folder tiff": NUMBERS,
    "ome": ("u1", "u2", "u4", "i2", "i4", "f4", "f8", "?"),
}
AXES = {
    "tiff": ("yx", "zyx", "zyxs"),
    "shaped": ("yx", "zyx", "czyx", "tzyx", "cyx", "tyx", "yxs"),
    "imagej": ("yx", "zyx", "zcyx", "tzyx", "tzcyx", "cyx"),
    "ome": ("yx", "zyx", "czyx", "zcyx", "tzyx", "tczyx", "cyx", "yxs"),
    "hdf5": ("yx", "zyx", "czyx", "zyxc", "xyz", "xy", "tzyx", "xyzc", "yxz", "tczyx"),
    "packed": ("yx", "zyx"),
    "zarr": ("yx", "zyx", "czyx", "tzyx", "zyxc"),
    "ngff": ("yx", "zyx", "czyx", "tczyx", "tzyx", "cyx"),
}
STYLES = {
    "hdf5": ("bare", "tags", "scales", "attributes", "um"),
    "zarr": ("bare", "named"),
    "ngff": ("level", "image", "both"),
    "folder": tuple(NAMES),
    "imagej": ("", "rows"),
    "tiff": ("", "tiles", "rows"),
    "packed": tuple(BITS),
}
SIZED = ("imagej", "ome", "ngff 4", "ngff 5", "hdf5", "folder tiff")
ONE_UNIT = ("tags", "um")
HARMS = {
    "tiff": ("cut", "second"),
    "shaped": ("cut",),
    "imagej": ("cut", "promise"),
    "ome": ("cut", "promise"),
    "folder": ("gap", "cut", "shape", "type", "copy"),
    "hdf5": ("cut", "chunks", "second"),
    "zarr": ("chunks", "cut", "second"),
    "ngff": ("chunks", "cut"),
    "npy": ("cut",),
}
# Not 0, which every empty chunk looks like; no power of ten, as a mistake would be.
EDGES = st.floats(2e-8, 9e-4).map(lambda edge: float(f"{edge:.4g}"))


def _of(table, kind, default=()):
    return table.get(kind, table.get(kind.split(" ")[0], default))


@st.composite
def sound_files(draw, kinds=KINDS):
    """Files with nothing wrong but, perhaps, a size that cannot be used."""
    kind = draw(st.sampled_from(kinds))
    axes = draw(st.sampled_from(_of(AXES, kind, ("zyx",))))
    style = draw(st.sampled_from(_of(STYLES, kind, ("",))))
    if kind in ("shaped", "ome", "tiff"):
        style = draw(st.sampled_from(STYLES["tiff"]))
    if style == "bare":
        axes = draw(st.sampled_from(("yx", "zyx")))
    dtype = draw(st.sampled_from(_of(DTYPES, kind, NUMBERS)))
    dtype = BITS.get(style, dtype)
    if "s" in axes and dtype == "?":
        dtype = "u1"  # tifffile packs the bits of colors in another way than it reads
    edges, units = draw(_sizes(kind, style))
    if kind == "folder tiff":
        # Slices do not tell how far apart they are, and ImageJ knows few types.
        sized = dtype in DTYPES["imagej"] and edges[0]
        edges = (None, *edges[1:]) if sized else (None,) * 3
    packed = kind.startswith(("folder tiff", "tiff", "shaped", "imagej", "ome"))
    return FileCase(
        kind=kind,
        axes=axes,
        shape=draw(_shape(kind, axes)),
        dtype=dtype,
        big_endian=draw(st.booleans()),
        edges=edges,
        units=units,
        style=style,
        compression=draw(st.sampled_from((None, "zlib", "lzw" if packed else "zlib"))),
        bigtiff=draw(st.booleans()) if kind in ("tiff", "shaped", "ome") else False,
        nan=draw(st.booleans()),
        seed=draw(st.integers(0, 99)),
    )


@st.composite
def harmed_files(draw, kinds=KINDS):
    """Files of which something is missing, or in which there is something else."""
    kind = draw(st.sampled_from([k for k in kinds if _of(HARMS, k)]))
    harm = draw(st.sampled_from(_of(HARMS, kind)))
    styles = _of(STYLES, kind, ("",))
    dtype = draw(st.sampled_from(_of(DTYPES, kind, NUMBERS)))
    if harm == "promise" and dtype not in ("u1", "u2", "f4", "i2"):
        dtype = "u2"
    style = draw(st.sampled_from(styles))
    shape = (draw(st.integers(7, 9)), draw(st.integers(5, 9)), draw(st.integers(5, 9)))
    return FileCase(
        kind=kind,
        shape=shape,
        dtype=dtype,
        big_endian=draw(st.booleans()),
        style=style,
        compression=draw(st.sampled_from((None, "zlib"))),
        bigtiff=draw(st.booleans()) if kind in ("tiff", "shaped") else False,
        harm=harm,
        amount=draw(st.integers(1, 5 if harm == "promise" else 400)),
        seed=draw(st.integers(0, 99)),
    )


@st.composite
def _shape(draw, kind, axes):
    smallest = 3 if kind.startswith("folder") else 1
    lengths = {
        "z": st.integers(smallest, 6),
        "c": st.integers(1, 4),
        "t": st.integers(1, 2),
        "s": st.just(3),
    }
    # What is shorter may be color where axes have no names.
    return tuple(draw(lengths.get(axis, st.integers(5, 20))) for axis in axes)


@st.composite
def _sizes(draw, kind, style):
    nothing = (None, None, None), ("", "", "")
    if kind not in SIZED or style == "bare" or draw(st.integers(0, 4)) == 0:
        return nothing
    each = st.sampled_from(("all", "one", "strange", "none", "mixed"))
    way = "one" if style in ONE_UNIT else draw(each)
    lengths, strange = st.sampled_from(tuple(METERS)), st.sampled_from(STRANGE)
    edges = draw(st.tuples(EDGES, EDGES, EDGES))
    if style == "um":
        return edges, ("um", "um", "um")
    if way == "all":
        return edges, draw(st.tuples(lengths, lengths, lengths))
    if way == "mixed":
        either = st.one_of(lengths, strange, st.just(""))
        edge = st.one_of(EDGES, st.none()) if _may_lack(kind, style) else EDGES
        return draw(st.tuples(edge, edge, edge)), draw(
            st.tuples(either, either, either)
        )
    one = {"one": lengths, "strange": strange, "none": st.just("")}[way]
    return edges, (draw(one),) * 3


def _may_lack(kind, style):
    return kind == "ome" or style == "scales"
