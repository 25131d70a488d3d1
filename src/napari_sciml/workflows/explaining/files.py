"""Explain a voxel of a file: a folder with numbers, a map and a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.explaining.config import ExplainConfig
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.provenance import json_text, provenance
from napari_sciml.io.results.outputs import check_output
from napari_sciml.progress import Report, Say

if TYPE_CHECKING:
    import numpy as np

    from napari_sciml.explaining.session import Explanation
    from napari_sciml.images.volume import Volume

NUMBERS, MAP, PICTURE, SALIENCY = "why.json", "occlusion.tif", "why.png", "saliency.tif"


def explain_file(
    model: Path,
    image: Path,
    at: Sequence[int],
    out: Path,
    *,
    labels: Path | None = None,
    config: ExplainConfig | None = None,
    device: str = "auto",
    threads: int | None = None,
    overwrite: bool = False,
    say: Say = lambda _: None,
    report: Report = lambda done, words: None,
) -> dict[str, Any]:
    """Explain what a model says of a voxel, and write a folder.

    Parameters
    ----------
    model, image
        Model folder and image.
    at
        The voxel, in the order of the image's axes.
    out
        Folder to write: ``why.json``; ``occlusion.tif``, float32: change of the
        log-odds of the class where what is there is covered; ``saliency.tif`` of the
        same part of the image, where there are networks; ``why.png``.
    labels
        Strokes on this image, in the classes of the model.
    config
        Settings.
    device, threads
        Where to compute.
    overwrite
        Whether another result of ours may be replaced.
    say, report
        Get sentences before the work starts, and the progress.

    Returns
    -------
    dict
        The answer in words, JSON-able; all numbers are in ``why.json``.

    Raises
    ------
    InputError
        When files cannot be read or do not fit together, the voxel lies outside, or
        the folder cannot be written.
    """
    from napari_sciml.explaining.session import Explaining, explain_steps
    from napari_sciml.io.images.reading import open_labels, open_volume
    from napari_sciml.io.labels.checks import check_apart
    from napari_sciml.io.models.folder import load_model
    from napari_sciml.networks.device import (
        default_threads,
        resolve_device,
        use_threads,
    )

    inputs = [model, image, labels]
    check_output(out, "explanation", inputs=inputs, overwrite=overwrite, folder=True)
    if labels is not None:
        check_apart(image, labels)
    ensemble, volume = load_model(model), open_volume(image)
    strokes, cautions = None, volume.cautions
    if labels is not None:
        given = open_labels(labels, volume.shape)
        strokes = Scribbles.from_dense(given.data)
        cautions += given.cautions
    for caution in dict.fromkeys(cautions):
        say(caution)
    use_threads(threads or default_threads())
    ensemble.to(resolve_device(device)).eval()
    steps = explain_steps(ensemble, volume.data, at, strokes, config=config)
    found = _followed(steps, Explaining, report)
    report(0.95, "looking at the gradients")
    slopes = _saliency(ensemble, volume.data, found, config or ExplainConfig())
    about = provenance(model=model, image=image, labels=labels)
    _write_folder(out, found, volume, slopes, about)
    return {"explanation": str(out), **_summary(found)}


def _write_folder(
    out: Path,
    found: "Explanation",
    volume: "Volume",
    slopes: "np.ndarray | None",
    about: dict[str, Any],
) -> None:
    from napari_sciml.workflows.explaining.picture import draw_explanation

    text = json_text({**about, **record_of(found, volume)}, indent=2)
    gray = volume.data[found.occlusion.blocks.window]
    with atomic_path(out) as folder:
        folder.mkdir()
        (folder / NUMBERS).write_text(text + "\n", "utf-8")
        _write_map(folder / MAP, found.occlusion.image)
        if slopes is not None:
            _write_map(folder / SALIENCY, slopes)
        draw_explanation(found, gray).savefig(folder / PICTURE)


def record_of(found: "Explanation", volume: "Volume") -> dict[str, Any]:
    """All that an explanation tells, JSON-able.

    Parameters
    ----------
    found
        The explanation.
    volume
        The image.
    """
    from napari_sciml.explaining.session import NO_PROOF

    voices, names = found.voices, found.voices.class_names
    window = found.occlusion.blocks.window
    strokes = found.strokes or ()
    return {
        "at": list(voices.center),
        "axes": list(volume.axes),
        "class": names[voices.class_index],
        "predicted": names[voices.predicted],
        "probability": dict(zip(names, voices.mean.tolist(), strict=True)),
        "members": [
            {
                "name": one.name,
                "weight": one.weight,
                **dict(zip(names, own, strict=True)),
            }
            for one, own in zip(
                voices.members, voices.probabilities.tolist(), strict=True
            )
        ],
        "channels": [
            {"name": one.name, "drop": one.drop}
            for one in (*found.channels.kinds, *found.channels.channels)
        ],
        "channels_of": "labels" if found.channels.labeled else "voxels around",
        "channels_in_words": found.channels.sentence,
        "occlusion_begins_at": [part.start for part in window],
        "block": list(found.occlusion.blocks.edges),
        "strokes": [
            {
                "at": list(one.place),
                "label": names[one.class_index],
                "similarity": one.similarity,
                "agrees": one.agrees,
            }
            for one in strokes
        ],
        "no_proof": NO_PROOF,
    }


def _summary(found: "Explanation") -> dict[str, Any]:
    from napari_sciml.explaining.session import NO_PROOF

    voices, names = found.voices, found.voices.class_names
    return {
        "class": names[voices.class_index],
        "probability": dict(zip(names, voices.mean.tolist(), strict=True)),
        "members": voices.sentence,
        "channels": found.channels.sentence,
        "similar_strokes": [one.words(names) for one in found.strokes or ()],
        "what_it_does_not_prove": NO_PROOF,
    }


def _followed(steps: Any, kind: type, report: Report) -> "Explanation":
    while True:
        try:
            event = next(steps)
        except StopIteration as finished:
            found: Explanation = finished.value
            return found
        if isinstance(event, kind):
            told: Any = event
            report(told.done, told.words)


def _saliency(
    ensemble: Any, image: Any, found: "Explanation", config: ExplainConfig
) -> "np.ndarray | None":
    from napari_sciml.explaining.panel import Panel
    from napari_sciml.explaining.saliency import salient
    from napari_sciml.progress import exhaust

    panel, voices = Panel(ensemble, image), found.voices
    if not panel.networks:
        return None
    window = found.occlusion.blocks.window
    index = voices.class_index
    return exhaust(salient(panel, voices.region, window, index, config.seed))


def _write_map(path: Path, values: "np.ndarray") -> None:
    import tifffile

    tifffile.imwrite(path, values, photometric="minisblack", compression="zlib")
