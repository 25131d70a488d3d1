"""Docks come and go, images too; the session must not follow the wrong ones."""

import numpy as np
import pytest

from napari_sciml.plugin.session import ViewerSession

pytestmark = pytest.mark.gui
tiny = np.random.default_rng(0).random((8, 24, 24)).astype(np.float32)


def test_a_layer_of_ours_is_never_taken_for_an_image(viewer, open_dock) -> None:
    open_dock("Train")
    session = ViewerSession.of(viewer)
    first, second = viewer.add_image(tiny, name="a"), tiny[:6]
    session.workspace.choose_image(first)
    made = session.workspace.layers.show_image("Probability fiber", tiny, first)
    viewer.layers.remove(first)
    viewer.add_image(second, name="b")
    assert session.workspace.layers.owns(made)
    assert session.workspace.image.name == "b"


def test_a_dock_that_is_opened_again_knows_what_is_there(viewer, open_dock) -> None:
    dock = open_dock("Annotate")
    session = ViewerSession.of(viewer)
    first = viewer.add_image(tiny, name="a")
    assert session.workspace.image.name == "a"
    session.close()
    viewer.layers.remove(first)
    viewer.add_image(tiny, name="b")
    session.attach(dock)
    assert session.workspace.image.name == "b"
