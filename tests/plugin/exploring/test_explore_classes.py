"""Classes in the Explore dock: examples, sorting, undo, files, and what is told."""

import json

import numpy as np
import pandas as pd
import pytest

from napari_sciml.plugin.exploring.layers import CLASSES
from napari_sciml.workflows.classifying.kept import EXAMPLES, MODEL, SORTED

pytestmark = pytest.mark.gui

EDGE = 96


def striped(seed: int = 0) -> np.ndarray:
    """Noise, with stripes in the right half."""
    image = np.random.default_rng(seed).normal(100, 10, (40, EDGE, EDGE))
    image[:, :, EDGE // 2 :] += 40 * (np.arange(EDGE // 2) % 4 < 2)
    return image.astype(np.float32)


@pytest.fixture
def scan(explored):
    """Patches of an image with two kinds of them."""
    dock = explored(striped(), scale=(3, 2, 2))
    dock.form.stride.setValue(8)
    return dock


@pytest.fixture
def give(scan):
    """Make some patches of one side examples of a class."""

    def some(name: str, right: bool, count: int = 20, seed: int = 0) -> np.ndarray:
        run = scan.session.exploring
        own = np.flatnonzero((run.result.places[:, 2] > EDGE / 2) == right)
        rows = np.random.default_rng(seed).choice(own, count, replace=False)
        run.selection.select(rows)
        scan.sorting.name.setCurrentText(name)
        scan.sorting.give.click()
        assert scan.sorting.error.text() == ""
        return np.sort(rows)

    return some


@pytest.fixture
def sort(scan, give, patience):
    def all_of_them():
        give("plain", right=False)
        give("stripes", right=True)
        scan.sorting.classify.click()
        patience(lambda: not scan.session.exploring.doing)
        assert scan.sorting.error.text() == scan.error.text() == ""
        return scan.session.exploring.classes

    return all_of_them


def share_right(run) -> float:
    right = run.result.places[:, 2] > EDGE / 2
    return float((run.classes.numbers == right).mean())


def test_points_are_sorted_and_shown(scan, sort, viewer) -> None:
    classes = sort()
    run = scan.session.exploring
    assert share_right(run) > 0.95
    assert "held-out examples are right" in scan.sorting.words.text()
    assert scan.sorting.color.isChecked()
    layer = viewer.layers[CLASSES]
    patches = run.selection.exploration.patches
    assert np.prod(layer.data.shape) == len(run.result)
    # A voxel of the layer lies where its patch lies.
    for index in (0, 77, len(run.result) - 1):
        cell = np.unravel_index(index, patches.shape)
        world = layer.data_to_world(cell)
        wanted = viewer.layers["scan"].data_to_world(run.result.places[index])
        np.testing.assert_allclose(world, wanted)
        assert layer.data[cell] == classes.numbers[index] + 1
    told = [scan.sorting.members.itemText(n) for n in range(1, 5)]
    assert told[0] == "plain: 20 examples"
    assert told[2].endswith("sorted")
    scan.sorting.members.activated.emit(3)
    np.testing.assert_array_equal(
        run.selection.selected, classes.state.of_class("plain")
    )


def test_the_map_has_the_colors_of_the_classes(scan, sort) -> None:
    sort()
    colors = {b.color().name() for b in scan.plot._points.data["brush"]}
    assert len(colors) == 2
    scan.sorting.color.click()
    colors = {b.color().name() for b in scan.plot._points.data["brush"]}
    assert len(colors) == 6


def test_a_step_can_be_undone(scan, give, sort, viewer) -> None:
    first = give("plain", right=False)
    classes = scan.session.exploring.classes
    scan.session.exploring.selection.select(first[:5])
    scan.sorting.take.click()
    assert len(classes.examples["plain"]) == 15
    scan.sorting.undo.click()
    np.testing.assert_array_equal(classes.examples["plain"], first)
    sort()
    assert CLASSES in viewer.layers
    scan.sorting.undo.click()
    assert classes.found is None
    assert CLASSES not in viewer.layers
    while classes.can_undo:
        scan.sorting.undo.click()
    assert classes.examples == {}
    assert not scan.sorting.undo.isEnabled()
    assert "nothing to undo" in scan.sorting.undo.toolTip()


def test_a_point_is_an_example_of_one_class(scan, give) -> None:
    first = give("plain", right=False)
    run = scan.session.exploring
    run.selection.select(first[:7])
    scan.sorting.name.setCurrentText("  other ")
    scan.sorting.give.click()
    assert len(run.classes.examples["plain"]) == 13
    np.testing.assert_array_equal(run.classes.examples["other"], first[:7])


def test_what_changed_since_is_told(scan, sort, give) -> None:
    sort()
    give("stripes", right=True, seed=1)
    assert "have changed since" in scan.sorting.words.text()
    scan.sorting.undo.click()
    assert "have changed since" not in scan.sorting.words.text()


def test_the_least_certain_are_listed(scan, sort) -> None:
    classes = sort()
    scan.sorting.unsure.click()
    run = scan.session.exploring
    assert len(run.selection.selected) == 10
    assert scan.sorting.unsure_list.count() == 10
    certainty = classes.found.found.certainty
    assert certainty[run.selection.selected].max() <= np.median(certainty)
    assert scan.sorting.unsure_list.item(0).text().split()[0] in ("plain", "stripes")
    assert run.selection.at in run.selection.selected


def test_too_few_are_told(scan, give, patience) -> None:
    assert not scan.sorting.classify.isEnabled()
    give("plain", right=False, count=3)
    assert not scan.sorting.classify.isEnabled()
    give("stripes", right=True, count=1)
    scan.sorting.classify.click()
    patience(lambda: not scan.session.exploring.doing)
    assert "'stripes' has one example" in scan.error.text()
    give("stripes", right=True, count=2)
    scan.sorting.classify.click()
    patience(lambda: not scan.session.exploring.doing)
    told = scan.sorting.words.text()
    assert "Too few examples to promise 90%" in told
    scan.sorting.name.setCurrentText("  ")
    scan.sorting.give.click()
    assert "needs a name" in scan.sorting.error.text()


def test_classes_come_back_with_the_folder(scan, sort, tmp_path, patience) -> None:
    classes = sort()
    run = scan.session.exploring
    examples, numbers = classes.examples, classes.numbers
    folder = tmp_path / "explored"
    scan.save_to(folder)
    patience(lambda: not run.doing)
    assert {EXAMPLES, SORTED, MODEL} <= {path.name for path in folder.iterdir()}
    table = pd.read_csv(folder / SORTED)
    assert (table["class"] == np.array(classes.state.names)[numbers]).all()
    scan.open_from(folder)
    patience(lambda: not run.doing and classes.found is not None)
    for name, rows in examples.items():
        np.testing.assert_array_equal(classes.examples[name], rows)
    np.testing.assert_array_equal(classes.numbers, numbers)
    (folder / EXAMPLES).write_text("patch,class\n99999,a")
    scan.open_from(folder)
    patience(lambda: not run.doing)
    assert "numbered from 0" in scan.error.text()


def test_table_and_model_are_written_and_used(
    scan, sort, tmp_path, patience, viewer
) -> None:
    classes = sort()
    run = scan.session.exploring
    scan.sorting.write_to(tmp_path / "table")
    patience(lambda: not run.doing)
    table = pd.read_csv(tmp_path / "table.csv")
    assert table["patch"].tolist() == list(range(len(run.result)))
    scan.sorting.keep_in(tmp_path / "model")
    patience(lambda: not run.doing)
    description = json.loads((tmp_path / "model" / "model.json").read_text())
    assert description["task"] == "classify"
    numbers = classes.numbers
    other = viewer.add_image(striped(5)[:, :, ::-1].copy(), name="other")
    scan.session.workspace.choose_image(other)
    scan.start.click()
    patience(lambda: not run.doing)
    assert classes.found is None
    scan.sorting.use_from(tmp_path / "model")
    patience(lambda: not run.doing)
    assert scan.error.text() == ""
    assert share_right(run) < 0.05  # the other half has the stripes
    assert len(classes.numbers) != len(numbers) or run.selection.image is other
    assert not classes.examples


def test_a_model_for_something_else_is_refused(
    scan, sort, tmp_path, patience, viewer
) -> None:
    sort()
    run = scan.session.exploring
    scan.sorting.keep_in(tmp_path / "model")
    patience(lambda: not run.doing)
    scan.form.patch.setValue(12)
    scan.start.click()
    patience(lambda: not run.doing)
    scan.sorting.use_from(tmp_path / "model")
    patience(lambda: not run.doing)
    assert "with patch 8, but here it is 12" in scan.error.text()
    scan.sorting.use_from(tmp_path)
    patience(lambda: not run.doing)
    assert "not a model folder" in scan.error.text()


def test_whole_images_are_sorted_as_by_the_command(
    viewer, opened, patience, tmp_path
) -> None:
    planes = striped()
    half = EDGE // 2
    parts = [planes[n, :, half * (n % 2) :][:, :half] for n in range(24)]
    dock = opened(parts[0])
    for number, part in enumerate(parts[1:], start=1):
        viewer.add_image(part, name=f"frame {number}")
    dock.form.of.setCurrentIndex(1)
    dock.start.click()
    run = dock.session.exploring
    patience(lambda: not run.doing)
    for name, rest in (("plain", 0), ("stripes", 1)):
        run.selection.select(np.arange(rest, 16, 2))
        run.classes.give(name)
    dock.sorting.classify.click()
    patience(lambda: not run.doing)
    assert dock.error.text() == ""
    np.testing.assert_array_equal(run.classes.numbers, np.arange(24) % 2)
    assert run.classes.found.rows.shape[1] == 50  # as `describe_image` does it
    dock.save_to(tmp_path / "explored")
    patience(lambda: not run.doing)
    viewer.layers.move(5, 0)
    dock.open_from(tmp_path / "explored")
    patience(lambda: not run.doing and run.classes.found is not None)
    assert dock.error.text() == ""
    np.testing.assert_array_equal(run.classes.numbers, np.arange(24) % 2)
    viewer.layers.remove("frame 7")
    dock.open_from(tmp_path / "explored")
    patience(lambda: not run.doing)
    assert "'frame 7' was explored, but is not open" in dock.error.text()
