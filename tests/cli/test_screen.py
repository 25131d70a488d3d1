import sys

import pytest

from napari_sciml.cli.screen import LIBRARIES, missing_packages, why_no_viewer

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux only")


@linux
def test_without_a_display_it_says_so() -> None:
    assert "DISPLAY" in str(why_no_viewer({}))


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_missing_library_is_named_by_its_package(library: str) -> None:
    def load(name: str) -> None:
        if name == library:
            raise OSError("cannot open shared object file")

    assert missing_packages(load) == [LIBRARIES[library]]


@linux
def test_a_display_that_is_not_there_is_no_crash() -> None:
    environment = {"DISPLAY": ":987", "QT_QPA_PLATFORM": "xcb"}
    assert why_no_viewer(environment) is not None
