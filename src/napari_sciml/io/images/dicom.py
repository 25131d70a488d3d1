"""DICOM: one file with one or more frames, or a folder with a file for each slice."""

from pathlib import Path
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.images.axes import RawImage
from napari_sciml.images.lazy import PlaneStack
from napari_sciml.io.images.stacks.reading import files_in
from napari_sciml.io.images.text import listed

SUFFIXES = (".dcm", ".dicom", ".ima")
UNEVEN = 0.01
"""Part of the distance of two slices that is no rounding error."""

Scaling = tuple[float, float]
"""Slope and intercept."""


def is_series(folder: Path) -> bool:
    """Whether a folder holds DICOM files, by their names."""
    return bool(files_in(folder, SUFFIXES))


def open_dicom(path: Path) -> RawImage:
    """Open a file: ``(y, x)``, or ``(z, y, x)`` where it has frames; sizes in mm.

    Raises
    ------
    InputError
        When it holds no image, or frames of several stacks.
    """
    import pydicom

    header = pydicom.dcmread(path)
    if "PixelData" not in header:
        raise InputError(f"{path} holds no image; give the file with the pixels.")
    frames = int(header.get("NumberOfFrames", 1))
    axes = ("z",) * (frames > 1) + ("y", "x") + ("s",) * (_samples(header) > 1)
    data = _scaled(header.pixel_array, _scaling(header))
    sizes, cautions = _in_plane(header), _doubts(header, path.name)
    if frames > 1:
        places = _frame_positions(header)
        sizes, told = _with_depth(sizes, places, header, path.name)
        cautions += told
    return RawImage(data, axes, sizes, dict.fromkeys(sizes, "mm"), cautions)


def open_series(folder: Path) -> RawImage:
    """Stack the files of a folder along z, by their positions in space; sizes in mm.

    Raises
    ------
    InputError
        When they are of several series, differ in shape, or two lie at one place.
    """
    import pydicom

    files = files_in(folder, SUFFIXES)
    if len(files) == 1:
        return open_dicom(files[0])
    headers = [pydicom.dcmread(file, stop_before_pixels=True) for file in files]
    _check_one_series(folder, files, headers)
    order, places, told = _in_order(folder, headers)
    first = headers[0]
    sizes, of_depth = _with_depth(_in_plane(first), places, first, folder.name)
    data = _stack([files[i] for i in order], headers)
    cautions = (*_doubts(first, folder.name), *told, *of_depth)
    return RawImage(data, ("z", "y", "x"), sizes, dict.fromkeys(sizes, "mm"), cautions)


def _in_order(
    folder: Path, headers: list[Any]
) -> tuple[list[int], list[float], tuple[str, ...]]:
    """Order of the slices, where they lie (or nothing), and what is to be told."""
    found = [_position(header) for header in headers]
    places = [place for place in found if place is not None]
    keys, told = places, tuple[str, ...]()
    if len(places) < len(headers):
        keys, places = [float(h.get("InstanceNumber") or 0) for h in headers], []
        told = (
            f"{folder.name}: the files do not all tell where their slices lie; they "
            "are ordered by their numbers.",
        )
    if len(set(keys)) < len(keys):
        raise InputError(
            f"{folder} has several slices at one place; keep one file for each."
        )
    return [int(i) for i in np.argsort(keys)], sorted(places), told


def _stack(files: list[Path], headers: list[Any]) -> PlaneStack:
    import pydicom

    scaled = any(_scaling(header) != (1, 0) for header in headers)
    plain = pydicom.dcmread(files[0]).pixel_array.dtype
    dtype = np.dtype(np.float32) if scaled else plain

    def read(z: int) -> np.ndarray:
        header = pydicom.dcmread(files[z])
        plane = _scaled(header.pixel_array, _scaling(header))
        return plane.astype(dtype, copy=False)

    shape = (len(files), int(headers[0].Rows), int(headers[0].Columns))
    return PlaneStack(read, shape, dtype)


