"""Small sound files of every kind that the program reads, and who reads them."""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import numpy as np

EDGE = 40
TINY = {
    **{"members": 1, "steps": 2, "crop": 16, "sigmas": [1.0], "device": "cpu"},
    **{"network": {"kind": "smsnet", "width": 4, "law": {"nodes": 2}}},
    **{"threads": 1, "trees": False},
}
OUT = "out"


@dataclass(frozen=True)
class Kind:
    """A kind of input.

    Attributes
    ----------
    name
        What it is.
    files
        Patterns of the files that are spoiled.
    commands
        Each one reads them. ``open`` opens a project as the viewer does.
    """

    name: str
    files: tuple[str, ...]
    commands: tuple[str, ...]


def _images(suffix: str, *files: str) -> Kind:
    image = f"image.{suffix}"
    return Kind(
        image,
        files or (image,),
        (
            f"predict model {image} --out out.zarr --threads 1",
            f"focus {image} --out out --tile 16 --threads 1",
            f"train {image} labels.tif --out out --settings settings.json",
        ),
    )


LIVE = "project/models/0001"
MODEL_FILES = ("model.json", "weights.safetensors")
ZARR_FILES = ("zarr.json", "**/zarr.json", "**/c/**/*")
KINDS = (
    Kind("model", tuple(f"model/{name}" for name in MODEL_FILES),
         ("predict model image.tif --out out.zarr --threads 1",)),
    Kind("live model", tuple(f"{LIVE}/{name}" for name in MODEL_FILES),
         (f"predict {LIVE} image.tif --out out.zarr --threads 1",)),
    Kind("training", ("model/training.json", "model/training.safetensors"),
         ("train image.tif labels.tif --out model --resume --steps 3",)),
    Kind("settings", ("settings.json",),
         ("train image.tif labels.tif --out out --settings settings.json --steps 2 "
          "--members 1 --threads 1",)),
    Kind("labels", ("labels.tif",),
         ("train image.tif labels.tif --out out --settings settings.json",)),
    Kind("project", ("project/*.json*", "project/image.npy", "project/models/*/*.*"),
         ("replay project", "replay project --model 1 --out out", "open project")),
    Kind("prediction", tuple(f"p.zarr/{name}" for name in ZARR_FILES),
         ("threshold p.zarr --out out.tif", "threshold p.zarr --out out.zarr",
          "fibers mask.tif --probability p.zarr --out out")),
    Kind("unfinished prediction",
         ("half.zarr.unfinished/*.json*", "half.zarr.unfinished/*/**/zarr.json"),
         ("predict model image.tif --out half.zarr --block 32 --resume --threads 1",
          "predict model image.tif --out half.zarr --block 32 --restart --threads 1")),
    Kind("mask.tif", ("mask.tif",), ("fibers mask.tif --out out",)),
    Kind("mask.npy", ("mask.npy",), ("fibers mask.npy --out out",)),
    Kind("mask.zarr", tuple(f"mask.zarr/{name}" for name in ZARR_FILES),
         ("fibers mask.zarr --out out",)),
    _images("tif"), _images("npy"), _images("h5"), _images("png"),
    _images("zarr", *(f"image.zarr/{name}" for name in ZARR_FILES)),
    _images("2.zarr", "image.2.zarr/.z*", "image.2.zarr/*"),
    Kind("focus model", ("focus/focus.json", "focus/focus.safetensors"),
         ("focus image.tif --out out --tile 16 --model focus --threads 1",)),
)  # fmt: skip


def make(folder: Path) -> None:
    """Write all of it into a folder that exists."""
    os.chdir(folder)
    rng = np.random.default_rng(0)
    image = rng.normal(100, 10, (EDGE, EDGE)).astype(np.float32)
    image[:, 16:24] += 60
    labels = np.zeros(image.shape, np.uint8)
    for row in range(2, EDGE, 8):
        labels[row, 17:23], labels[row, 2:12] = 2, 1
    _images_of(image, labels)
    Path("settings.json").write_text(json.dumps(TINY), "utf-8")
    _models()
    _masks(image)
    _project(image, labels)


