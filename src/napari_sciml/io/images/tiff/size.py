"""The voxel size that the header of a TIFF file tells."""

import math
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import tifffile

from napari_sciml.images.axes import Sizes


def physical_size(file: tifffile.TiffFile, path: Path) -> Sizes:
    """Read the voxel size of the first image of a file.

    The resolution of files that are neither of OME nor of ImageJ is about printing:
    72 dots an inch.
    """
    if file.is_ome:
        return _ome_size(file.ome_metadata or "", path)
    if file.is_imagej:
        return _imagej_size(file, path)
    if "<OME" in file.pages.first.description[:1000]:  # the end is missing
        return _ome_size(file.pages.first.description, path)
    return Sizes()


def ome_pixels(metadata: str) -> list[Mapping[str, str]]:
    """Attributes of the ``Pixels`` of each image; empty where it is no good XML."""
    try:
        root = ElementTree.fromstring(metadata)
    except ElementTree.ParseError:
        return []
    images = [element for element in root if element.tag.endswith("Image")]
    pixels = [[e for e in image if e.tag.endswith("Pixels")] for image in images]
    return [found[0].attrib for found in pixels if found]


def _ome_size(metadata: str, path: Path) -> Sizes:
    pixels = ome_pixels(metadata)
    if not pixels:
        why = (
            "its header is in another file, which cannot be read beside it"
            if "BinaryOnly" in metadata
            else "its OME header cannot be read"
        )
        return Sizes(cautions=(f"{path.name} tells no voxel size: {why}.",))
    told = {axis: f"PhysicalSize{axis.upper()}" for axis in "zyx"}
    texts = {axis: pixels[0][key] for axis, key in told.items() if key in pixels[0]}
    # micrometer is the default of the OME schema.
    units = {axis: pixels[0].get(f"{told[axis]}Unit", "µm") for axis in texts}
    return _size(texts, units, path)


def _imagej_size(file: tifffile.TiffFile, path: Path) -> Sizes:
    metadata = file.imagej_metadata or {}
    if not {"unit", "yunit", "zunit", "spacing"} & metadata.keys():
        return Sizes()
    per_x, per_y = file.pages.first.resolution
    # ImageJ leaves the spacing out where it is 1.
    texts = {
        "z": str(metadata.get("spacing", 1.0)),
        "y": str(1 / per_y if per_y else math.inf),
        "x": str(1 / per_x if per_x else math.inf),
    }
    # The units of y and z are told only where they differ from that of x.
    unit = metadata.get("unit", metadata.get("xunit", "pixel"))
    units = {axis: str(metadata.get(f"{axis}unit", unit)) for axis in "zyx"}
    return _size(texts, units, path)


def _size(texts: Mapping[str, str], units: Mapping[str, str], path: Path) -> Sizes:
    spacing = {axis: _number(text) for axis, text in texts.items()}
    commas = [t for a, t in texts.items() if "," in t and not math.isnan(spacing[a])]
    if not commas:
        return Sizes(spacing, units)
    read = " and ".join(dict.fromkeys(f"{t} as {_number(t):g}" for t in commas))
    caution = f"{path.name} gives its voxel size with a decimal comma; read {read}."
    return Sizes(spacing, units, (caution,))


def _number(text: str) -> float:
    try:
        return float(text.strip().replace(",", "."))
    except ValueError:
        return math.nan
