"""What a command may replace; tests/test_output_table.py has what it may not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_sciml.cli.app import command_line
from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.io.models.folder import save_model
from napari_sciml.io.results.arrays import save_labels
from napari_sciml.io.results.outputs import check_output, kind_of
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.workflows.pipeline import measure_mask

SHAPE = (12, 96, 96)
SIZE, UNIT = (1.0, 1.0, 1.0), "micrometer"


def prediction(path: Path) -> None:
    names = ("background", "fiber")
    store = PredictionStore.create(
        path, SHAPE, names, SIZE, UNIT, ("z", "y", "x"), [12, 96, 96], {}
    )
    fiber = np.zeros(SHAPE, np.float32)
    fiber[4:8, 4:8] = 1
    whole = tuple(slice(0, n) for n in SHAPE)
    store.write(whole, np.stack((1 - fiber, fiber)), np.zeros((2, *SHAPE), np.float32))


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inputs of all commands, made once."""
    folder = tmp_path_factory.mktemp("given")
    image = np.random.default_rng(0).integers(0, 255, SHAPE, np.uint8)
    tifffile.imwrite(folder / "scan.tif", image)
    labels = np.zeros(SHAPE, np.uint8)
    labels[5, 5:7], labels[9, 5:7] = 1, 2
    tifffile.imwrite(folder / "labels.tif", labels)
    (folder / "slices").mkdir()
    for z in range(SHAPE[0]):
        tifffile.imwrite(folder / "slices" / f"s{z:03}.tif", image[z])
    prediction(folder / "p.zarr")
    save_labels(folder / "mask.tif", labels > 1, SIZE, UNIT)
    (folder / "notes.txt").write_text("beam time of May")
    return folder


@pytest.fixture
def files(given: Path, tmp_path: Path, make_ensemble: Callable) -> Path:
    """A copy that a test may damage."""
    import shutil

    folder = tmp_path / "data"
    shutil.copytree(given, folder)
    save_model(make_ensemble(3, members=1), folder / "model", record={})
    return folder


COMMANDS = {
    "train": ["train", "scan.tif", "labels.tif", "--steps", "1", "--members", "1"],
    "predict": ["predict", "model", "scan.tif"],
    "threshold": ["threshold", "p.zarr"],
    "fibers": ["fibers", "mask.tif", "--image", "scan.tif"],
    "focus": ["focus", "scan.tif"],
}


@pytest.mark.parametrize("command", ["threshold", "predict", "fibers", "focus"])
def test_a_script_can_be_run_again(files, monkeypatch, command) -> None:
    monkeypatch.chdir(files)
    out = "m.tif" if command == "threshold" else "result"
    for _ in range(2):
        done = CliRunner().invoke(command_line(), [*COMMANDS[command], "--out", out])
        assert done.exit_code == 0, done.output


def test_who_insists_may_replace(files, monkeypatch) -> None:
    monkeypatch.chdir(files)
    words = [*COMMANDS["threshold"], "--out", "labels.tif", "--overwrite"]
    assert CliRunner().invoke(command_line(), words).exit_code == 0
    assert kind_of(files / "labels.tif") == "labels"
    words = [*COMMANDS["threshold"], "--out", "p.zarr", "--overwrite"]
    assert isinstance(CliRunner().invoke(command_line(), words).exception, InputError)


def test_kinds(files) -> None:
    measure_mask(files / "mask.tif", files / "fibers", FiberConfig())
    expected = {
        "model": "model",
        "p.zarr": "prediction",
        "mask.tif": "labels",
        "fibers": "fibers",
        "scan.tif": None,
        "slices": None,
        "notes.txt": None,
        "nowhere.tif": None,
    }
    assert {name: kind_of(files / name) for name in expected} == expected


def test_a_part_of_a_result_is_not_replaced(files) -> None:
    measure_mask(files / "mask.tif", files / "fibers", FiberConfig())
    with pytest.raises(InputError, match="belongs to the result"):
        check_output(files / "fibers" / "labels.tif", "labels")
    check_output(files / "fibers" / "labels.tif", "labels", overwrite=True)
    check_output(files / "new" / "labels.tif", "labels")


@pytest.mark.parametrize("damaged", [b"", b"II*\0", b"MM\0*\xff\xff", b"{" * 9999])
def test_damaged_files_are_not_ours(tmp_path, damaged) -> None:
    for name in ("a.tif", "a.json", "a.npy"):
        (tmp_path / name).write_bytes(damaged)
        assert kind_of(tmp_path / name) is None


@pytest.mark.parametrize("name", ["loop", "out"])
def test_links_in_a_circle_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "scan.tif").touch()
    source = tmp_path / ("loop" if name == "loop" else "scan.tif")
    out = tmp_path / ("out" if name == "loop" else "loop")
    with pytest.raises(InputError, match="leads in a circle"):
        check_output(out, "labels", inputs=[source])