def _check_one_series(folder: Path, files: list[Path], headers: list[Any]) -> None:
    series = {str(header.get("SeriesInstanceUID", "")) for header in headers}
    if len(series) > 1:
        raise InputError(
            f"{folder} holds {len(series)} series; put the files of one into a folder "
            "of their own."
        )
    kinds = {(h.get("Rows"), h.get("Columns"), _samples(h)) for h in headers}
    if len(kinds) > 1 or _samples(headers[0]) > 1:
        raise InputError(
            f"{folder} has slices of different shapes, or in color; keep gray ones of "
            "one shape."
        )
    whole = [h for h in headers if int(h.get("NumberOfFrames", 1)) > 1]
    if whole:
        raise InputError(
            f"{folder} has files with several slices each, such as "
            f"{listed([file.name for file in files], 1)}; give one of them."
        )


def _samples(header: Any) -> int:
    return int(header.get("SamplesPerPixel", 1))


def _scaling(header: Any) -> Scaling:
    slope, intercept = header.get("RescaleSlope"), header.get("RescaleIntercept")
    return (
        1.0 if slope is None else float(slope),
        0.0 if intercept is None else float(intercept),
    )


def _scaled(pixels: np.ndarray, scaling: Scaling) -> np.ndarray:
    slope, intercept = scaling
    if scaling == (1, 0):
        return pixels
    return (pixels * slope + intercept).astype(np.float32)


def _doubts(header: Any, name: str) -> tuple[str, ...]:
    if header.get("PhotometricInterpretation") != "MONOCHROME1":
        return ()
    return (f"{name} is stored with 0 as white; its values are taken as stored.",)


def _in_plane(header: Any) -> dict[str, float]:
    spacing = header.get("PixelSpacing") or _measures(header, "PixelSpacing")
    if spacing is None:
        return {}
    return {"y": float(spacing[0]), "x": float(spacing[1])}


def _measures(header: Any, name: str) -> Any:
    """What an enhanced DICOM says of all frames."""
    shared = header.get("SharedFunctionalGroupsSequence")
    measures = shared[0].get("PixelMeasuresSequence") if shared else None
    return measures[0].get(name) if measures else None


def _position(header: Any, directions: Any = None) -> float | None:
    """Where a slice lies along the direction across it, in mm."""
    place = header.get("ImagePositionPatient")
    directions = directions or header.get("ImageOrientationPatient")
    if place is None or directions is None:
        return None
    rows = np.array(directions, float).reshape(2, 3)
    return float(np.dot(np.cross(*rows), np.array(place, float)))


def _frame_positions(header: Any) -> list[float]:
    """Of the frames of an enhanced DICOM; none where it does not tell them all."""
    shared = header.get("SharedFunctionalGroupsSequence")
    of_all = shared[0].get("PlaneOrientationSequence") if shared else None
    places = []
    for frame in header.get("PerFrameFunctionalGroupsSequence") or ():
        plane = frame.get("PlanePositionSequence")
        oriented = frame.get("PlaneOrientationSequence") or of_all
        if not plane or not oriented:
            return []
        place = _position(plane[0], oriented[0].get("ImageOrientationPatient"))
        if place is None:
            return []
        places.append(place)
    return places


def _with_depth(
    sizes: dict[str, float], places: list[float], header: Any, name: str
) -> tuple[dict[str, float], tuple[str, ...]]:
    """The distance of the slices, by where they lie or else by what is stated."""
    if len(places) > 1:
        steps = np.abs(np.diff(places))
        step = float(np.median(steps))
        uneven = np.flatnonzero(np.abs(steps - step) > UNEVEN * step)
        if not len(uneven):
            return {"z": step, **sizes}, ()
        return {"z": step, **sizes}, (
            f"{name}: the slices are not evenly spaced, first after slice "
            f"{uneven[0] + 1} ({steps[uneven[0]]:g} mm where {step:g} mm is usual); "
            "slices may be missing.",
        )
    for field in ("SpacingBetweenSlices", "SliceThickness"):
        stated = header.get(field) or _measures(header, field)
        if stated is not None:
            caution = (
                f"{name} does not tell where its slices lie; their distance is taken "
                f"from {field}, {float(stated):g} mm.",
            )
            return {"z": float(stated), **sizes}, caution
    return sizes, ()
