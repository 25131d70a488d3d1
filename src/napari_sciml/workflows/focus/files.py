"""Focus on files: what the command line runs."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.focus.config import FocusTrainingConfig
from napari_sciml.images.checks import unusable_values
from napari_sciml.images.volume import Volume, unique
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.images.planes import open_mean_planes, open_planes
from napari_sciml.io.results.outputs import check_output
from napari_sciml.progress import Report, Say

if TYPE_CHECKING:
    import pandas as pd

    from napari_sciml.focus.model import FocusModel
    from napari_sciml.focus.rating.result import FocusResult

NOTHING_FOUND = (
    "There is nothing to see: no tile holds more than noise or even light, so no level "
    "and no best plane can be told."
)


def rate_file(
    image: Path,
    out: Path,
    *,
    model: Path | None = None,
    original: Path | None = None,
    channel: int | None = None,
    tile: int = 84,
    stride: int | None = None,
    scale: tuple[float, float] | None = None,
    measures: bool = False,
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    report: Report,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Rate an image, stack or time series; write focus.csv, summary.json, overlay.png.

    Of a color image the mean is rated, of several channels ``channel`` or the first.
    """
    from napari_sciml.focus.rating.measures import measure_tiles
    from napari_sciml.networks.device import default_threads, use_threads

    inputs = [image, model] if model is not None else [image]
    check_output(out, "focus rating", inputs=inputs, overwrite=overwrite, folder=True)
    chosen = _model(model, original)
    volume = open_planes(image, channel=channel)
    for caution in volume.cautions:
        say(caution)
    data = volume.data
    use_threads(threads or default_threads())
    stride = stride or tile
    rating, measuring = (0.5, 0.9) if measures else (0.9, 0.9)
    result = chosen.rate(
        data, tile=tile, stride=stride, scale=scale, device=device,
        progress=_share(report, 0, rating, "rating"),
    )  # fmt: skip
    classic = None
    if measures:
        classic = measure_tiles(
            data, tile=tile, stride=stride,
            progress=_share(report, rating, measuring, "classic measures"),
        )  # fmt: skip
    doubts = unusable_values(data)
    for caution in doubts:
        say(caution)
    return write_rating(
        result, data, out, kind=chosen.kind, measures=classic, scale=scale,
        cautions=(*volume.cautions, *doubts),
        progress=_share(report, measuring, 1, "writing"),
    )  # fmt: skip


def _share(
    report: Report, low: float, high: float, note: str
) -> Callable[[float], None]:
    """Tell what is done of one stage as a part of the whole."""
    return lambda done: report(low + done * (high - low), note)


def write_rating(
    result: "FocusResult",
    data: Any,
    out: Path,
    *,
    kind: str,
    measures: "pd.DataFrame | None" = None,
    scale: tuple[float, float] | None = None,
    cautions: Sequence[str] = (),
    progress: Callable[[float], None] = lambda _: None,
) -> dict[str, Any]:
    """Write focus.csv, summary.json and overlay.png of a rating.

    Parameters
    ----------
    result
        The rating.
    data
        What was rated, ``(…, y, x)``.
    out
        Folder to make.
    kind
        Name of the model's network.
    measures
        Further columns of the table, from `measure_tiles`.
    scale
        Values that were taken for 0 and 1, where the model needed to know.
    cautions
        What a person should know of the image before he trusts the rating.
    progress
        Told the share that is written.

    Returns
    -------
    dict
        The summary, and where it was written.
    """
    from napari_sciml.focus.overlay import overlay

    summary = _summary(result) | {"model": kind}
    if scale is not None:
        summary["scale"] = list(scale)
    empty = [NOTHING_FOUND] if result.blank.all() else []
    summary["cautions"] = [*cautions, *empty]
    place = _shown(result)
    picture = overlay(_Plane(data, place) if place else data, result, place)
    with atomic_path(out) as part:
        part.mkdir()
        _write_table(part / "focus.csv", result, measures, progress)
        text = json.dumps(summary, indent=1) + "\n"
        (part / "summary.json").write_text(text, encoding="utf-8")
        _write_png(part / "overlay.png", picture)
    return summary | {"out": str(out)}


