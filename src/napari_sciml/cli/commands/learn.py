"""The commands that train: demo, train and replay."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.cli.options import (
    AsJson,
    Device,
    Overwrite,
    Scheduler,
    Threads,
    describe,
    reading_of_labels,
)
from napari_sciml.cli.terminal import print_summary, say, stage
from napari_sciml.errors import InputError
from napari_sciml.training.config import TrainingConfig

if TYPE_CHECKING:
    from napari_sciml.workflows.training.scans import Scan

DEMO_STEPS = 80
"""As many on any machine: the same fibers, sooner or later."""
DEMO_SECONDS = 240.0
"""At most, in the viewer, where one sees how far it is."""
TRAINING = TrainingConfig()
_USUAL = f"with commas [{','.join(DEFAULT_CLASSES)}]"


class NetworkKind(StrEnum):
    """What a member can be."""

    SMSNET = "smsnet"
    MSDNET = "msdnet"
    TUNET = "tunet"
    TUNET3PLUS = "tunet3plus"


def _default(field: str) -> str:
    """Help of a training setting; the default stands in the configuration only."""
    return f"{describe(TrainingConfig, field)} [{getattr(TRAINING, field)}]"


def demo(
    headless: Annotated[
        bool, typer.Option("--headless", help="Without a viewer, files only.")
    ] = False,
    out: Annotated[
        Path, typer.Option(help="Folder to write, without a viewer.")
    ] = Path("napari-sciml-demo"),
    seconds: Annotated[
        float | None,
        typer.Option(
            min=1, help=f"Seconds of training, instead of {DEMO_STEPS} steps."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the training.")] = 0,
    device: Device = "auto",
    threads: Threads = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Do the whole job on the sample volume, in the viewer or without a screen."""
    from napari_sciml.cli.screen import why_no_viewer

    config = TrainingConfig(
        seconds=seconds or DEMO_SECONDS,
        steps=None if seconds else DEMO_STEPS,
        seed=seed,
        device=device,
        threads=threads,
    )
    reason = None if headless else why_no_viewer()
    if reason:
        typer.echo(f"{reason} Running without a viewer.", err=True)
    if not headless and not reason:
        from napari_sciml.plugin.demo import show_demo

        show_demo(config)
        return
    from napari_sciml.workflows.demo import run_demo

    print_summary(
        run_demo(out, training=config, stage=stage, overwrite=overwrite), as_json
    )


def train(
    out: Annotated[Path, typer.Option(help="Model folder to write.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="IMAGE LABELS",
            show_default=False,
            help="Volume or image, and its annotation: 0 = not annotated, 1, 2 … = "
            "class; the next pair, to learn from several images.",
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(help="CSV with the columns image,labels, instead of files."),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help=f"Names of the classes 1, 2 …, {_USUAL}.")
    ] = None,
    ignore: Annotated[
        list[int] | None,
        typer.Option(help="Label value to treat as not annotated; repeatable."),
    ] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="Class of a value or color of the labels: 127:1,255:2 or #ff0000:1; "
            "0 = not annotated; repeatable.",
        ),
    ] = None,
    network: Annotated[
        NetworkKind | None,
        typer.Option(help=describe(TrainingConfig, "network") + " [smsnet]"),
    ] = None,
    dims: Annotated[
        int | None, typer.Option(min=2, max=3, help=describe(TrainingConfig, "dims"))
    ] = None,
    members: Annotated[
        int | None, typer.Option(min=1, help=_default("members"))
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, help=_default("seconds"))
    ] = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Steps a member, instead of seconds.")
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help=_default("seed"))] = None,
    prior: Annotated[
        str | None,
        typer.Option(help="Shares of the classes, with commas; estimated if not set."),
    ] = None,
    before: Annotated[
        int | None, typer.Option(min=0, help=describe(TrainingConfig, "before"))
    ] = None,
    physical: Annotated[
        bool,
        typer.Option("--physical", help="Kernels in space, by the image's voxel size."),
    ] = False,
    settings: Annotated[
        Path | None,
        typer.Option(help="JSON file with any of the training's settings."),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--from", help="Model to begin with, where it fits the labels."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a training that stopped.")
    ] = False,
    device: Annotated[str | None, typer.Option(help=_default("device"))] = None,
    threads: Threads = None,
    scheduler: Scheduler = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Train an ensemble on sparse labels of one image, or of several."""
    from napari_sciml.cluster.training import train_somewhere
    from napari_sciml.io.settings import training_settings

    scans = _scans(files or [], table)
    config = training_settings(
        settings,
        resume=out if resume else None,
        start=start,
        network=network,
        dims=dims,
        members=members,
        seconds=seconds,
        steps=steps,
        seed=seed,
        prior=prior,
        before=before,
        spacing_of=[scan.image for scan in scans] if physical else (),
        device=device,
        threads=threads,
    )
    with stage("Training") as report:
        summary = train_somewhere(
            scans,
            out,
            config,
            scheduler=scheduler,
            **reading_of_labels(classes, ignore, mapping),
            resume=resume,
            start=start,
            say=say,
            overwrite=overwrite,
            report=report,
        )
    print_summary(summary, as_json)


def _scans(files: Sequence[Path], table: Path | None) -> "list[Scan]":
    from napari_sciml.workflows.training.scans import in_pairs, read_table

    if table is None:
        if not files:
            raise InputError("Give an image and its labels, or a --table of them.")
        return in_pairs(files)
    if files:
        raise InputError("Give images and labels, or a --table of them, not both.")
    return read_table(table)


def replay(
    project: Annotated[Path, typer.Argument(help="Project folder.")],
    model: Annotated[
        int | None, typer.Option(help="Number of the model; the newest if not set.")
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="The image, where the project cannot find it.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Model folder to write.")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Make a model of a project again from its strokes, and compare the two."""
    from napari_sciml.project.replay import replay_project

    with stage("Training again") as report:
        summary = replay_project(
            project, model, image=image, out=out, overwrite=overwrite, report=report
        )
    print_summary(summary, as_json)
