"""The steps in one dock, in a real window."""

import numpy as np
import pytest
from gui_helpers import bright_bar, is_settled
from qtpy.QtCore import Qt

from napari_sciml.plugin.flow.advice import Step

pytestmark = pytest.mark.gui


@pytest.fixture
def flow(open_dock):
    return open_dock("Workflow")


def next_line(flow) -> str:
    flow.redraw()
    return flow.evidence.next.text()


def test_leads_from_an_empty_window_to_lengths(viewer, flow, patience, qtbot) -> None:
    """By the buttons that the line Next names, and nothing else."""
    assert next_line(flow).startswith("Next: Open an image")
    image, labels = bright_bar()
    viewer.add_image(image, name="bar")
    assert "Start annotating" in next_line(flow)
    flow.docks[Step.ANNOTATE].start.click()
    assert "strokes of background and fiber" in next_line(flow)
    layer = flow.session.workspace.annotation.layer
    where = np.nonzero(labels)
    layer.data_setitem(where, labels[where])
    patience(lambda: "Press Train" in next_line(flow))
    assert flow.bar.buttons[Step.ANNOTATE].text().startswith("✓")
    qtbot.mouseClick(flow.evidence.go, Qt.MouseButton.LeftButton)
    assert flow.step is Step.TRAIN
    train = flow.docks[Step.TRAIN]
    train.members.setValue(2)
    train.seconds.setValue(1)
    train.start.click()
    patience(lambda: is_settled(flow.session))
    train.start.click()
    patience(lambda: not flow.session.workspace.runner.busy)
    patience(lambda: "Keep what is sure to be fiber" in next_line(flow))
    assert "Dice" in flow.evidence.quality.text()
    assert not train.shown.isVisibleTo(train)
    flow.evidence.go.click()
    assert flow.step is Step.UNCERTAINTY
    flow.docks[Step.UNCERTAINTY].keep.click()
    patience(lambda: "Press Measure fibers" in next_line(flow))
    flow.evidence.go.click()
    flow.docks[Step.FIBERS].measure.click()
    patience(lambda: "export" in next_line(flow))
    assert not flow.evidence.go.isVisibleTo(flow)
    uncertainty = flow.docks[Step.UNCERTAINTY]
    uncertainty.t.setValue(0.8)
    patience(lambda: "the mask has changed since" in next_line(flow))
    assert not flow.bar.buttons[Step.FIBERS].text().startswith("✓")
    viewer.add_image(image, name="another")
    flow.session.workspace.choose_image(viewer.layers["another"])
    patience(lambda: not flow.bar.buttons[Step.FIBERS].text().startswith("✓"))


def test_all_of_the_height_is_used_when_it_is_opened_again(viewer, flow) -> None:
    """napari adds a spacer to docks that do not grow, a stronger one each time."""
    for _ in range(2):
        viewer.window.remove_dock_widget(flow)
        flow = viewer.window.add_plugin_dock_widget("napari-sciml", "Workflow")[1]
    layout = flow.layout()
    assert all(layout.itemAt(i).spacerItem() is None for i in range(layout.count()))


def test_remembers_the_step_when_it_is_opened_again(viewer, flow, qtbot) -> None:
    viewer.add_image(np.zeros((8, 16, 16), np.float32))
    qtbot.mouseClick(flow.bar.buttons[Step.FIBERS], Qt.MouseButton.LeftButton)
    assert flow.step is Step.FIBERS
    viewer.window.remove_dock_widget(flow)
    again = viewer.window.add_plugin_dock_widget("napari-sciml", "Workflow")[1]
    assert again.step is Step.FIBERS
    assert list(again.docks) == [Step.FIBERS]


def test_the_session_lives_as_long_as_the_dock(viewer, flow, patience) -> None:
    session = flow.session
    flow.go_to(Step.UNCERTAINTY)
    assert session._faces == 3
    viewer.window.remove_dock_widget(flow)
    patience(lambda: session._asleep)
    assert session._faces == 0


def test_other_docks_are_a_click_away(viewer, flow) -> None:
    actions = [action for action in flow.more.menu().actions() if action.data()]
    names = [action.data() for action in actions]
    for action in actions:
        action.trigger()
    docks = viewer.window._wrapped_dock_widgets
    mine = {name.split(" (")[0]: dock for name, dock in docks.items()}
    assert set(names) <= set(mine)
    mine[names[0]].close()
    assert mine[names[0]].isHidden()
    actions[0].trigger()
    assert not mine[names[0]].isHidden()


def test_gray_buttons_say_why(viewer, flow) -> None:
    train = flow.docks.get(Step.TRAIN) or (flow.go_to(Step.TRAIN), None)[1]
    train = flow.docks[Step.TRAIN]
    assert not train.predict.isEnabled()
    assert "no model yet" in train.predict.toolTip()
    flow.go_to(Step.ANNOTATE)
    annotate = flow.docks[Step.ANNOTATE]
    assert annotate.eraser.toolTip() == "Press Start annotating first."
    viewer.add_image(np.zeros((16, 16), np.float32))
    annotate.start.click()
    assert annotate.eraser.isEnabled()
    assert "Erase" in annotate.eraser.toolTip()
    assert annotate.next.toolTip() == "The image has no slices."