def train_files(
    images: Sequence[Path],
    out: Path,
    config: FocusTrainingConfig,
    *,
    overwrite: bool = False,
    report: Report,
    say: Say = lambda _: None,
) -> dict[str, Any]:
    """Train a focus model on in-focus image files; every plane is an image."""
    from napari_sciml.focus.training.session import FocusTrained, train_focus

    check_output(out, "focus model", inputs=images, overwrite=overwrite, folder=True)
    volumes = [open_mean_planes(path) for path in images]
    cautions = unique(*(volume.cautions for volume in volumes))
    for caution in cautions:
        say(caution)
    planes = [plane for volume in volumes for plane in _planes(volume)]
    for event in train_focus(planes, config):
        if isinstance(event, FocusTrained):
            trained = event.model
        else:
            report(event.fraction, f"loss {event.loss:.2f}")
    trained.card["files"] = [path.name for path in images]
    save_focus_model(trained, out)
    return {
        "images": len(planes),
        **trained.card["held_out"],
        "cautions": list(cautions),
        "out": str(out),
    }


def save_focus_model(model: "FocusModel", out: Path) -> None:
    """Write a model to a new folder, or nothing."""
    with atomic_path(out) as part:
        part.mkdir()
        model.save(part)


def open_focus_model(path: Path) -> "FocusModel":
    """Load a model, whether it was trained here or is the one of 2018.

    Parameters
    ----------
    path
        Folder of a model or a file in it, or a file of `load_original`.

    Raises
    ------
    InputError
        When it is neither.
    """
    from napari_sciml.focus.model import CARD, WEIGHTS, load_focus
    from napari_sciml.focus.original import load_original

    if path.name in (CARD, WEIGHTS):
        return load_focus(path.parent)
    if path.is_dir() and not any(path.rglob("*.data-00000-of-00001")):
        return load_focus(path)
    return load_original(path)


def _model(folder: Path | None, original: Path | None) -> "FocusModel":
    from napari_sciml.focus.model import load_focus, pretrained
    from napari_sciml.focus.original import load_original

    if folder and original:
        raise InputError("Give a model or the original of 2018, not both.")
    if original:
        return load_original(original)
    return load_focus(folder) if folder else pretrained()


def read_planes(path: Path) -> list[Any]:
    """Read the planes ``(y, x)`` of an image file; of channels their mean."""
    return _planes(open_mean_planes(path))


def _planes(volume: Volume) -> list[Any]:
    data = volume.data
    return [np.asarray(data)] if data.ndim == 2 else [np.asarray(p) for p in data]


def _summary(result: "FocusResult") -> dict[str, Any]:
    """What is said of the whole image; numbers that are not known are None."""
    summary: dict[str, Any] = {
        "tiles": int(result.level.size),
        "blank_tiles": int(result.blank.sum()),
    }
    if result.level.ndim == 2:
        whole = result.image()
        assert not isinstance(whole, list)
        return summary | {
            "verdict": _verdict(whole.undetermined, whole.p_in_focus),
            "level": None if whole.undetermined else int(whole.level),
            "expected_level": None if whole.undetermined else whole.expected,
            "p_in_focus": None if whole.undetermined else whole.p_in_focus,
            "certainty": whole.certainties,
        }
    best = result.best_plane()
    curve = [None if np.isnan(level) else float(level) for level in best.curve]
    return summary | {
        "verdict": "undetermined" if best.index is None else "see best plane",
        "best_plane": best.index,
        "best_position": best.position,
        "expected_level_of_planes": curve,
    }


def _verdict(undetermined: bool, p_in_focus: float) -> str:
    if undetermined:
        return "undetermined"
    return "in focus" if p_in_focus > 0.5 else "out of focus"


def _write_table(
    path: Path,
    result: "FocusResult",
    measures: "pd.DataFrame | None",
    progress: Callable[[float], None],
) -> None:
    """Write the rows of the tiles, never all of them at once."""
    with path.open("w", encoding="utf-8", newline="") as file:
        for number, table in enumerate(result.tables()):
            if measures is not None:
                table = table.join(measures)
            table.to_csv(file, index=False, header=number == 0)
            progress((int(table.index[-1]) + 1) / result.level.size)


class _Plane:
    """A plane of a stack, of which rows are read when they are needed."""

    def __init__(self, data: Any, place: tuple[int, ...]) -> None:
        self.shape = tuple(data.shape[len(place) :])
        self._data, self._place = data, place

    def __getitem__(self, rows: slice) -> Any:
        return self._data[(*self._place, rows)]


def _shown(result: "FocusResult") -> tuple[int, ...]:
    """The plane for the picture: the best one, else the middle one."""
    if result.level.ndim == 2:
        return ()
    best = result.best_plane().index
    return (len(result.level) // 2 if best is None else best,)


def _write_png(path: Path, picture: Any) -> None:
    from matplotlib.image import imsave

    imsave(path, picture)
