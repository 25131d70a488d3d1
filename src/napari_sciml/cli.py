"""The command line: one function a command, no logic of its own."""

import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import BaseModel, ValidationError

from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.errors import InputError, one_line
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.focus.config import FocusTrainingConfig
from napari_sciml.terminal import print_summary, say, stage
from napari_sciml.training.config import TrainingConfig
from napari_sciml.uncertainty.threshold import ThresholdConfig

DEMO_SECONDS = 80.0
FIBERS, THRESHOLD, TRAINING = FiberConfig(), ThresholdConfig(), TrainingConfig()
FOCUS = FocusTrainingConfig()

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Scribbles to fiber lengths: train, predict, threshold, measure.",
)

Seconds = Annotated[float, typer.Option(min=1, help="Seconds of training.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")]
Threads = Annotated[int | None, typer.Option(min=1, help="CPU threads; all cores.")]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Dask scheduler: address, scheduler file, or 'local'."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class NetworkKind(StrEnum):
    """What a member can be."""

    SMSNET = "smsnet"
    MSDNET = "msdnet"
    TUNET = "tunet"
    TUNET3PLUS = "tunet3plus"


class IntensityOf(StrEnum):
    """Which image the scale of the gray values is from."""

    MODEL = "model"
    IMAGE = "image"


def _describe(model: type[BaseModel], field: str) -> str:
    return model.model_fields[field].description or ""


def _default(field: str) -> str:
    """Help of a training setting; the default stands in the configuration only."""
    return f"{_describe(TrainingConfig, field)} [{getattr(TRAINING, field)}]"


def _focus_default(field: str) -> str:
    return _describe(FocusTrainingConfig, field)


@app.command()
def demo(
    headless: Annotated[
        bool, typer.Option("--headless", help="Without a viewer, files only.")
    ] = False,
    out: Annotated[
        Path, typer.Option(help="Folder to write, without a viewer.")
    ] = Path("napari-sciml-demo"),
    seconds: Seconds = DEMO_SECONDS,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the training.")] = 0,
    device: Device = "auto",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Do the whole job on the sample volume, in the viewer or without a screen."""
    from napari_sciml.screen import why_no_viewer

    config = TrainingConfig(seconds=seconds, seed=seed, device=device, threads=threads)
    reason = None if headless else why_no_viewer()
    if reason:
        typer.echo(f"{reason} Running without a viewer.", err=True)
    if not headless and not reason:
        from napari_sciml.widgets.demo import show_demo

        show_demo(config)
        return
    from napari_sciml.demo import run_demo

    print_summary(run_demo(out, training=config, stage=stage), as_json)


@app.command()
def train(
    image: Annotated[Path, typer.Argument(help="Volume or image.")],
    labels: Annotated[
        Path,
        typer.Argument(help="Its annotation; 0 = not annotated, 1, 2 … = class."),
    ],
    out: Annotated[Path, typer.Option(help="Model folder to write.")],
    classes: Annotated[
        str, typer.Option(help="Names of the classes 1, 2 …, with commas.")
    ] = ",".join(DEFAULT_CLASSES),
    ignore: Annotated[
        list[int] | None,
        typer.Option(help="Label value to treat as not annotated; repeatable."),
    ] = None,
    network: Annotated[
        NetworkKind | None,
        typer.Option(help=_describe(TrainingConfig, "network") + " [smsnet]"),
    ] = None,
    dims: Annotated[
        int | None, typer.Option(min=2, max=3, help=_describe(TrainingConfig, "dims"))
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
    physical: Annotated[
        bool,
        typer.Option("--physical", help="Kernels in space, by the image's voxel size."),
    ] = False,
    settings: Annotated[
        Path | None,
        typer.Option(help="JSON file with any of the training's settings."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a training that stopped.")
    ] = False,
    device: Annotated[str | None, typer.Option(help=_default("device"))] = None,
    threads: Threads = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Train an ensemble on sparse labels."""
    from napari_sciml.cluster.training import train_somewhere
    from napari_sciml.storage.settings import training_settings

    config = training_settings(
        settings,
        resume=out if resume else None,
        network=network,
        dims=dims,
        members=members,
        seconds=seconds,
        steps=steps,
        seed=seed,
        prior=prior,
        spacing_of=image if physical else None,
        device=device,
        threads=threads,
    )
    names = [name.strip() for name in classes.split(",") if name.strip()]
    with stage("Training") as report:
        summary = train_somewhere(
            image,
            labels,
            out,
            config,
            scheduler=scheduler,
            class_names=names,
            ignore=ignore or (),
            resume=resume,
            say=say,
            report=report,
        )
    print_summary(summary, as_json)


@app.command()
def predict(
    model: Annotated[Path, typer.Argument(help="Model folder.")],
    image: Annotated[Path, typer.Argument(help="Volume or image.")],
    out: Annotated[Path, typer.Option(help="OME-Zarr folder to write.")],
    block: Annotated[
        int | None, typer.Option(min=16, help="Edge of a block; by the memory.")
    ] = None,
    level: Annotated[
        int, typer.Option(min=0, help="Of an OME-Zarr; 0 is the full resolution.")
    ] = 0,
    memory: Annotated[
        float | None,
        typer.Option(min=0.1, help="GB to use at most; most of what is free."),
    ] = None,
    half: Annotated[
        bool,
        typer.Option(
            "--half", help="Faster, in bfloat16: off by 0.001 on average, 0.01 at most."
        ),
    ] = False,
    intensity: Annotated[
        IntensityOf,
        typer.Option(help="Gray scale: of the model's image, or sampled of this one."),
    ] = IntensityOf.MODEL,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a prediction that stopped.")
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Throw away what a stopped one has done.")
    ] = False,
    device: Device = "auto",
    threads: Threads = None,
    scheduler: Scheduler = None,
    as_json: AsJson = False,
) -> None:
    """Predict an image: mean and standard deviation over the ensemble."""
    from napari_sciml.cluster.prediction import predict_somewhere

    with stage("Predicting") as report:
        summary = predict_somewhere(
            model,
            image,
            out,
            level=level,
            block=block,
            half=half,
            intensity=intensity.value,
            device=device,
            threads=threads,
            memory=None if memory is None else memory * 1e9,
            resume=resume,
            restart=restart,
            scheduler=scheduler,
            say=say,
            report=report,
        )
    print_summary(summary, as_json)


