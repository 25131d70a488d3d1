"""Names of files and classes that look like markup are shown as they are."""

import pytest
from qtpy.QtWidgets import QLabel

from napari_sciml.plugin.kit.widgets.controls import text_line

NAME = "<b>scan</b> <img src='file:///etc/passwd'>.tif"

pytestmark = pytest.mark.gui


def drawn_width(label: QLabel, qtbot) -> int:
    qtbot.addWidget(label)
    label.setWordWrap(False)
    return label.sizeHint().width()


def test_markup_in_a_text_is_drawn_as_it_is(qtbot) -> None:
    plain = drawn_width(text_line("a", "", NAME), qtbot)
    rich = drawn_width(text_line("b", "", NAME, rich=True), qtbot)
    as_it_is = text_line("c", "").fontMetrics().horizontalAdvance(NAME)
    assert plain >= as_it_is > rich
