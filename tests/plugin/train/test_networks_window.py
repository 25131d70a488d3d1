"""The window that draws the networks."""

import pytest
from qtpy.QtWidgets import QLabel

pytestmark = pytest.mark.gui


def test_networks_of_the_model_are_drawn(trained, open_dock, patience) -> None:
    dock = open_dock("Train")
    ensemble = trained.prediction.model.ensemble
    patience(dock.draw.isEnabled)
    dock.draw.click()
    window = dock.networks_window
    patience(lambda: window.tabs.count() == len(ensemble.members))
    patience(lambda: not window._runner.busy)
    texts = [label.text() for label in window.tabs.findChildren(QLabel)]
    assert sum("parameters, looks at" in text for text in texts) == 2
    graphs = window.tabs.findChildren(QLabel, "network_graph")
    assert len(graphs) == 2
    assert all(graph.pixmap().width() > 200 for graph in graphs)
    dock.draw.click()  # again: another model may be at hand
    patience(lambda: window.tabs.count() == len(ensemble.members))
    patience(lambda: not window._runner.busy)
    window.close()


def test_without_networks_the_button_says_so(viewer, open_dock) -> None:
    dock = open_dock("Train")
    assert not dock.draw.isEnabled()
    assert dock.draw.toolTip() == "There is no network yet: train longer."
