"""The Explore dock: explore, look, select, label, suggest, odd ones, files, trouble."""

from pathlib import Path

import numpy as np
import pytest

from napari_sciml.exploring.middles import middle_voxels
from napari_sciml.plugin.exploring.layers import EXPLORED, ODDNESS

pytestmark = pytest.mark.gui

VOLUME = np.random.default_rng(0).normal(100, 10, (6, 48, 64)).astype(np.float32)


def test_patches_become_points_in_clusters(explored) -> None:
    dock = explored()
    run = dock.session.exploring
    assert len(run.result) == len(run.selection.exploration.patches) == 2 * 11 * 15
    assert dock.status.text().startswith("330 patches, mapped by PCA")
    assert dock.results.isVisibleTo(dock)
    assert dock.clusters.list.count() == 7
    assert dock.label_as.currentText() == "fiber"


def test_other_clusters_are_found_in_the_same_map(explored, patience) -> None:
    dock = explored()
    plane = dock.session.exploring.result.plane
    dock.clusters.number.setValue(3)
    dock.clusters.find.click()
    patience(lambda: not dock.session.exploring.doing)
    assert dock.session.exploring.result.plane is plane
    assert dock.clusters.list.count() == 4
    dock.clusters.list.setCurrentIndex(2)
    dock.clusters.list.activated.emit(2)
    run = dock.session.exploring
    np.testing.assert_array_equal(
        run.selection.selected, np.flatnonzero(run.result.clusters == 1)
    )


def test_the_selection_is_labeled_in_one_step_that_can_be_undone(
    viewer, explored, patience
) -> None:
    dock = explored(scale=(3, 2, 2))
    run, annotation = dock.session.exploring, dock.session.workspace.annotation
    layer = dock.session.workspace.start_annotating()
    painted = run.result.places[4].round().astype(int)
    layer.data_setitem(tuple(painted[:, None]), np.array([1], np.uint8))
    patience(lambda: len(annotation.store) == 1)
    before = annotation.revision
    run.selection.select(np.array([3, 4, 90]))
    dock.label.click()
    assert annotation.revision == before + 1
    wanted = np.zeros(VOLUME.size, np.uint8)
    wanted[middle_voxels(run.result.places[[3, 4, 90]], (1, 8, 8), VOLUME.shape)] = 2
    wanted = wanted.reshape(VOLUME.shape)
    wanted[tuple(painted)] = 1
    np.testing.assert_array_equal(layer.data, wanted)
    assert "1 were painted before and stay" in dock.status.text()
    layer.undo()
    assert np.flatnonzero(layer.data).size == 1
    patience(lambda: len(annotation.store) == 1)


def test_middles_are_in_the_middle() -> None:
    flat = middle_voxels(np.array([[15.5, 20.5]]), (32, 32), (64, 64))
    y, x = np.unravel_index(flat, (64, 64))
    assert (y.min(), y.max(), x.min(), x.max()) == (11, 20, 16, 25)
    flat = middle_voxels(np.array([[4.0, 4.0]]), (9, 9), (9, 9))
    assert np.unravel_index(flat, (9, 9))[0].tolist() == [3, 3, 3, 4, 4, 4, 5, 5, 5]


def test_different_ones_are_suggested(explored) -> None:
    dock = explored()
    run = dock.session.exploring
    dock.suggest.click()
    first = set(run.selection.selected.tolist())
    assert len(first) == 10
    assert run.selection.at in first
    dock.suggest.click()
    assert not first & set(run.selection.selected.tolist())


def test_odd_ones_are_listed_and_shown_as_heat(viewer, explored, qtbot) -> None:
    image = np.array(VOLUME)
    image[1, 20:26, 40:46] += 200
    dock = explored(image, scale=(3, 2, 2), translate=(5, 6, 7))
    dock.odd.click()
    run = dock.session.exploring
    heat = viewer.layers[ODDNESS]
    assert heat.data.shape == run.selection.exploration.patches.shape
    most = np.unravel_index(heat.data.argmax(), heat.data.shape)
    world = heat.data_to_world(most)
    index = run.selection.oddest()[0]
    scan = viewer.layers["scan"]
    np.testing.assert_allclose(world, scan.data_to_world(run.result.places[index]))
    assert dock.odd_list.isVisibleTo(dock)
    item = dock.odd_list.item(0)
    dock.odd_list.itemClicked.emit(item)
    assert run.selection.at == index
    dock.odd.click()
    assert ODDNESS not in viewer.layers


