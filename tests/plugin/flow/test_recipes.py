"""What is copied from a button does what the button does."""

import shlex

import numpy as np
import pytest
import tifffile
from gui_helpers import bright_bar, is_settled
from qtpy.QtGui import QAction, QGuiApplication
from typer.testing import CliRunner

from napari_sciml.cli.app import command_line
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.training.config import TrainingConfig
from napari_sciml.uncertainty.threshold import ThresholdConfig
from napari_sciml.workflows.recipes import fibers_recipe, mask_recipe, train_recipe


def run_command(lines: str) -> None:
    for line in lines.splitlines():
        done = CliRunner().invoke(command_line(), shlex.split(line)[1:])
        assert done.exit_code == 0, done.output


def run_python(lines: str) -> None:
    exec(compile(lines, "copied", "exec"), {})


def test_only_what_is_not_usual_is_written() -> None:
    usual = train_recipe("a b.tif", "l.tif", TrainingConfig())
    assert usual.command == "napari-sciml train 'a b.tif' l.tif --out MODEL\n"
    config = TrainingConfig(seconds=20, members=3, before=4, prior=(0.9, 0.1))
    options = shlex.split(train_recipe(None, None, config).command)[2:]
    assert options[:4] == ["IMAGE.tif", "LABELS.tif", "--out", "MODEL"]
    told = dict(zip(options[4::2], options[5::2], strict=True))
    few = {"--seconds": "20", "--members": "3", "--before": "4"}
    assert told == {**few, "--prior": "0.9,0.1"}
    assert (
        "--no-split"
        in fibers_recipe(None, FiberConfig(split=False), (1,), "um").command
    )
    kept = mask_recipe(None, None, ThresholdConfig(class_name="a 'b'", k=1.5), 0.9)
    words = shlex.split(kept.command.splitlines()[1])
    assert words[words.index("--class") + 1] == "a 'b'"
    assert words[words.index("--coverage") + 1] == "0.9"


@pytest.mark.parametrize("way", ["command", "python"])
def test_a_training_can_be_repeated(tmp_path, monkeypatch, way) -> None:
    monkeypatch.chdir(tmp_path)
    image, labels = bright_bar()
    for name, data in (("i.tif", image), ("l.tif", labels)):
        tifffile.imwrite(tmp_path / name, data)
    recipe = train_recipe("i.tif", "l.tif", TrainingConfig(members=1, steps=3, seed=4))
    run = run_command if way == "command" else run_python
    run(getattr(recipe, way))
    assert (tmp_path / "MODEL" / "model.json").exists()


@pytest.mark.gui
def test_mask_and_fibers_are_those_of_the_docks(
    viewer, open_dock, patience, tmp_path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    image, labels = bright_bar()
    path = tmp_path / "bar.tif"
    tifffile.imwrite(path, image)
    viewer.open(path, plugin="napari-sciml")
    viewer.add_labels(labels, name="Annotation")
    train, keep, fibers = map(open_dock, ("Train", "Uncertainty", "Fibers"))
    train.members.setValue(2)
    train.seconds.setValue(1)
    train.start.click()
    session = train.session
    patience(lambda: is_settled(session))
    session.training.stop()
    patience(lambda: not session.workspace.runner.busy)
    session.prediction.save(tmp_path / "MODEL")
    keep.keep.click()
    patience(lambda: session.sure.complete)
    session.sure.settle()
    fibers.measure.click()
    patience(lambda: not session.workspace.measuring.busy)

    def copied(dock_button, name: str) -> str:
        dock_button.findChild(QAction, name).trigger()
        return QGuiApplication.clipboard().text()

    assert str(path) in copied(train.start, "copy_command")
    assert shlex.split(copied(keep.keep, "copy_command"))[2] == "MODEL"
    run_command(copied(keep.keep, "copy_command"))
    run_python(copied(keep.keep, "copy_python"))
    shown = np.asarray(viewer.layers["Confident fiber"].data) > 0
    for file in ("mask.tif", "masks/bar.tif"):
        mask = tifffile.imread(tmp_path / file) > 0
        # A block is cut elsewhere: the last bit may fall on the other side of t.
        assert (mask != shown).sum() <= 0.01 * shown.sum()
    run_command(copied(fibers.measure, "copy_command"))
    measured = session.fibers.result.table["length"].to_numpy()
    rows = np.genfromtxt(tmp_path / "fibers/fibers.csv", delimiter=",", names=True)
    np.testing.assert_allclose(np.atleast_1d(rows["length"]), measured, rtol=0.05)
