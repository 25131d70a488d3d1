"""Whatever a command is told to write to, no byte of what is not its own changes.

One table: where the output points to, for each command. Each ends with exit code 2 and
one sentence. docs/testing.md tells how many cells there are.
"""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import tifffile

from command import exit_code
from napari_sciml.io.models.folder import save_model
from napari_sciml.io.results.arrays import save_labels
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.project.file import ClassEntry
from napari_sciml.project.folder import Project
from napari_sciml.project.image_identity import identify
from napari_sciml.training.config import TrainingConfig
from napari_sciml.workflows.training import checkpoint
from napari_sciml.workflows.training import files as training_run
from napari_sciml.workflows.training.scans import Scan

SHAPE = (12, 48, 48)
SIZE, UNIT = (1.0, 1.0, 1.0), "micrometer"
NAMES = ("background", "fiber")

COMMANDS = {
    "train": "train scan.tif labels.tif --steps 1 --members 1 --threads 1",
    "predict": "predict model scan.tif --block 16 --threads 1",
    "threshold": "threshold p.zarr",
    "fibers": "fibers mask.tif --image scan.tif --probability p.zarr",
    "focus": "focus slices --tile 16 --stride 8",
    "focus --train": "focus --train large.tif --steps 1",
    "fill": "fill rings.tif --mask gaps.tif --method symmetry --threads 1",
    "restore": "restore scan.tif --method gaussian --threads 1",
    "explore": "explore scan.tif --patch 8 --stride 8 --map pca --threads 1",
    "classify": "classify examples.csv explored",
    "validate": "validate model scan.tif labels.tif --threads 1",
    "draw": "draw model",
    "explain": "explain model scan.tif --at 6,20,20 --labels labels.tif --threads 1",
    "replay": "replay project",
    "demo": "demo --headless --seconds 1",
}
OURS = {"model", "p.zarr", "project", "mask.tif", "explored"}
FOREIGN = {
    *("scan.tif", "labels.tif", "large.tif", "notes.txt", "other.npy", "slices"),
    *("examples.csv", "rings.tif", "gaps.tif"),
}
REPLACED = {
    **{"train": "model", "replay": "model", "threshold": "mask.tif"},
    **{"explore": "explored"},
}
"""What a command may replace: a result of its own."""
RESULTS = {
    **{"train": ["new"], "predict": ["new.zarr", "new.tif"], "fibers": ["new"]},
    **{"threshold": ["new.tif", "new.npy", "new.zarr"], "focus": ["new"]},
    **{"focus --train": ["new"], "replay": ["new"], "demo": ["new"]},
    **{"draw": ["new"], "validate": ["new"], "explore": ["new"]},
    **{"restore": ["new.zarr", "new.tif"], "fill": ["new"]},
    **{"explain": ["new"], "classify": ["new.csv"]},
}
TO_DISK = [(command, out) for command, outs in RESULTS.items() for out in outs]


def inputs(command: str) -> list[str]:
    return [word for word in COMMANDS[command].split() if word in OURS | FOREIGN]


def places() -> Iterator[tuple[str, str]]:
    """Outputs that a command must refuse."""
    for command in COMMANDS:
        ending = Path(RESULTS[command][0]).suffix
        found = {*OURS, *FOREIGN, ".", "scan.tif/new"} - {REPLACED.get(command)}
        if command == "demo":  # puts its files beside others
            found = {"scan.tif", "notes.txt", "scan.tif/new", "taken"}
        if command == "predict":
            found.remove("p.zarr")
        for name in inputs(command):
            found |= {name, f"link-{name}", f"{name}/new{ending}"}
            found |= {f"hard-{name}"} if name.endswith(".tif") else set()
        yield from ((command, out) for out in sorted(found))


def run(command: str, out: Path | str) -> int:
    """Run a command in this process; give its exit code."""
    return exit_code(*COMMANDS[command].split(), "--out", str(out))