def test_of_pictures_that_are_one_patch_each_the_heat_covers_all(
    viewer, opened, patience
) -> None:
    dock = opened(np.random.default_rng(0).normal(size=(30, 16, 16)))
    dock.form.patch.setValue(16)
    dock.start.click()
    patience(lambda: not dock.session.exploring.doing)
    dock.odd.click()
    heat, scan = viewer.layers[ODDNESS], viewer.layers["scan"]
    for edge in (-0.5, 0.5):
        world = heat.data_to_world((7, edge, edge))
        outer = scan.world_to_data(world)
        np.testing.assert_allclose(outer, [7, 7.5 + 16 * edge, 7.5 + 16 * edge])


def test_thumbnails_stand_in_for_the_points(explored) -> None:
    dock = explored()
    dock.pictures.click()
    assert dock.plot._pictures.isVisible()
    assert dock.plot._pictures.image.shape[2] == 4
    dock.pictures.click()
    assert not dock.plot._pictures.isVisible()


def test_an_autoencoder_can_be_told_that_it_is_enough(opened, patience) -> None:
    dock = opened()
    dock.form.describe.setCurrentIndex(dock.form.describe.findData("autoencoder"))
    dock.form.seconds.setValue(3000)
    dock.start.click()
    run = dock.session.exploring
    patience(lambda: run.sketch is not None)
    assert len(dock.plot.plane) == len(run.sketch) > 20
    assert dock.plot.widget.isVisibleTo(dock)
    assert not dock.results.isVisibleTo(dock)
    assert dock.enough.isVisibleTo(dock)
    dock.enough.click()
    patience(lambda: not run.doing)
    assert run.result.latent.shape[1] == 16
    assert run.result.encoder is not None
    assert len(dock.plot.plane) == len(run.result)


def test_a_stopped_one_shows_nothing(opened, patience) -> None:
    dock = opened()
    dock.form.describe.setCurrentIndex(dock.form.describe.findData("autoencoder"))
    dock.form.seconds.setValue(3000)
    dock.start.click()
    run = dock.session.exploring
    patience(lambda: run.sketch is not None)
    dock.start.click()
    patience(lambda: not run.doing)
    assert run.result is None
    assert not dock.plot.widget.isVisibleTo(dock)
    assert dock.status.text() == "Stopped."


def test_what_was_explored_stays_when_the_next_is_stopped(explored, patience) -> None:
    dock = explored()
    run = dock.session.exploring
    first = run.result
    run.selection.select(np.arange(300, 330))
    dock.form.describe.setCurrentIndex(dock.form.describe.findData("autoencoder"))
    dock.form.seconds.setValue(3000)
    dock.start.click()
    patience(lambda: run.sketch is not None)
    dock.start.click()
    patience(lambda: not run.doing)
    assert run.result is first
    assert dock.plot.plane is first.plane
    assert len(run.selection.selected) == 30
    assert dock.results.isVisibleTo(dock)


def test_an_image_that_goes_meanwhile_is_told(viewer, opened, patience) -> None:
    dock = opened()
    dock.form.describe.setCurrentIndex(dock.form.describe.findData("autoencoder"))
    dock.start.click()
    run = dock.session.exploring
    patience(lambda: run.progress.learning)
    viewer.layers.remove("scan")
    patience(lambda: not run.doing)
    assert "closed or changed" in dock.error.text()


def test_a_layer_deleted_afterwards_does_no_harm(viewer, explored, patience) -> None:
    dock = explored()
    run = dock.session.exploring
    run.selection.select(np.arange(5))
    patience(lambda: EXPLORED in viewer.layers)
    viewer.layers.remove(EXPLORED)
    run.selection.select(np.arange(7))
    patience(lambda: EXPLORED in viewer.layers)
    viewer.layers.remove("scan")
    assert run.result is None
    assert not dock.results.isVisibleTo(dock)