def _images_of(image: np.ndarray, labels: np.ndarray) -> None:
    import h5py
    import tifffile
    import zarr
    from PIL import Image

    tifffile.imwrite("image.tif", image, imagej=True, metadata={"unit": "um"})
    tifffile.imwrite("labels.tif", labels, compression="zlib")
    np.save("image.npy", image)
    with h5py.File("image.h5", "w") as file:
        file.create_dataset("data", data=image, chunks=(16, 16), compression="gzip")
    Image.fromarray(image.clip(0, 255).astype(np.uint8)).save("image.png")
    for number in (2, 3):
        name = "image.zarr" if number == 3 else "image.2.zarr"
        array = zarr.create_array(
            name, shape=image.shape, chunks=(16, 16), dtype="f4", zarr_format=number
        )
        array[...] = image


def _models() -> None:
    run("train image.tif labels.tif --out model --settings settings.json")
    run("predict model image.tif --out p.zarr --threads 1")
    shutil.copytree(str(files("napari_sciml.focus") / "weights"), "focus")
    _half()


def _half() -> None:
    """A prediction that was stopped after its first block."""
    from napari_sciml.workflows.prediction.blocks import predict_block
    from napari_sciml.workflows.prediction.plan import plan_prediction
    from napari_sciml.workflows.prediction.run import PredictionRun

    plan = plan_prediction("model", "image.tif", "half.zarr", block=32, device="cpu")
    with PredictionRun(plan) as run:
        first = run.left[0]
        predict_block(plan, first, device="cpu")
        run.record(first)


def _masks(image: np.ndarray) -> None:
    from napari_sciml.io.results.arrays import save_mask

    mask = np.zeros((16, EDGE, EDGE), bool)
    mask[7:10, 9:12, 4:36] = mask[3:6, 4:36, 25:28] = True
    for suffix in ("tif", "npy", "zarr"):
        save_mask(f"mask.{suffix}", mask, (1, 1, 1))


def _project(image: np.ndarray, labels: np.ndarray) -> None:
    """Two strokes and a model that was made from them, as in a viewer."""
    from napari_sciml.annotation.changes import LabelChange
    from napari_sciml.annotation.feed import LabelFeed
    from napari_sciml.prediction.viewport import ViewportMailbox
    from napari_sciml.project.checkpoint import Checkpoint
    from napari_sciml.project.file import ClassEntry
    from napari_sciml.project.folder import Project
    from napari_sciml.project.image_identity import identify
    from napari_sciml.project.journal import JournalEntry
    from napari_sciml.project.runs import RunStarted, RunTook
    from napari_sciml.training.config import TrainingConfig
    from napari_sciml.training.events import LabelsUpdated, ModelReady
    from napari_sciml.workflows.training.live import learn

    now, names = datetime(2026, 11, 25, tzinfo=UTC), ("background", "fiber")
    config = TrainingConfig.model_validate({**TINY, "trees": True, "steps": None})
    classes = [ClassEntry(name=name, color="#00ff00") for name in names]
    project = Project.create("project", identify(image, name="bar"), classes=classes)
    for _ in project.complete(image):
        pass
    places = np.flatnonzero(labels)
    change = LabelChange(1, places, labels.reshape(-1)[places])
    project.append_strokes([JournalEntry(change, now)])
    settings = config.model_dump(mode="json")
    # Strokes that correct a picture: the model has all that a model can have.
    begun = RunStarted(1, now, settings, names, config.seed, 1, before=0)
    project.append_runs([begun])
    feed, view = LabelFeed(change, names), ViewportMailbox()
    for event in learn(image, feed, config, view=view, before=0):
        if isinstance(event, LabelsUpdated):
            project.append_runs([RunTook(1, event.round, event.revision)])
        elif isinstance(event, ModelReady):
            picture = np.zeros((8, 8, 3), np.uint8)
            kept = Checkpoint(
                *(event.number, now, event.revision, event.kind, 0.5, 1.0, 1),
                *(event.round, picture, event.ensemble),
                record={"seed": 0},
            )
            project.models.add(kept)
            break
    project.unlock()


def run(command: str) -> None:
    """Run a command that has to succeed."""
    from napari_sciml.cli import app as cli

    sys.argv = ["napari-sciml", *command.split()]
    try:
        cli.main()
    except SystemExit as ended:
        if ended.code:
            raise


if __name__ == "__main__":
    make(Path(sys.argv[1]))
