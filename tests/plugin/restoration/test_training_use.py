"""A restored image becomes a channel where strokes show that it helps."""

import numpy as np
import pytest

from napari_sciml.images.channels import ChannelImage
from napari_sciml.plugin.layers.images import cautions_on, pixels, voxel_size
from napari_sciml.workflows.validation import others
from napari_sciml.workflows.validation.channels import ChannelsCompared

pytestmark = pytest.mark.gui

SHAPE = (240, 120)


def bars() -> tuple[np.ndarray, np.ndarray]:
    """Bars in so much noise that a voxel says little; strokes on all of them."""
    image = np.random.default_rng(3).normal(100, 90, SHAPE)
    labels = np.zeros(SHAPE, np.uint8)
    for row in range(10, 220, 22):
        image[row : row + 8] += 40
        for columns in (slice(10, 60), slice(70, 110)):
            labels[row + 3 : row + 5, columns] = 2
            labels[row + 13 : row + 15, columns] = 1
    return image.astype(np.float32), labels


@pytest.fixture
def dock(viewer, open_dock, monkeypatch, patience):
    """The dock with a restored image, which is what the test makes of it."""
    for name, value in (("SECONDS", 0.1), ("FOLDS", 2), ("MEMBERS", 1)):
        monkeypatch.setattr(others, name, value)
    image, labels = bars()
    viewer.add_image(image, name="scan", scale=(2, 3), units=("um", "um"))
    dock = open_dock("Restore")
    dock.method.setCurrentIndex(dock.method.findData("gaussian"))
    dock.start.click()
    patience(lambda: not dock.session.restoring.doing)
    dock.session.workspace.start_annotating().data = labels
    return dock


def compared(dock, patience) -> str:
    face = dock.training_use
    face.compare.click()
    patience(lambda: not face.job.running)
    return face.words.text()


def test_strokes_and_training_go_on_with_both_where_it_helps(
    dock, viewer, patience
) -> None:
    clean = np.full(SHAPE, 100, np.float32)
    for row in range(10, 220, 22):
        clean[row : row + 8] += 40
    dock.session.restoring.result.image[...] = clean  # nobody restores so well
    workspace = dock.session.workspace
    raw, old = workspace.image, workspace.annotation.layer
    old.metadata["note"] = "kept"
    names = workspace.annotation.class_names
    said = compared(dock, patience)
    assert "with it as a second channel" in said
    assert 'It helps: the layer "scan and restored" has both' in said
    layer = viewer.layers["scan and restored"]
    assert workspace.image.name == layer.name
    assert isinstance(pixels(layer), ChannelImage)
    np.testing.assert_array_equal(layer.data, np.stack([raw.data, clean]))
    assert voxel_size(layer) == voxel_size(raw)
    assert "restored" in cautions_on(layer)[0]
    strokes = workspace.annotation.layer
    assert strokes.name != old.name
    assert strokes.metadata["note"] == "kept"
    assert workspace.annotation.class_names == names
    np.testing.assert_array_equal(strokes.data, old.data)
    assert workspace.annotations.of(raw).name == old.name
    assert not dock.training_use.compare.isEnabled()  # of both, nothing is restored


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ((-0.02, 0.03), "(difference -0.02 to +0.03). It is not shown to help: go on"),
        (None, "0.80 without. It is not shown to help: go on with the image alone."),
    ],
)
def test_the_image_alone_stays_where_it_does_not(dock, viewer, interval, said) -> None:
    face = dock.training_use
    face._begin()
    both = np.zeros((2, *SHAPE), np.float32)
    face._on_compared(ChannelsCompared(both, 0.8, 0.81, interval))
    assert said in face.words.text()
    assert dock.session.workspace.image.name == "scan"
    assert "scan and restored" not in viewer.layers


def test_without_strokes_it_says_what_is_missing(dock, viewer, patience) -> None:
    del viewer.layers["Annotation"]
    said = compared(dock, patience)
    assert "Not annotated yet" in said or "annotat" in said.lower()


def test_an_annotation_that_was_closed_meanwhile_is_told(dock, viewer) -> None:
    face = dock.training_use
    face._begin()
    del viewer.layers["Annotation"]
    both = np.zeros((2, *SHAPE), np.float32)
    face.job._on_event(ChannelsCompared(both, 0.7, 0.8, (0.05, 0.15)))
    assert face.words.text() == "The annotation was closed meanwhile: annotate again."
    assert "scan and restored" not in viewer.layers


def test_it_can_be_stopped_and_forgets_with_the_image(
    dock, viewer, patience, monkeypatch, tmp_path
) -> None:
    monkeypatch.setattr(others, "SECONDS", 60.0)
    face = dock.training_use
    face.compare.click()
    assert face.compare.text() == "Stop comparing"
    face.compare.click()
    patience(lambda: not face.job.running)
    assert face.words.text() == "Comparing trainings was stopped."
    assert face.compare.text() == "Use for training"
    face.compare.click()
    dock.session.restoring.save(tmp_path / "restored.tif")
    assert dock.session.restoring.doing == "write"
    assert not dock.save.isEnabled()
    assert face.compare.isEnabled(), "it stops whatever else goes on"
    patience(lambda: not dock.session.restoring.doing)
    dock.session.workspace.choose_image(viewer.add_image(bars()[0], name="next"))
    patience(lambda: not face.job.running)
    assert not face.words.isVisibleTo(dock)
    assert not face.compare.isEnabled()