def test_results_are_written_and_opened_again(explored, tmp_path, patience) -> None:
    dock = explored(scale=(3, 2, 2))
    run = dock.session.exploring
    first = run.result
    dock.save_to(tmp_path / "explored")
    patience(lambda: not run.doing)
    assert (tmp_path / "explored" / "grid.png").exists()
    dock.open_from(tmp_path / "explored")
    patience(lambda: not run.doing)
    assert run.result is not first
    np.testing.assert_allclose(run.result.plane, first.plane, rtol=1e-5)
    run.selection.select(np.array([3]))
    dock.label.click()
    assert dock.error.text() == ""


def test_results_of_another_image_are_refused(explored, viewer, tmp_path, patience):
    dock = explored()
    dock.save_to(tmp_path / "explored")
    patience(lambda: not dock.session.exploring.doing)
    other = viewer.add_image(VOLUME[:, :40], name="other")
    dock.session.workspace.choose_image(other)
    dock.open_from(tmp_path / "explored")
    patience(lambda: not dock.session.exploring.doing)
    assert "not of one of shape" in dock.error.text()


@pytest.mark.parametrize(
    ("image", "set_up", "words"),
    [
        (np.full((48, 64), 5, np.uint8), None, "look the same"),
        (VOLUME[0, :9, :9], None, "fewer than 20"),
        (VOLUME, lambda dock: dock.form.patch.setValue(200), "larger than the image"),
        (VOLUME, lambda dock: dock.form.of.setCurrentIndex(1), "fewer than 20"),
        (VOLUME, lambda dock: dock.form.describe.setCurrentIndex(2), "no model yet"),
        (np.where(VOLUME > 125, np.nan, VOLUME), None, "NaN"),
    ],
)
def test_bad_input_is_one_sentence(opened, patience, image, set_up, words) -> None:
    dock = opened(image)
    if set_up is not None:
        set_up(dock)
    dock.start.click()
    patience(lambda: not dock.session.exploring.doing)
    assert words in dock.error.text()


@pytest.mark.parametrize(
    ("shape", "options", "places"),
    [
        ((48, 64, 3), {"rgb": True}, 2),
        ((1, 48, 64), {}, 2),
        ((2, 6, 48, 64), {"axis_labels": ("c", "z", "y", "x")}, 3),
        ((5, 48, 64), {"axis_labels": ("t", "y", "x")}, 3),
    ],
)
def test_images_with_colors_channels_and_time(
    viewer, explored, patience, shape, options, places
) -> None:
    image = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    dock = explored(image, **options)
    run = dock.session.exploring
    assert run.result.places.shape[1] == places
    run.selection.go_to(5)
    run.selection.select(np.arange(5))
    patience(lambda: EXPLORED in viewer.layers)
    dock.label.click()
    dock.odd.click()
    assert dock.error.text() == ""
    labels = dock.session.workspace.annotation.layer
    assert np.count_nonzero(labels.data) > 10
    at = run.result.places[5]
    inside = labels.world_to_data(viewer.dims.point[-labels.ndim :])
    if places == 3:
        assert abs(inside[-3] - at[0]) < 1


def test_each_open_image_can_be_a_point(viewer, opened, patience) -> None:
    rng = np.random.default_rng(1)
    dock = opened(VOLUME[0])
    for number in range(21):
        viewer.add_image(rng.normal(number % 2, 1, (40, 50)), name=f"other {number}")
    dock.form.of.setCurrentIndex(1)
    dock.start.click()
    run = dock.session.exploring
    patience(lambda: not run.doing)
    assert len(run.result) == 22
    run.selection.go_to(5)
    assert viewer.layers.selection.active.name == "other 4"
    run.selection.select(np.array([5]))
    assert not dock.label.isEnabled()


