"""Whether a model may be used on an image, before it is."""

from pathlib import Path
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import estimate_intensity, is_far
from napari_sciml.images.volume import Volume
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.models.fit import (
    STRANGE,
    TRAIN_HERE,
    gray_caution,
    gray_in_words,
    outside_cautions,
    size_cautions,
)
from napari_sciml.io.models.folder import load_model, read_record

AS_TRAINED = "as in training"


def check_model(model: str | Path, image: str | Path) -> dict[str, Any]:
    """Compare an image file with what a model file knows.

    Parameters
    ----------
    model
        Folder of the model.
    image
        Volume or image; a few blocks of it are read.

    Returns
    -------
    dict
        A verdict, and what it rests on: voxel size, gray values, and the share of
        voxels that are unlike all that the model was trained on.

    Raises
    ------
    InputError
        When a file cannot be read, or the model is for other axes or channels.
    """
    from napari_sciml.training.evaluation.familiarity import share_outside

    ensemble, record = load_model(model), read_record(model)
    volume = open_volume(image)
    check_axes(ensemble.dims, volume)
    ensemble.check_channels(volume.data)
    of_model, of_image = ensemble.intensity, estimate_intensity(volume.data)
    outside = share_outside(ensemble, volume.data)
    size = size_cautions(record, volume)
    words = gray_in_words(of_model), gray_in_words(of_image)
    gray: tuple[str, ...] = ()
    if not of_model.per_image and is_far(of_model, of_image):
        dtype = volume.data.dtype
        gray = (gray_caution(record, *words, dtype, TRAIN_HERE),)
    return {
        "verdict": _verdict(bool(size), bool(gray), outside),
        "voxel_size": _size(record, bool(size)),
        "gray_values": "unlike training" if gray else AS_TRAINED,
        "outside_share": outside,
        "cautions": [*volume.cautions, *size, *gray, *outside_cautions(outside)],
    }


def check_axes(dims: int, volume: Volume) -> None:
    """Make sure that an image has as many axes as a model is for.

    Raises
    ------
    InputError
        Tells both.
    """
    if volume.ndim != dims:
        raise InputError(
            f"The model was trained on {dims}D images, but this one has {volume.ndim} "
            "axes: choose another image, or train anew."
        )


def _verdict(size: bool, gray: bool, outside: float | None) -> str:
    what = [w for w, is_so in (("voxel size", size), ("gray values", gray)) if is_so]
    if outside is not None and outside >= STRANGE:
        what.append(f"{outside:.0%} of the voxels outside")
    if what:
        return f"unlike training: {', '.join(what)}"
    if outside is None:
        return (
            "gray values as in training; the model is too old, or was saved too early, "
            "to tell more"
        )
    return f"gray values and features as in training ({outside:.1%} outside)"


def _size(record: dict[str, Any], differs: bool) -> str:
    if not record.get("voxel_size"):
        return "not known to the model"
    if not differs and record.get("unit") == "pixel":
        return "not stated"
    return "unlike training" if differs else AS_TRAINED
