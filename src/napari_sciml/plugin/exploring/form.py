"""What is explored, and how."""

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QComboBox, QFormLayout, QSpinBox, QWidget

from napari_sciml.exploring.config import ExploreConfig, Grouping
from napari_sciml.exploring.maps import map_kinds
from napari_sciml.exploring.result import MAP_WORDS
from napari_sciml.plugin.exploring.controller import What
from napari_sciml.plugin.kit.widgets.layer_picker import LayerPicker

if TYPE_CHECKING:
    from napari_sciml.plugin.state.workspace import Workspace

DEFAULTS = ExploreConfig()
WHAT: dict[What, str] = {
    "patches": "Patches of the image",
    "images": "All open images",
    "fibers": "Measured fibers",
}
DESCRIPTIONS = {
    "front": "Fixed filters (at once)",
    "autoencoder": "Autoencoder (learns)",
    "model": "Trained model",
}


class ExploreForm(QWidget):
    """Controls for all that is decided before exploring.

    Parameters
    ----------
    workspace
        Has the images.
    """

    changed = Signal()

    def __init__(self, workspace: "Workspace") -> None:
        super().__init__()
        self._workspace = workspace
        self.image = LayerPicker(
            workspace.viewer,
            self._images,
            name="image",
            tooltip="Image to explore.",
        )
        self.of = combo("explore_of", "What the points are.")
        for what, title in WHAT.items():
            self.of.addItem(title, what)
        self.describe = combo("explore_describe", "How patches are compared.")
        for kind, title in DESCRIPTIONS.items():
            self.describe.addItem(title, kind)
        self.map = combo("explore_method", "How the plane is found.")
        for method in map_kinds():
            self.map.addItem(MAP_WORDS[method], method)
        self.patch = spin("explore_patch", 4, 1024, DEFAULTS.patch, " voxels")
        self.patch.setToolTip("Edge of a patch: about as large as what you look for.")
        self.stride = spin("explore_stride", 1, 1024, DEFAULTS.stride, " voxels")
        self.stride.setToolTip("From one patch to the next.")
        self.cubes = QCheckBox("Cubes of the volume, not squares of slices")
        self.cubes.setObjectName("explore_cubes")
        self.cubes.setToolTip("Describe 3D patches of a volume.")
        self.seconds = spin("explore_seconds", 1, 36000, DEFAULTS.seconds, " s")
        self.seconds.setToolTip("How long the autoencoder learns.")
        self._lay_out()
        self.image.picked.connect(workspace.pick_image)
        self.describe.currentIndexChanged.connect(self._on_changed)
        self.of.currentIndexChanged.connect(self._on_changed)

    @property
    def what(self) -> What:
        """What the points are."""
        what: What = self.of.currentData()
        return what

    def config(self, clusters: Grouping) -> ExploreConfig:
        """Give the settings that the controls show."""
        cubes = self.cubes.isVisibleTo(self) and self.cubes.isChecked()
        return ExploreConfig(
            describe=self.describe.currentData(),
            dims=3 if cubes else None,
            patch=self.patch.value(),
            stride=self.stride.value(),
            map=self.map.currentData(),
            clusters=clusters,
            seconds=self.seconds.value(),
        )

    def choose_image(self, image: Any) -> None:
        """Show which image is at hand."""
        self.image.refill()
        self.image.choose(image)

    def redraw(self, *, idle: bool) -> None:
        """Show what can be set now."""
        describe = self.describe.currentData()
        fibers, patches = self.what == "fibers", self.what == "patches"
        self._show_row(self.describe, not fibers)
        self._show_row(self.seconds, describe == "autoencoder" and not fibers)
        self._show_row(self.patch, patches or fibers)
        self._show_row(self.stride, patches)
        image = self._workspace.image
        volume = image is not None and image.ndim > 2
        self.cubes.setVisible(volume and patches and describe != "model")
        for control in (
            *(self.image, self.of, self.describe, self.map),
            *(self.patch, self.stride, self.cubes, self.seconds),
        ):
            control.setEnabled(idle)

    def _lay_out(self) -> None:
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        for title, control in (
            ("Image", self.image),
            ("Of", self.of),
            ("Described by", self.describe),
            ("Learn for", self.seconds),
            ("Map", self.map),
            ("Patch", self.patch),
            ("Every", self.stride),
        ):
            self._form.addRow(title, control)
        self._form.addRow(self.cubes)

    def _images(self) -> list[Any]:
        return list(self._workspace.images)

    def _on_changed(self, index: int) -> None:
        self.changed.emit()

    def _show_row(self, control: QWidget, on: bool) -> None:
        self._form.labelForField(control).setVisible(on)
        control.setVisible(on)


def combo(name: str, tooltip: str) -> QComboBox:
    """A box of choices that need not be as wide as the longest."""
    made = QComboBox()
    made.setObjectName(name)
    made.setToolTip(tooltip)
    made.setMinimumContentsLength(8)
    policy = QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
    made.setSizeAdjustPolicy(policy)
    return made


def spin(name: str, low: int, high: int, value: float, suffix: str) -> QSpinBox:
    """A box for a whole number."""
    made = QSpinBox()
    made.setObjectName(name)
    made.setRange(low, high)
    made.setValue(round(value))
    made.setSuffix(suffix)
    return made
