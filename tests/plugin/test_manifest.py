"""The manifest as napari finds it."""

import re
from pathlib import Path

import pytest
from npe2 import PluginManifest
from qtpy.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox

ROOT = Path(__file__).parents[2]
DOCKS = (
    *("Workflow", "Annotate", "Train", "Uncertainty", "Fibers"),
    *("Focus", "Fill", "Restore", "Explore"),
)


@pytest.fixture(scope="module")
def manifest() -> PluginManifest:
    return PluginManifest.from_distribution("napari-sciml")


def test_installed_manifest_is_the_one_at_the_top() -> None:
    from importlib.util import find_spec

    package = Path(find_spec("napari_sciml").origin).parent
    assert (package / "napari.yaml").read_bytes() == (ROOT / "napari.yaml").read_bytes()


def test_every_command_can_be_imported(manifest: PluginManifest) -> None:
    from npe2.manifest.utils import import_python_name

    for command in manifest.contributions.commands:
        assert callable(import_python_name(command.python_name))


def test_docks_and_samples(manifest: PluginManifest) -> None:
    names = tuple(widget.display_name for widget in manifest.contributions.widgets)
    assert names == DOCKS
    samples = {sample.key for sample in manifest.contributions.sample_data}
    assert samples == {"fiber_concrete", "polymer_scaffold", "shapes"}


@pytest.mark.gui
@pytest.mark.parametrize(
    ("command", "dock"),
    [("open_workflow", "Workflow"), ("open_fibers", "Fibers")],
)
def test_menus_of_layers_open_docks(
    viewer, manifest: PluginManifest, command: str, dock: str
) -> None:
    """Through napari's own registry, which gives the viewer by the annotation."""
    from napari._app_model import get_app_model

    known = manifest.contributions.menus
    listed = {item.command for menu in known.values() for item in menu}
    assert f"napari-sciml.{command}" in listed
    get_app_model().commands.execute_command(f"napari-sciml.{command}").result()
    assert any(name.startswith(dock) for name in viewer.window.dock_widgets)


@pytest.mark.gui
@pytest.mark.parametrize("name", DOCKS)
def test_dock_opens_in_an_empty_viewer(open_dock, name: str) -> None:
    assert open_dock(name).isEnabled()


@pytest.mark.gui
@pytest.mark.parametrize("name", DOCKS)
def test_every_control_has_a_name_and_help(open_dock, name: str) -> None:
    kinds = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox)
    dock = open_dock(name)
    own = {v for v in vars(dock).values() if isinstance(v, kinds)}
    assert own
    for control in own:
        assert re.fullmatch(r"[a-z][a-z0-9_]*", control.objectName()), control
        assert control.toolTip(), control.objectName()


@pytest.mark.gui
def test_opening_docks_does_not_import_torch() -> None:
    import subprocess
    import sys

    modules = ", ".join(f"napari_sciml.plugin.docks.{name.lower()}" for name in DOCKS)
    code = f"import sys, {modules}; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert out.stdout.strip() == "False", out.stderr
