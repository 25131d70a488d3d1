import subprocess
import sys
from pathlib import Path

import pytest

import napari_sciml

LIGHT = """
import sys
import napari_sciml
assert napari_sciml.__version__
heavy = {"torch", "qtpy", "napari", "PyQt6", "PySide6", "superqt", "matplotlib", "zarr"}
print(*sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
"""


def test_import_is_light():
    run = subprocess.run(
        [sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []


@pytest.mark.parametrize("name", napari_sciml.__all__)
def test_every_public_name_is_there(name):
    assert getattr(napari_sciml, name).__name__ == name


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = napari_sciml.nonsense


def test_no_two_test_files_have_one_name() -> None:
    """pytest would import one for the other, and say so after an hour only."""
    names = [path.name for path in Path(__file__).parent.rglob("test_*.py")]
    assert len(names) == len(set(names))
