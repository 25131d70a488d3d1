"""The Uncertainty dock."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_sciml.images.tiles import Tile
from napari_sciml.plugin.docks.uncertainty import NOT_CALIBRATED
from napari_sciml.plugin.uncertainty.usual_k import MOST_VOXELS, _every
from napari_sciml.prediction.blockwise import BlockPredicted
from napari_sciml.uncertainty.conformal import confident_by_coverage
from napari_sciml.uncertainty.statistics import entropy
from napari_sciml.uncertainty.threshold import (
    LARGEST_K,
    ThresholdConfig,
    confident,
    usual_k,
)

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(trained, open_dock, patience):
    made = open_dock("Uncertainty")
    patience(lambda: trained.sure.complete)
    return made


def expected(session, index: int = 1) -> np.ndarray:
    volume, config = session.prediction.probabilities, session.sure.config
    mean, std = volume.mean[index], volume.std[index]
    k = usual_k(mean, std, t=config.t) if config.k is None else config.k
    return confident(mean, std, k=k, t=config.t)


def test_defaults_come_from_the_configuration(dock, trained) -> None:
    assert ThresholdConfig().k is None
    assert dock.k.value() == pytest.approx(trained.sure.k, abs=0.005)
    assert dock.t.value() == ThresholdConfig().t
    assert dock.classes.currentText() == "fiber"


def test_the_shown_slice_follows_the_slider_at_once(dock, trained, viewer) -> None:
    viewer.dims.set_point(0, 3 * 6)
    dock.t.setValue(0.2)
    mask = viewer.layers["Confident fiber"].data
    np.testing.assert_array_equal(mask[6] > 0, expected(trained)[6])


def test_the_rest_follows_soon(dock, trained, viewer, patience) -> None:
    dock.k.setValue(2.0)
    layer = viewer.layers["Confident fiber"]
    patience(lambda: np.array_equal(layer.data > 0, expected(trained)))
    assert layer.data.dtype == np.uint8
    assert set(np.unique(layer.data)) <= {0, 2}


def test_share_and_histogram(dock, trained, patience) -> None:
    dock.keep.click()
    trained.sure.settle()
    percent = 100 * expected(trained).mean()
    assert dock.share.text() == f"{percent:.3g} % of the image is sure to be fiber."
    assert trained.sure.predicted == trained.prediction.probabilities.known.size


def test_keep_brings_a_deleted_mask_back(dock, trained, viewer) -> None:
    dock.keep.click()
    del viewer.layers["Confident fiber"]
    dock.keep.click()
    trained.sure.settle()
    mask = viewer.layers["Confident fiber"].data
    np.testing.assert_array_equal(mask > 0, expected(trained))


def test_another_class(dock, trained, viewer) -> None:
    dock.classes.activated.emit(0)
    trained.sure.settle()
    mask = viewer.layers["Confident background"].data
    np.testing.assert_array_equal(mask == 1, expected(trained, 0))
    uncertainty = viewer.layers["Uncertainty"].data
    np.testing.assert_array_equal(uncertainty, trained.prediction.probabilities.std[0])


def expected_by_coverage(session, coverage: float) -> np.ndarray:
    held_out = session.prediction.model.calibration.conformal
    mean = session.prediction.probabilities.mean
    return confident_by_coverage(mean, 1, held_out, coverage, per_class=True)


def test_coverage_takes_the_place_of_k_and_t(dock, trained, viewer, patience) -> None:
    assert dock.coverage.value() == 0.9
    assert dock.coverage.isHidden()
    viewer.dims.set_point(0, 3 * 6)
    dock.rule_kind.setCurrentText("Coverage")
    assert dock.k_rows.isHidden()
    assert dock.t.isHidden()
    assert not dock.coverage.isHidden()
    layer = viewer.layers["Confident fiber"]
    for coverage in (0.6, 0.9):
        dock.coverage.setValue(coverage)
        sure = expected_by_coverage(trained, coverage)
        np.testing.assert_array_equal(layer.data[6] > 0, sure[6])
        patience(lambda sure=sure: np.array_equal(layer.data > 0, sure))
        assert "only fiber is possible" in dock.rule.text()
        assert f"{100 * coverage:.0f} %" in dock.rule.text()
    assert layer.data.any()
    dock.rule_kind.setCurrentIndex(0)
    trained.sure.settle()
    np.testing.assert_array_equal(layer.data > 0, expected(trained))
    assert "times the deviation of trees and networks" in dock.rule.text()


def test_coverage_needs_a_calibration(dock, trained, viewer) -> None:
    dock.keep.click()
    trained.sure.settle()
    share, layer = dock.share.text(), viewer.layers["Confident fiber"]
    model = trained.prediction.model
    trained.prediction.use(replace(model, calibration=None))
    dock.rule_kind.setCurrentText("Coverage")
    trained.sure.settle()
    assert dock.rule.text() == NOT_CALIBRATED
    np.testing.assert_array_equal(layer.data > 0, expected(trained))
    assert dock.share.text().split(" %")[0] == share.split(" %")[0]
    trained.prediction.use(model)
    trained.sure.settle()
    np.testing.assert_array_equal(layer.data > 0, expected_by_coverage(trained, 0.9))
    assert "only fiber is possible" in dock.rule.text()


def test_says_when_the_held_out_strokes_are_too_few(dock, trained, viewer) -> None:
    model = trained.prediction.model
    held_out = model.calibration.conformal
    none = tuple(t.model_copy(update={"knots": ()}) for t in held_out.by_class)
    few = replace(
        model.calibration, conformal=held_out.model_copy(update={"by_class": none})
    )
    trained.prediction.use(replace(model, calibration=few))
    dock.rule_kind.setCurrentText("Coverage")
    trained.sure.settle()
    assert "too few for 90 %, so nothing is kept" in dock.rule.text()
    assert not viewer.layers["Confident fiber"].data.any()


def test_the_layer_shows_the_measure_that_is_chosen(dock, trained, viewer) -> None:
    volume, layer = trained.prediction.probabilities, viewer.layers["Uncertainty"]
    assert dock.measure.currentText() == "Deviation"
    for name, values, limits in (
        ("Entropy", entropy(volume.mean), (0.2, 1)),
        ("Information", volume.mutual_information, (0.05, 0.6)),
        ("Deviation", volume.std[1], (0.1, 0.5)),
    ):
        dock.measure.setCurrentText(name)
        np.testing.assert_allclose(layer.data, values, atol=5e-3)
        np.testing.assert_allclose(layer.contrast_limits, limits)


def test_a_layer_that_comes_back_shows_the_measure(dock, trained, viewer) -> None:
    dock.measure.setCurrentText("Entropy")
    del viewer.layers["Uncertainty"]
    prediction = trained.prediction
    prediction.begin()
    prediction.prepare(prediction.probabilities.class_names)
    layer = viewer.layers["Uncertainty"]
    assert layer.data is prediction.probabilities.entropy
    np.testing.assert_allclose(layer.contrast_limits, (0.2, 1))


def test_says_that_nothing_is_predicted(session, open_dock) -> None:
    dock = open_dock("Uncertainty")
    dock.k.setValue(3)
    assert "Nothing is predicted yet" in dock.share.text()
    dock.keep.click()
    assert "train first, in the Train dock" in dock.error.text()


def test_another_image_forgets_the_prediction(dock, trained, viewer) -> None:
    other = viewer.add_image(np.zeros((4, 8, 8), np.float32), name="other")
    trained.workspace.choose_image(getattr(other, "__wrapped__", other))
    assert trained.prediction.probabilities is None
    dock.k.setValue(0.5)
    dock.keep.click()
    assert "Nothing is predicted" in dock.error.text()


def test_an_older_rule_does_not_spoil_the_shown_slice(dock, trained, viewer) -> None:
    viewer.dims.set_point(0, 3 * 6)
    dock.t.setValue(0.9)
    trained.sure.compute()  # as when the slider is let go
    dock.t.setValue(0.1)
    QApplication.processEvents()
    mask = viewer.layers["Confident fiber"].data
    np.testing.assert_array_equal(mask[6] > 0, expected(trained)[6])


def test_a_loaded_model_keeps_its_promise(dock, trained, viewer, tmp_path) -> None:
    held_out = trained.prediction.model.calibration.conformal
    trained.prediction.save(tmp_path / "model")
    trained.prediction.load(tmp_path / "model")
    assert trained.prediction.model.conformal == held_out
    dock.rule_kind.setCurrentText("Coverage")
    assert "only fiber is possible" in dock.rule.text()


def test_no_empty_mask_where_the_rule_cannot_tell(dock, trained, viewer) -> None:
    model = trained.prediction.model
    trained.prediction.use(replace(model, calibration=None))
    dock.rule_kind.setCurrentText("Coverage")
    viewer.layers.remove("Confident fiber")
    dock.keep.click()
    assert dock.error.text() == NOT_CALIBRATED
    assert "Confident fiber" not in viewer.layers


def test_k_is_chosen_until_the_user_moves_the_slider(dock, trained, patience) -> None:
    chosen = trained.sure.k
    assert not dock.auto_k.isEnabled()
    assert dock.k_words.text().startswith("chosen: keeps")
    assert "94 % of what is likelier than not" in dock.k_words.text()
    dock.k.setValue(1.25)
    assert trained.sure.config.k == trained.sure.k == 1.25
    assert dock.k_words.text() == "yours"
    dock.keep.click()
    trained.sure.settle()
    assert dock.k.value() == 1.25
    dock.auto_k.click()
    assert trained.sure.config.k is None
    assert trained.sure.k == chosen
    assert dock.k.value() == pytest.approx(chosen, abs=0.005)
    assert not dock.auto_k.isEnabled()


def test_the_chosen_k_follows_threshold_and_prediction(dock, trained) -> None:
    volume = trained.prediction.probabilities
    volume.mean[1], volume.std[1] = 0.6, 0.4
    volume.mean[1][:, :8] = 0.9
    trained.sure.compute()
    assert trained.sure.k == pytest.approx(0.25, abs=2e-3)
    dock.t.setValue(0.4)
    assert trained.sure.k == LARGEST_K
    assert dock.k.value() == LARGEST_K
    assert dock.k_words.text() == "chosen: keeps at least 94 % of what is over 0.40"


def test_a_sample_of_a_large_prediction_is_small_and_fair(dock, trained) -> None:
    region = (slice(0, 300), slice(7, 500), slice(0, 3))
    part = _every(region)
    count = np.prod([len(range(p.start, p.stop, p.step)) for p in part])
    assert 0.5 * MOST_VOXELS < count <= MOST_VOXELS
    assert all(p.start >= r.start for p, r in zip(part, region, strict=True))


def test_k_is_chosen_by_the_shown_slice_where_little_is_predicted(
    dock, trained, viewer
) -> None:
    viewer.dims.set_point(0, 3 * 5)
    prediction = trained.prediction
    names = prediction.probabilities.class_names
    prediction.clear()
    prediction.begin()
    prediction.prepare(names)
    assert trained.sure.k == LARGEST_K
    volume = prediction.probabilities
    core = (slice(5, 6), slice(0, 32), slice(0, 32))
    mean = np.linspace(0, 1, 1024, dtype=np.float32).reshape(1, 32, 32)
    mean, std = np.stack((1 - mean, mean)), np.full((2, 1, 32, 32), 0.4, np.float32)
    volume.write(BlockPredicted(Tile(core, core), mean, std, mean[0], 1, 1))
    trained.sure.compute()
    wanted = usual_k(volume.mean[1, 5], volume.std[1, 5])
    assert 0 < wanted < LARGEST_K
    assert trained.sure.k == pytest.approx(wanted, rel=0.05)


def test_says_where_a_class_is_not_known(dock, trained, open_dock) -> None:
    model = trained.prediction.model
    assert model.scores is not None
    good = replace(model.calibration, expected_dice=(0.9, 0.8))
    known = replace(
        model, scores=replace(model.scores, dice=(1.0, 0.9)), calibration=good
    )
    trained.prediction.use(known)
    assert dock.caution.text() == ""
    trained.sure.keep()
    fibers = open_dock("Fibers")
    assert fibers.caution.text() == ""
    few = replace(good, expected_dice=(0.9, np.nan))
    trained.prediction.use(replace(known, calibration=few))
    for line in (dock.caution, fibers.caution):
        assert "Whether fiber is found right is not known yet" in line.text()
        assert not line.isHidden()
    trained.prediction.use(known)
    assert dock.caution.isHidden()
    assert fibers.caution.isHidden()


@pytest.mark.parametrize("name", ["Fe/Ni", "a:b", 'x<"y">|z?*', "back\\slash"])
def test_layers_have_names_that_files_can_have(dock, trained, viewer, name) -> None:
    """Save All Layers gives each its name, also on Windows."""
    classes = trained.workspace.annotation.classes
    trained.prediction.model.ensemble.class_names = (classes.names[0], name)
    trained.workspace.annotation.set_classes(classes.renamed(2, name))
    trained.prediction.probabilities.class_names = (classes.names[0], name)
    trained.prediction.begin()
    trained.prediction._show()
    trained.sure.show()
    ours = [
        layer.name for layer in viewer.layers if trained.workspace.layers.owns(layer)
    ]
    assert len(ours) >= 4
    assert not set("".join(ours)) & set('<>:"/\\|?*')
    assert trained.workspace.layers.get(f"Probability {name}").name.startswith(
        "Probability "
    )
