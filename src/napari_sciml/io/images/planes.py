"""Planes of one value a pixel, from files that may have color, channels and time."""

from dataclasses import replace
from pathlib import Path

from napari_sciml.errors import InputError
from napari_sciml.images.axes import COLORS, RawImage, to_volume
from napari_sciml.images.gray import as_gray, usual_channel
from napari_sciml.images.volume import Volume
from napari_sciml.io.images.reading import open_raw


def open_planes(path: str | Path, *, channel: int | None = None) -> Volume:
    """Open an image, a stack or a time series to look at its planes one by one.

    Parameters
    ----------
    path
        Any format of `open_volume`. Time stands in for z.
    channel
        Which one of several, from 0 on. By default what the docks begin with: the
        mean of a color image, the first of several channels, of which a caution
        tells.

    Returns
    -------
    Volume
        ``(y, x)`` or ``(z, y, x)`` with one value a pixel.

    Raises
    ------
    InputError
        As `open_volume`, but for time; also where there is no such channel.
    """
    path = Path(path)
    raw, volume = _opened(path)
    if channel is not None and not 0 <= channel < volume.channels:
        last = volume.channels - 1
        raise InputError(
            f"{path} has no channel {channel}; "
            + (f"give one from 0 to {last}." if last else "leave it out.")
        )
    usual = usual_channel(volume.channels, color=_is_color(raw))
    chosen = usual if channel is None else channel
    gray = replace(volume, data=as_gray(volume.data, chosen))
    if channel is not None or chosen is None or volume.channels < 2:
        return gray
    caution = (
        f"{path.name} has {volume.channels} channels; channel {chosen} was used. "
        "Choose another one with --channel."
    )
    return replace(gray, cautions=(*gray.cautions, caution))


def open_mean_planes(path: str | Path) -> Volume:
    """Open the same with the mean of all channels."""
    volume = _opened(Path(path))[1]
    return replace(volume, data=as_gray(volume.data))


def _opened(path: Path) -> tuple[RawImage, Volume]:
    raw = open_raw(path)
    lengths = dict(zip(raw.axes, raw.data.shape, strict=True))
    if lengths.get("t", 1) > 1 and lengths.get("z", 1) == 1:
        axes = tuple("z" if axis == "t" else axis for axis in raw.axes)
        raw = replace(raw, axes=axes)
    return raw, to_volume(raw, path)


def _is_color(raw: RawImage) -> bool:
    """Whether there are samples of a color, or a last axis of as many values."""
    return "s" in raw.axes or (
        raw.axes[-1] == "c" and raw.data.shape[-1] in (COLORS, COLORS + 1)
    )
