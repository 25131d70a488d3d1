"""The Restore dock: measure, choose in words, restore, swipe, stop, write."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_sciml.io.images.reading import open_volume
from napari_sciml.plugin.layers.images import cautions_on

pytestmark = pytest.mark.gui


@pytest.fixture
def noisy() -> np.ndarray:
    clean = np.full((8, 64, 72), 200.0)
    clean[..., 20:26] += 60
    noise = np.random.default_rng(0).normal(0, 10, clean.shape)
    return (clean + noise).astype(np.float32)


@pytest.fixture
def opened(viewer, open_dock, patience):
    """Open the dock on an image, and wait until its noise is measured."""

    def open_on(image, **options):
        viewer.add_image(image, name="scan", **options)
        dock = open_dock("Restore")
        run = dock.session.restoring
        patience(lambda: run.report is not None or bool(run.trouble))
        return dock

    return open_on


@pytest.fixture
def restored(opened, patience):
    def press(image, method="gaussian", **options):
        dock = opened(image, **options)
        dock.method.setCurrentIndex(dock.method.findData(method))
        dock.seconds.setValue(5)
        dock.start.click()
        patience(lambda: not dock.session.restoring.doing)
        return dock

    return press


def test_the_noise_is_told_first_and_the_choice_in_words(opened, noisy) -> None:
    dock = opened(noisy)
    assert "independent from voxel to voxel" in dock.noise.text()
    assert dock.choice.text().startswith("Blind pixel: a network")
    dock.method.setCurrentIndex(dock.method.findData("tv"))
    assert dock.choice.text().startswith("Total variation")
    assert not dock.seconds.isEnabled()


def test_what_nobody_can_learn_from_is_refused_with_advice(opened, noisy) -> None:
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(np.random.default_rng(0).normal(size=noisy.shape), 1)
    dock = opened((200 + 10 * noise / noise.std()).astype(np.float32))
    assert "no method that learns" in dock.noise.text()
    assert "Total variation, Non-local means or Gaussian" in dock.choice.text()
    assert not dock.start.isEnabled()
    dock.method.setCurrentIndex(dock.method.findData("gaussian"))
    assert dock.start.isEnabled()


def test_a_filter_restores_and_shows_what_was_removed(viewer, restored, noisy) -> None:
    dock = restored(noisy, scale=(3, 1, 1))
    layer = viewer.layers["Restored scan"]
    assert dock.error.text() == ""
    assert layer.visible
    assert tuple(layer.scale) == (3, 1, 1)
    assert layer.data.std() < noisy.std()
    assert layer.data.mean() == pytest.approx(noisy.mean(), rel=1e-4)
    gone = viewer.layers["Removed"]
    assert not gone.visible
    np.testing.assert_allclose(gone.data, noisy - layer.data, atol=1e-3)
    assert dock.removed.text().startswith("What was removed")
    assert cautions_on(layer)


def test_networks_learn_live_and_tell_their_uncertainty(
    viewer, opened, noisy, patience
) -> None:
    dock = opened(noisy)
    dock.seconds.setValue(8)
    dock.members.setValue(2)
    dock.start.click()
    run = dock.session.restoring
    patience(lambda: run.shown.layer is not None)
    assert run.doing == "restore"
    assert run.progress.words.startswith(("learning", "restoring"))
    patience(lambda: not run.doing)
    assert run.result.method == "pixel"
    assert (viewer.layers["Uncertainty of restoring"].data >= 0).all()


def test_holding_the_button_shows_the_original(viewer, restored, noisy, qtbot) -> None:
    dock = restored(noisy)
    layer = viewer.layers["Restored scan"]
    qtbot.mousePress(dock.swipe, Qt.MouseButton.LeftButton)
    assert not layer.visible
    qtbot.mouseRelease(dock.swipe, Qt.MouseButton.LeftButton)
    assert layer.visible


def test_a_stopped_one_leaves_no_half_restored_image(
    viewer, opened, noisy, patience
) -> None:
    dock = opened(noisy)
    dock.seconds.setValue(600)
    dock.start.click()
    run = dock.session.restoring
    patience(lambda: run.shown.layer is not None)
    assert dock.start.text() == "Stop"
    dock.start.click()
    patience(lambda: not run.doing)
    assert "Restored scan" not in viewer.layers
    assert dock.status.text().startswith("Stopped")
    assert dock.start.text() == "Restore"


def test_an_image_that_goes_meanwhile_is_told(viewer, opened, noisy, patience) -> None:
    dock = opened(noisy)
    dock.seconds.setValue(600)
    dock.start.click()
    patience(lambda: dock.session.restoring.shown.layer is not None)
    viewer.layers.remove("scan")
    patience(lambda: not dock.session.restoring.doing)
    assert "closed or changed" in dock.status.text()


def test_bad_input_is_one_sentence(viewer, opened, noisy, patience) -> None:
    noisy[3, 10, 10] = np.nan
    dock = opened(noisy)
    assert "NaN" in dock.noise.text()
    dock.start.click()
    patience(lambda: not dock.session.restoring.doing)
    assert "NaN" in dock.error.text()
    assert "Restored scan" not in viewer.layers


def test_a_second_scan_is_picked(viewer, opened, noisy, patience) -> None:
    dock = opened(noisy)
    other = noisy + np.random.default_rng(5).normal(0, 1, noisy.shape)
    viewer.add_image(other.astype(np.float32), name="other")
    dock.method.setCurrentIndex(dock.method.findData("pairs"))
    assert dock.partner.layer.name == "other"
    dock.start.click()
    patience(lambda: not dock.session.restoring.doing)
    assert "noise of the second scan is that of the image" in dock.error.text()


def test_what_is_written_says_that_it_is_restored(restored, noisy, tmp_path, patience):
    dock = restored(noisy, scale=(3, 1, 1))
    out = tmp_path / "restored.tif"
    dock.save_to(out)
    patience(lambda: not dock.session.restoring.doing)
    found = open_volume(out)
    assert any("restored image" in said for said in found.cautions)
    assert found.voxel_size == (3, 1, 1)


def test_another_image_is_measured_anew(viewer, opened, noisy, patience) -> None:
    dock = opened(noisy)
    first = dock.session.restoring.report
    other = noisy + np.random.default_rng(5).normal(0, 20, noisy.shape)
    layer = viewer.add_image(other.astype(np.float32), name="other")
    dock.session.workspace.choose_image(layer)
    patience(lambda: dock.session.restoring.report not in (None, first))
    assert dock.session.restoring.report.sd > 2 * first.sd