def test_measured_fibers_are_points(viewer, opened, patience) -> None:
    rng = np.random.default_rng(2)
    count, places = 30, rng.integers(8, 40, (30, 3)) * [0, 1, 1] + [3, 0, 0]
    dock = opened(scale=(3, 2, 2))
    kinds = np.arange(count) % 2
    features = {
        "index": np.arange(count) + 1,
        "length": rng.normal(50 + 100 * kinds, 5),
        "radius_std": np.where(kinds, np.nan, 1.0),
        **{f"centroid_{a}": places[:, i] * (3, 2, 2)[i] for i, a in enumerate("zyx")},
    }
    labels = np.zeros((6, 48, 64), np.int32)
    dock.form.of.setCurrentIndex(2)
    dock.start.click()
    assert "No fibers are measured" in dock.error.text()
    viewer.add_labels(labels, name="Fibers", scale=(3, 2, 2), features=features)
    dock.clusters.number.setValue(2)
    dock.start.click()
    run = dock.session.exploring
    patience(lambda: not run.doing)
    assert dock.status.text().startswith("30 fibers")
    found = run.result.clusters
    assert len(set(found[kinds == 0])) == len(set(found[kinds == 1])) == 1
    run.selection.go_to(4)
    inside = viewer.layers["scan"].world_to_data(viewer.dims.point)
    assert round(inside[0]) == places[4, 0]
    run.selection.select(np.array([4, 5]))
    assert dock.strip.count() == 2
    assert not dock.label.isEnabled()


def test_fibers_that_were_kept_are_opened_again(
    viewer, opened, patience, tmp_path
) -> None:
    """Without the layer of fibers: places and measures are in the folder."""
    rng = np.random.default_rng(2)
    places = rng.integers(8, 40, (30, 3)) * [0, 1, 1] + [3, 0, 0]
    dock = opened(scale=(3, 2, 2))
    features = {
        "index": np.arange(30) + 1,
        "length": rng.normal(50 + 100 * (np.arange(30) % 2), 5),
        **{f"centroid_{a}": places[:, i] * (3, 2, 2)[i] for i, a in enumerate("zyx")},
    }
    labels = np.zeros((6, 48, 64), np.int32)
    viewer.add_labels(labels, name="Fibers", scale=(3, 2, 2), features=features)
    dock.form.of.setCurrentIndex(2)
    dock.start.click()
    run = dock.session.exploring
    patience(lambda: not run.doing)
    first, shown = run.result, dock.plot.pixmap(4).toImage()
    for kind in (0, 1):
        run.selection.select(np.arange(kind, 12, 2))
        run.classes.give(("short", "long")[kind])
    dock.sorting.classify.click()
    patience(lambda: not run.doing)
    np.testing.assert_array_equal(run.classes.numbers, np.arange(30) % 2)
    dock.save_to(tmp_path / "explored")
    patience(lambda: not run.doing)
    viewer.layers.remove("Fibers")
    dock.open_from(tmp_path / "explored")
    patience(lambda: not run.doing and run.classes.found is not None)
    assert dock.error.text() == ""
    assert run.result is not first
    assert dock.status.text().startswith("30 fibers")
    np.testing.assert_allclose(run.result.places, places)
    np.testing.assert_array_equal(run.classes.numbers, np.arange(30) % 2)
    assert dock.plot.pixmap(4).toImage() == shown
    run.selection.go_to(4)
    inside = viewer.layers["scan"].world_to_data(viewer.dims.point)
    assert round(inside[0]) == places[4, 0]


def test_a_model_describes(trained, open_dock, patience) -> None:
    dock = open_dock("Explore")
    dock.form.map.setCurrentIndex(dock.form.map.findData("pca"))
    dock.form.describe.setCurrentIndex(2)
    dock.form.patch.setValue(8)
    dock.form.stride.setValue(4)
    dock.start.click()
    run = dock.session.exploring
    patience(lambda: not run.doing)
    assert dock.error.text() == ""
    assert run.result.config.dims == 3


def test_a_viewer_can_be_closed_while_it_learns(viewer, opened, patience) -> None:
    dock = opened()
    dock.form.describe.setCurrentIndex(dock.form.describe.findData("autoencoder"))
    dock.form.seconds.setValue(3000)
    dock.start.click()
    patience(lambda: dock.session.exploring.progress.learning)
    viewer.close()


def test_without_an_image_it_says_so(open_dock) -> None:
    dock = open_dock("Explore")
    dock.start.click()
    assert "There is no image" in dock.error.text()
    dock.open_from(Path("nowhere"))
    assert "There is no image" in dock.error.text()