@app.command()
def threshold(
    prediction: Annotated[Path, typer.Argument(help="What predict wrote.")],
    out: Annotated[Path, typer.Option(help="Mask to write: .tif, .npy or .zarr.")],
    class_: Annotated[
        str, typer.Option("--class", help=_describe(ThresholdConfig, "class_name"))
    ] = THRESHOLD.class_name,
    k: Annotated[
        float, typer.Option(min=0, help=_describe(ThresholdConfig, "k"))
    ] = THRESHOLD.k,
    t: Annotated[
        float, typer.Option(min=0, max=1, help=_describe(ThresholdConfig, "t"))
    ] = THRESHOLD.t,
    coverage: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=0.999, help="Conformal coverage, instead of k and t."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Keep only what is sure: mean - k std > t, or a conformal coverage."""
    from napari_sciml.storage.thresholding import threshold_prediction

    config = ThresholdConfig(class_name=class_, k=k, t=t)
    with stage("Keeping what is sure") as report:
        summary = threshold_prediction(
            prediction, out, config, coverage=coverage, report=report
        )
    print_summary(summary, as_json)


@app.command()
def fibers(
    mask: Annotated[Path, typer.Argument(help="Mask of the fibers.")],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    image: Annotated[
        Path | None, typer.Option(help="Gray image, for the overview picture.")
    ] = None,
    probability: Annotated[
        Path | None, typer.Option(help="Prediction, for the confidence of each fiber.")
    ] = None,
    class_: Annotated[
        str, typer.Option("--class", help="Class of the prediction.")
    ] = THRESHOLD.class_name,
    dust: Annotated[
        int, typer.Option(min=0, help=_describe(FiberConfig, "dust"))
    ] = FIBERS.dust,
    dust_volume: Annotated[
        float | None, typer.Option(min=0, help=_describe(FiberConfig, "dust_volume"))
    ] = FIBERS.dust_volume,
    split: Annotated[
        bool, typer.Option(help=_describe(FiberConfig, "split"))
    ] = FIBERS.split,
    connectivity: Annotated[
        int, typer.Option(help=_describe(FiberConfig, "connectivity"))
    ] = FIBERS.connectivity,
    voxel_size: Annotated[
        str | None,
        typer.Option(help="Voxel edges z,y,x with commas, or one number for all."),
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Unit of the voxel size.")] = None,
    sweep: Annotated[
        bool,
        typer.Option(
            "--sweep", help="Lengths at other k and t, too; needs --probability."
        ),
    ] = False,
    block: Annotated[
        int | None,
        typer.Option(
            min=16,
            help="Read the mask by blocks of this edge, as is done anyway where it "
            "would not fit into the memory; labels.zarr instead of labels.tif.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Split a mask into fibers; measure lengths and directions."""
    from napari_sciml.storage.pipeline import measure_mask

    config = FiberConfig.model_validate(
        {
            "dust": dust,
            "dust_volume": dust_volume,
            "connectivity": connectivity,
            "split": split,
        }
    )
    with stage("Measuring fibers") as report:
        summary = measure_mask(
            mask,
            out,
            config,
            image=image,
            probability=probability,
            class_name=class_,
            voxel_size=voxel_size,
            unit=unit,
            sweep=sweep,
            block=block,
            report=report,
        )
    print_summary(summary, as_json)


@app.command()
def focus(
    images: Annotated[
        list[Path], typer.Argument(help="Image or stack; several with --train.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    train: Annotated[
        bool, typer.Option("--train", help="Train a model on images in focus.")
    ] = False,
    model: Annotated[
        Path | None, typer.Option(help="Focus model; the built-in one if not set.")
    ] = None,
    original: Annotated[
        Path | None,
        typer.Option(help="The model of Yang et al. (2018): Fiji zip or checkpoint."),
    ] = None,
    tile: Annotated[int, typer.Option(min=16, help="Edge of a tile in pixels.")] = 84,
    stride: Annotated[
        int | None, typer.Option(min=1, help="From tile to tile; the edge if not set.")
    ] = None,
    scale: Annotated[
        str | None, typer.Option(help="Lowest,highest value; for --original only.")
    ] = None,
    measures: Annotated[
        bool, typer.Option("--measures", help="Classic measures in the table too.")
    ] = False,
    seconds: Annotated[
        float, typer.Option(min=1, help=_focus_default("seconds"))
    ] = FOCUS.seconds,
    steps: Annotated[
        int | None, typer.Option(min=1, help=_focus_default("steps"))
    ] = None,
    from_pretrained: Annotated[
        bool, typer.Option("--from-pretrained", help=_focus_default("from_pretrained"))
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help=_focus_default("seed"))] = FOCUS.seed,
    device: Device = "auto",
    threads: Threads = None,
    as_json: AsJson = False,
) -> None:
    """Tell which parts of an image are in focus; or train on your own images."""
    from napari_sciml.storage.focus_run import rate_file, train_files

    if train:
        config = FocusTrainingConfig(
            seconds=seconds,
            steps=steps,
            from_pretrained=from_pretrained,
            seed=seed,
            device=device,
            threads=threads,
        )
        with stage("Training") as report:
            summary = train_files(images, out, config, report=report)
    elif len(images) > 1:
        raise InputError("Give one image or stack to rate; several only to --train.")
    else:
        with stage("Rating focus") as report:
            summary = rate_file(
                images[0],
                out,
                model=model,
                original=original,
                tile=tile,
                stride=stride,
                scale=_pair(scale),
                measures=measures,
                device=device,
                threads=threads,
                report=report,
            )
    print_summary(summary, as_json)


def _pair(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError("Give the scale as two numbers, such as 0,255.") from error
    return low, high


@app.command()
def replay(
    project: Annotated[Path, typer.Argument(help="Project folder.")],
    model: Annotated[
        int | None, typer.Option(help="Number of the model; the newest if not set.")
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="The image, where the project cannot find it.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Model folder to write.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a model of a project again from its strokes, and compare the two."""
    from napari_sciml.storage.replay import replay_project

    with stage("Training again") as report:
        summary = replay_project(project, model, image=image, out=out, report=report)
    print_summary(summary, as_json)


@app.command()
def info(as_json: AsJson = False) -> None:
    """Tell versions, device, threads and memory."""
    from napari_sciml.storage.machine import machine

    print_summary(machine(), as_json)


def main() -> None:
    """Run a command; bad input ends with one line and the exit code 2."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except (InputError, ValidationError) as error:
        typer.echo(f"error: {one_line(error)}", err=True)
        sys.exit(2)


def _interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
