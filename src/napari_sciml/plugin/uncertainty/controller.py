"""What is sure of one class: the mask, its share and the histogram."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from napari.layers import Image, Labels
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Region, region_size
from napari_sciml.plugin.kit.colors import label_colormap
from napari_sciml.plugin.kit.connections import Connections
from napari_sciml.plugin.kit.runner import IdleRunner
from napari_sciml.plugin.state.coloring import CONFIDENT
from napari_sciml.plugin.state.prediction import PREDICTED
from napari_sciml.plugin.uncertainty.usual_k import UsualK
from napari_sciml.uncertainty.threshold import (
    ConfidenceRule,
    CoverageConfig,
    CoverageRule,
    LowerBoundRule,
    ThresholdConfig,
)
from napari_sciml.workflows.thresholding.arrays import BINS, SlabKept, keep_confident

if TYPE_CHECKING:
    from napari_sciml.plugin.state.prediction import Prediction
    from napari_sciml.plugin.state.prediction_volume import PredictionVolume
    from napari_sciml.plugin.state.workspace import Workspace

REST_MS = 250
OPACITY = 0.6
"""Of a mask; its rim alone covers nothing."""
RIM = 1
"""Width of the contour, in voxels."""
AT_ONCE = 2**22
"""Pixels that are decided about while the user waits: some 0.1 s."""
NOTHING_PREDICTED = "Nothing is predicted yet: train first, in the Train dock."
NOT_CALIBRATED = "Coverage needs held-out strokes and a training that has settled."
RuleKind = Literal["deviations", "coverage"]


class ConfidentMaskController:
    """Keeps the mask of a rule up to date: the shown slice at once, then the rest.

    Attributes
    ----------
    config
        The class, and k and t of `LowerBoundRule`; without k, it is chosen.
    coverage
        Settings of `CoverageRule`.
    kind
        Which of the two rules decides.
    outlined
        Whether the rim of the mask is shown, the contour at the threshold, so that the
        image can be seen in it.
    """

    changed = Signal()

    def __init__(self, workspace: "Workspace", prediction: "Prediction") -> None:
        self._workspace, self._prediction = workspace, prediction
        self.config = ThresholdConfig()
        self.coverage = CoverageConfig()
        self.kind: RuleKind = "deviations"
        self.outlined = False
        self._filling: list[Image] = []
        self.histogram = np.zeros(BINS, np.int64)
        self.kept = 0
        self.complete = False
        self._usual = UsualK(workspace, prediction)
        self._mask: np.ndarray | None = None
        self._counts = np.zeros(BINS, np.int64)
        self._sum = 0
        self._idle = IdleRunner()
        self._idle.yielded.connect(self._on_slab)
        self._idle.finished.connect(self._on_done)
        self._rest = QTimer()
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.compute)
        self._wiring = Connections()
        self.watch()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of the prediction, or of the annotation as long as there is none."""
        return self._prediction.class_names

    @property
    def class_index(self) -> int:
        """Place of the class along the class axis; the last one by default."""
        return self._prediction.class_index

    @property
    def k(self) -> float:
        """Deviations that are taken off: as the user says, or as it is usual."""
        if self.config.k is not None:
            return self.config.k
        return self._usual.value(self.class_index, self.config.t)

    @property
    def rule(self) -> ConfidenceRule | None:
        """What decides; None as long as a coverage cannot be promised.

        The classes of a prediction that is being prepared may be others than those
        of the model at hand.
        """
        if self.kind == "deviations":
            return LowerBoundRule(self.k, self.config.t)
        model = self._prediction.model
        held_out = model.conformal if model else None
        if held_out is None or len(held_out.by_class) != len(self.class_names):
            return None
        return CoverageRule(held_out, self.coverage.coverage)

    @property
    def for_files(self) -> tuple[ThresholdConfig, float | None]:
        """The rule as commands take it: a threshold, and a coverage where it decides.

        Of classes that the model at hand has.
        """
        model = self._prediction.model
        names = self.class_names if model is None else model.ensemble.class_names
        name = self.config.class_name if self.config.class_name in names else names[-1]
        config = self.config.model_copy(update={"class_name": name})
        return config, self.coverage.coverage if self.kind == "coverage" else None

    @property
    def layer_name(self) -> str:
        """Of the mask."""
        return f"{CONFIDENT}{self.class_names[self.class_index]}"

    @property
    def predicted(self) -> int:
        """Voxels that the share counts in."""
        return int(self.histogram.sum())

    def change(self, **settings: Any) -> None:
        """Change class, k (None = let it be chosen) or t; act on what is shown."""
        self.config = ThresholdConfig(**{**self.config.model_dump(), **settings})
        self._usual.forget()
        if "class_name" in settings:
            self._mask = None
            self._prediction.choose_class(self.config.class_name)
        self._act()

    def choose(self, kind: RuleKind) -> None:
        """Let another rule decide, and act on what is shown."""
        self.kind = kind
        self._act()

    def cover(self, coverage: float) -> None:
        """Change the coverage, and act on what is shown."""
        self.coverage = CoverageConfig(coverage=coverage)
        self._act()

    def show_slice(self) -> None:
        """Bring the mask of the shown slice up to date, now.

        Of a slice of very many pixels, only what is in the window, unless that is as
        many: the whole of it is computed soon, while the user goes on.
        """
        volume = self._volume()
        if volume is not None and self._workspace.shown_region() is not None:
            self._write_shown(volume)
            self.show()

    def show(self) -> None:
        """Show the mask, also where the user has deleted it."""
        volume = self._volume()
        if volume is None or self._workspace.image is None:
            return
        layer = self._workspace.layers.show_labels(
            self.layer_name,
            self._mask_for(volume),
            self._workspace.image,
            colormap=label_colormap(self._workspace.annotation.classes),
            opacity=OPACITY,
        )
        _draw(layer, self.outlined)

    def outline(self, outlined: bool) -> None:
        """Show the rim of the mask alone, or all of it.

        Where no mask is seen, it appears. What else is predicted would fill the rim, so
        it is hidden as long.
        """
        layers = self._workspace.layers
        self.outlined = outlined
        self.show_slice()
        mask = layers.get(self.layer_name)
        if outlined and mask is not None:
            mask.visible = True
            over = layers.of(Image, PREDICTED)
            self._filling = [layer for layer in over if layer.visible]
        for layer in self._filling:
            layer.visible = not outlined
        if not outlined:
            self._filling = []

    def keep(self) -> None:
        """Compute the whole mask and show it.

        Raises
        ------
        InputError
            When nothing is predicted yet, or the rule cannot tell.
        """
        if self._volume() is None:
            raise InputError(NOTHING_PREDICTED)
        if self.rule is None:
            raise InputError(NOT_CALIBRATED)
        self.show()
        self.compute()

    def compute(self) -> None:
        """Bring the whole mask up to date, in the idle time of the event loop."""
        self._rest.stop()
        volume = self._volume()
        if volume is None:
            self._idle.stop()
            return
        self._counts, self._sum = np.zeros(BINS, np.int64), 0
        self._usual.forget()
        self._idle.start(
            keep_confident(
                volume.mean,
                volume.std,
                self._prediction.valid,
                index=self.class_index,
                rule=self.rule,
            )
        )

    def settle(self) -> None:
        """Finish now what would be computed soon."""
        if self._rest.isActive():
            self.compute()
        self._idle.finish()

    def watch(self) -> None:
        """Follow the prediction, and what is not to be trusted in it."""
        prediction = self._prediction
        self._wiring.connect(self._workspace.exclusion.changed, self._on_exclusion)
        self._wiring.connect(prediction.changed, self._on_prediction)
        self._wiring.connect(prediction.model_changed, self._on_model)

    def close(self) -> None:
        """Stop until `watch`."""
        self._wiring.close()
        self._idle.stop()
        self._rest.stop()

    def _act(self) -> None:
        # Slabs by the rule or of the class before would spoil the shown slice.
        self._idle.stop()
        self.show_slice()
        self._rest.start()

    def _volume(self) -> "PredictionVolume | None":
        volume = self._prediction.probabilities
        return None if volume is None or volume.empty else volume

    def _mask_for(self, volume: "PredictionVolume") -> np.ndarray:
        if self._mask is None or self._mask.shape != volume.shape:
            self._mask = np.zeros(volume.shape, np.uint8)
        return self._mask

    def _write(self, volume: "PredictionVolume", region: Region) -> None:
        rule = self.rule
        if rule is None:
            return  # what was sure by the last calibration stays
        index, mask = self.class_index, self._mask_for(volume)
        sure = rule.keep(volume.mean[:, *region], volume.std[:, *region], index)
        valid = self._prediction.valid[region]
        mask[region] = (sure & valid) * np.uint8(index + 1)

    def _write_shown(self, volume: "PredictionVolume") -> None:
        view = self._workspace.target.view
        for region in (view.region, view.visible) if view else ():
            if region is not None and region_size(region) <= AT_ONCE:
                self._write(volume, region)
                return

    def _on_prediction(self, region: Region | None) -> None:
        volume = self._volume()
        if region is None or volume is None:
            self._usual.forget()
            self._mask = None
            self._idle.stop()
            self.histogram, self.kept = np.zeros(BINS, np.int64), 0
            self.complete = False
            return
        self._usual.follow()
        self._write(volume, region)
        self._workspace.layers.touch(self.layer_name)
        self._rest.start()

    def _on_model(self) -> None:
        if self.kind == "coverage":
            self._rest.start()

    def _on_exclusion(self) -> None:
        """Other voxels can be sure now; a mask that was deleted stays away."""
        volume = self._volume()
        if volume is None:
            return
        self._usual.forget()
        self._idle.stop()
        self._write_shown(volume)
        self._workspace.layers.touch(self.layer_name)
        self._rest.start()

    def _on_slab(self, slab: SlabKept) -> None:
        volume = self._volume()
        if volume is None:
            return
        mask = self._mask_for(volume)
        if slab.mask is not None:
            mask[slab.where] = slab.mask * np.uint8(self.class_index + 1)
        elif self._workspace.exclusion.active:
            mask[slab.where][~self._prediction.valid[slab.where]] = 0
        self._counts = self._counts + slab.histogram
        self._sum += int(np.count_nonzero(mask[slab.where]))

    def _on_done(self) -> None:
        self.histogram, self.kept = self._counts, self._sum
        volume = self._volume()
        self.complete = volume is not None and volume.complete
        self._workspace.layers.touch(self.layer_name)
        self.changed.emit()


def _draw(mask: Labels, outlined: bool) -> None:
    """Its rim, or all of it; a look that the user gave it stays where it may."""
    if bool(mask.contour) != outlined:
        mask.contour = RIM if outlined else 0
        mask.opacity = 1.0 if outlined else OPACITY