def contents(folder: Path) -> dict[str, str]:
    """All that is there: files by their bytes, links by their goal."""
    found = {}
    for path in sorted(folder.rglob("*")):
        here = str(path.relative_to(folder))
        if path.is_symlink():
            found[here] = f"to {os.readlink(path)}"
        else:
            content = path.read_bytes() if path.is_file() else b"folder"
            found[here] = hashlib.sha256(content).hexdigest()
    return found


def save_prediction(path: Path) -> None:
    axes, chunks = ("z", "y", "x"), [12, 24, 24]
    store = PredictionStore.create(path, SHAPE, NAMES, SIZE, UNIT, axes, chunks, {})
    fiber = np.random.default_rng(0).uniform(0, 1, SHAPE).astype(np.float32)
    whole = tuple(slice(0, n) for n in SHAPE)
    std = np.full((2, *SHAPE), 0.01, np.float32)
    store.write(whole, np.stack((1 - fiber, fiber)), std)


def scattering() -> tuple[np.ndarray, np.ndarray]:
    """Rings round the middle, in counts, and a gap across them."""
    y, x = np.indices((96, 96)) - 48
    expected = 20 + 200 * np.exp(-(((np.hypot(y, x) - 25) / 6) ** 2))
    gaps = np.zeros(expected.shape, np.uint8)
    gaps[:, 60:66] = 1
    counts = np.random.default_rng(2).poisson(expected).astype(np.int32)
    counts[gaps > 0] = -1
    return counts, gaps


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inputs of all commands, made once."""
    folder = tmp_path_factory.mktemp("given")
    image = np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8)
    labels = np.zeros(SHAPE, np.uint8)
    labels[5, 5:7], labels[9, 5:7] = 1, 2
    large = np.random.default_rng(1).integers(0, 255, (300, 300), np.uint8)
    rings, gaps = scattering()
    for name, data in (
        ("rings.tif", rings),
        ("gaps.tif", gaps),
        ("scan.tif", image),
        ("labels.tif", labels),
        ("large.tif", large),
    ):
        tifffile.imwrite(folder / name, data)
    (folder / "taken").mkdir()
    shutil.copy(folder / "scan.tif", folder / "taken" / "image.tif")
    (folder / "slices").mkdir()
    for z in range(SHAPE[0]):
        tifffile.imwrite(folder / "slices" / f"s{z:03}.tif", image[z])
    save_prediction(folder / "p.zarr")
    save_labels(folder / "mask.tif", labels > 1, SIZE, UNIT)
    (folder / "notes.txt").write_text("beam time of May")
    np.save(folder / "other.npy", np.zeros(3))
    classes = tuple(ClassEntry(name=name) for name in NAMES)
    known = identify(image, name="scan")
    explored = f"{COMMANDS['explore']} --stride 3".replace(
        "scan.tif", str(folder / "scan.tif")
    )
    assert exit_code(*explored.split(), "--out", str(folder / "explored")) == 0
    examples = [f"{n},{'ab'[n % 2]}" for n in range(0, 700, 7)]
    (folder / "examples.csv").write_text("\n".join(["patch,class", *examples]))
    Project.create(folder / "project", known, classes=classes).unlock()
    return folder


@pytest.fixture
def files(given, tmp_path, monkeypatch, make_ensemble) -> Path:
    """A copy that a test may damage, as the working folder."""
    folder = tmp_path / "data"
    shutil.copytree(given, folder)
    save_model(make_ensemble(3, members=1), folder / "model", record={})
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def sentence(capsys) -> Callable[[], str]:
    """Give the one sentence that a command ended with."""

    def read() -> str:
        told = capsys.readouterr().err
        errors = [line for line in told.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, told
        assert "Traceback" not in told
        return errors[0]

    return read


@pytest.mark.parametrize(("command", "out"), places())
def test_nothing_of_others_is_touched(files, sentence, command, out) -> None:
    for name in inputs(command):
        os.symlink(name, f"link-{name}")
        if name.endswith(".tif"):
            os.link(name, f"hard-{name}")
    before = contents(files)
    assert run(command, out) == 2
    assert sentence()
    assert contents(files) == before


@pytest.mark.parametrize("command", ["train", "predict", "fibers", "focus", "validate"])
def test_a_foreign_file_in_an_old_output(files, sentence, command) -> None:
    (out,) = (out for out in RESULTS[command] if not out.endswith(".tif"))
    assert run(command, out) == 0
    Path(out, "notes.txt").write_text("mine")
    before = contents(files)
    assert run(command, out) == 2
    assert "notes.txt" in sentence()
    assert contents(files) == before


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    """A file system of its own in a folder, where mounting is allowed."""
    folder.mkdir()
    if os.system(f"mount -t tmpfs -o {options} tmpfs {folder} 2>/dev/null"):
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        os.system(f"umount {folder}")


def fill(folder: Path, left: int) -> Path:
    """Fill a disk up to so many bytes."""
    free = shutil.disk_usage(folder).free
    (folder / "filler").write_bytes(b"x" * (free - left))
    return folder / "filler"


@pytest.mark.parametrize(("command", "out"), TO_DISK)
def test_a_read_only_disk(files, tmp_path, sentence, command, out) -> None:
    before = contents(files)
    with mounted(tmp_path / "disk", "ro") as disk:
        assert run(command, disk / out) == 2
        assert "read-only" in sentence()
    assert contents(files) == before


@pytest.mark.parametrize("left", [0, 20_480])
@pytest.mark.parametrize(("command", "out"), TO_DISK)
def test_a_full_disk(files, tmp_path, sentence, command, out, left) -> None:
    """None is left at all, or it runs full on the way."""
    if command == "replay" and left:
        pytest.skip("writes what train writes")
    with mounted(tmp_path / "disk", "size=1m") as disk:
        fill(disk, left)
        before, given = contents(disk), contents(files)
        assert run(command, disk / out) == 2
        assert "free some space" in sentence()
        resumed = (".unfinished", ".checkpoint")
        after = {
            path: content
            for path, content in contents(disk).items()
            if not any(ending in path for ending in resumed)
        }
        if command != "demo":  # its first files are whole
            assert after == before
        assert before.items() <= after.items()
        assert contents(files) == given


def test_a_prediction_goes_on_when_there_is_space_again(
    files, tmp_path, sentence, monkeypatch
) -> None:
    with mounted(tmp_path / "disk", "size=1m") as disk:
        filler = fill(disk, 65_536)
        assert run("predict", disk / "p.zarr") == 2
        assert "--resume" in sentence()
        filler.unlink()
        monkeypatch.setitem(COMMANDS, "predict", f"{COMMANDS['predict']} --resume")
        assert run("predict", disk / "p.zarr") == 0
        assert run("predict", files / "new.zarr") == 0
        of_disk, here = (PredictionStore.open(p) for p in (disk / "p.zarr", "new.zarr"))
        assert np.array_equal(of_disk.mean[:], here.mean[:])


def test_a_full_disk_ends_no_training(files, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(checkpoint, "CHECKPOINT_SECONDS", 0.0)
    settings = TrainingConfig(
        members=1, steps=6, threads=1, snapshot_seconds=1e-9, evaluate_every=2
    )
    with mounted(tmp_path / "disk", "size=32m") as disk:
        filler, said = fill(disk, 20_480), []

        def free_late(share: float, _: str) -> None:
            if share >= 0.5:
                filler.unlink(missing_ok=True)

        scans = [Scan(Path("scan.tif"), Path("labels.tif"))]
        given = {"say": said.append, "report": free_late}
        training_run.train_model(scans, disk / "model", settings, **given)
        assert any("could not be resumed" in sentence for sentence in said)
        assert os.listdir(disk) == ["model"]
