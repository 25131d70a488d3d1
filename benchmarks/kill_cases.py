"""What `kills.py` kills: the commands on tiny files, and a live session."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_sciml.project.autosave import Autosave
    from napari_sciml.project.folder import Project
    from napari_sciml.workflows.live_session import LiveSession

STROKES = 8
NETWORK = {
    **{"members": 2, "steps": 12, "device": "cpu", "threads": 1, "crop": 24},
    **{"evaluate_every": 3, "sigmas": [1.0], "snapshot_seconds": 1e-9},
    "network": {"kind": "msdnet", "layers": 2, "width": 4},
}

Work = Callable[[], None]


def preload() -> None:
    """Import the largest libraries, but start no thread, as no fork would have it."""
    import torch

    from napari_sciml.cli.app import command_line

    command_line()

    torch.set_num_threads(1)


def command(*words: str) -> Work:
    """A command line, in this process."""

    def run() -> None:
        from napari_sciml.cli.app import main

        sys.argv = ["napari-sciml", *words]
        main()

    return run


def fibers_image(dims: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Bright bars in noise, and strokes on and beside them."""
    rng = np.random.default_rng(seed)
    image = rng.normal(100, 10, (40, 48, 48)).astype(np.float32)
    image[:, 8:14, 4:44] += 60
    image[10:30, 20:26] += 60
    image[:, 34:40, 10:16] += 60
    labels = np.zeros(image.shape, np.uint8)
    labels[12:28:4, 9:13, 8:40], labels[12:28:4, 29:32, 4:44] = 2, 1
    return (image, labels) if dims == 3 else (image[20], labels[20])


def prepare_training() -> None:
    import tifffile

    image, labels = fibers_image(2)
    tifffile.imwrite("image.tif", image)
    tifffile.imwrite("labels.tif", labels)
    Path("settings.json").write_text(json.dumps(NETWORK))


TRAIN = ("train", "image.tif", "labels.tif", "--out", "model")
TRAIN = (*TRAIN, "--settings", "settings.json")


def train(*words: str) -> Work:
    """Train, and keep a checkpoint at each chance instead of each quarter minute."""

    def run() -> None:
        from napari_sciml.workflows.training import checkpoint

        checkpoint.CHECKPOINT_SECONDS = 0.0
        resume = not words and Path("model.checkpoint").exists()
        again = ("train", *TRAIN[1:5], "--resume")
        command(*(again if resume else (*TRAIN, *words)))()

    return run


def save_untrained(folder: str) -> None:
    """Write a model whose weights were drawn: as slow as a trained one."""
    from napari_sciml.images.intensity import IntensityScale
    from napari_sciml.io.models.folder import save_model
    from napari_sciml.networks.config import SMSNetConfig
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.networks.scale_space import ScaleSpace
    from napari_sciml.networks.sparse.graph import GraphLaw
    from napari_sciml.networks.sparse.smsnet import build_smsnet

    law = GraphLaw(nodes=3, dilations=(1, 2))
    config, front = SMSNetConfig(law=law, width=4, parameters=None), ScaleSpace(3, (1,))
    given = {"in_channels": front.channels, "classes": 2, "dims": 3}
    members = [build_smsnet(config, seed=seed, **given) for seed in range(2)]
    scale, names = IntensityScale(offset=100.0, scale=0.02), ("background", "fiber")
    ensemble = Ensemble(members, front=front, intensity=scale, class_names=names)
    save_model(ensemble, folder, record={})


def prepare_prediction() -> None:
    save_untrained("model")
    np.save("image.npy", fibers_image(3)[0])


PREDICT = ("predict", "model", "image.npy", "--out", "p.zarr", "--block", "16")
PREDICT = (*PREDICT, "--threads", "1")


def prepare_threshold() -> None:
    """A prediction that is sure of the bars and doubts the noise."""
    from napari_sciml.io.results.predictions import PredictionStore

    image = fibers_image(3)[0]
    fiber = np.clip((image - 100) / 60, 0.02, 0.98)
    names, size, axes = ("background", "fiber"), (1.0, 1.0, 1.0), ("z", "y", "x")
    given = (names, size, "micrometer", axes, (8, 8, 8), {})
    store = PredictionStore.create("p.zarr", image.shape, *given)
    whole = tuple(slice(0, n) for n in image.shape)
    std = np.full((2, *image.shape), 0.1, np.float32)
    store.write(whole, np.stack((1 - fiber, fiber)), std)


def prepare_fibers() -> None:
    from napari_sciml.io.results.arrays import save_labels

    mask = fibers_image(3)[0] > 135
    save_labels("mask.tif", mask.astype(np.uint8), (1.0, 1.0, 1.0), "micrometer")


def prepare_focus() -> None:
    import tifffile

    tifffile.imwrite("scan.tif", fibers_image(3)[0][:6].repeat(3, 1).repeat(3, 2))


def live(strokes: int = STROKES) -> Work:
    """Paint line by line into a project, and train; go on where it was killed."""

    def run() -> None:
        from napari_sciml.project.autosave import Autosave
        from napari_sciml.training.config import TrainingConfig
        from napari_sciml.workflows.live_session import LiveSession

        image, wanted = fibers_image(2)
        config = TrainingConfig.model_validate({**NETWORK, "seed": 1, "trees": True})
        session = LiveSession(image, threads=1, config=config)
        autosave = Autosave(lambda: open_project(image), image=image)
        autosave.settings({})  # as a dock does, which opens the project
        labels = saved_labels(image.shape)
        for number in range(1, strokes + 1):
            paint(session, autosave, labels, wanted, number)
        assert autosave.flush(60)
        assert autosave.close(60), autosave.error
        saved = saved_labels(image.shape)
        assert np.array_equal(saved, labels), "strokes are lost"
        if strokes == STROKES:
            np.save("labels.npy", saved)

    return run


def open_project(image: np.ndarray) -> "Project":
    from napari_sciml.project.file import PROJECT_FILE, ClassEntry
    from napari_sciml.project.folder import Project
    from napari_sciml.project.image_identity import identify

    if (Path("project") / PROJECT_FILE).exists():
        project = Project.open("project")
        project.lock()
        return project
    classes = tuple(ClassEntry(name=name) for name in ("background", "fiber"))
    return Project.create("project", identify(image, name="image"), classes=classes)


def saved_labels(shape: tuple[int, ...]) -> np.ndarray:
    from napari_sciml.project.folder import STROKES_FILE
    from napari_sciml.project.journal import Journal

    return Journal(Path("project") / STROKES_FILE).read().labels(shape)


def paint(
    session: "LiveSession",
    autosave: "Autosave",
    labels: np.ndarray,
    wanted: np.ndarray,
    number: int,
) -> None:
    """One stroke, unless it is there already; every second one brings a model."""
    from datetime import UTC, datetime

    from napari_sciml.annotation.changes import LabelChange
    from napari_sciml.project.checkpoint import Checkpoint

    rows = np.flatnonzero(wanted.any(axis=1))
    of_stroke = np.zeros(wanted.shape, bool)
    of_stroke[rows[np.arange(len(rows)) % STROKES == number - 1]] = True
    places = np.flatnonzero(of_stroke & (wanted > 0) & (labels != wanted))
    if not len(places):
        return
    change = LabelChange(number, places, wanted.reshape(-1)[places])
    change.apply_to(labels)
    autosave.labels(change)
    if number % 2 or len(np.unique(labels)) < 3:
        return
    session.update(labels)
    session.advance(1)
    score, now = number / STROKES, datetime.now(UTC)
    made = (number, now, number, "trees", score, 1.0, 1, number)
    shown = session._shown()
    autosave.model(Checkpoint(*made, ensemble=shown, record={"seed": 1}))


def check_project(folder: Path) -> str:
    """Whether each model that the project names can be read."""
    from napari_sciml.project.folder import Project

    for entry in Project.open(folder / "project").models.entries():
        entry.load()
    return ""


@dataclass(frozen=True)
class Case:
    """What is killed.

    Attributes
    ----------
    name
        Of the command.
    prepare
        Makes the inputs in the current folder.
    older
        Makes another result under the same name, from other settings.
    start, again
        What is killed, and what a user starts after that.
    results
        Names of what it writes.
    grows
        Whether the result may be seen before it is whole, as a project may.
    check
        What else is wrong with a result; empty where nothing is.
    """

    name: str
    prepare: Work
    older: Work
    start: Work
    again: Work
    results: tuple[str, ...]
    grows: bool = False
    check: Callable[[Path], str] = lambda folder: ""


def simple(name: str, prepare: Work, out: str, *words: str, older: str) -> Case:
    """A command that is started again as it was."""
    words = (name, *words, "--out", out)
    run, before = command(*words), command(*words, *older.split())
    return Case(name, prepare, before, run, run, (out,))


MASK = ("p.zarr", "--k", "1")
RATED = ("scan.tif", "--tile", "48", "--stride", "8", "--threads", "1")
ALL = (
    Case("train", prepare_training, train("--seed", "5"), train(), train(), ("model",)),
    Case(
        "predict",
        prepare_prediction,
        command(*PREDICT, "--half"),
        command(*PREDICT),
        command(*PREDICT, "--resume"),
        ("p.zarr",),
    ),
    simple("threshold", prepare_threshold, "mask.zarr", *MASK, older="--t 0.6"),
    simple("fibers", prepare_fibers, "fibers", "mask.tif", older="--dust 99"),
    simple("focus", prepare_focus, "focus", *RATED, older="--stride 24"),
    Case(
        "live",
        prepare_training,
        live(3),
        live(),
        live(),
        ("labels.npy",),
        grows=True,
        check=check_project,
    ),
)
CASES = {case.name: case for case in ALL}
