"""The one image of those that are learned from that is on the screen."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_sciml.images.mosaic import Mosaic
from napari_sciml.prediction.viewport import ViewportMailbox
from napari_sciml.prediction.viewport_scheduler import ViewportScheduler

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.prediction.blockwise import BlockPredicted


class ShownImage:
    """Predicts what is shown, of one image or of one of several.

    Parameters
    ----------
    image
        Array-like of raw gray values, or a mosaic of several images.
    view
        Where the user looks; may change at any time.
    device
        Where to compute.
    number
        Of the image that is shown, in a mosaic.

    Attributes
    ----------
    scheduler
        Chooses what of the image is predicted next.
    """

    def __init__(
        self, image: Any, view: ViewportMailbox, device: torch.device, number: int
    ) -> None:
        self._image, self._view, self._device = image, view, device
        self._number = number
        self._used: tuple[Ensemble, int] | None = None
        self.scheduler = self._scheduler()

    def use(self, ensemble: "Ensemble", model: int, *, urgent: bool) -> None:
        """Predict with another ensemble from now on; urgent where somebody waits."""
        self._used = ensemble, model
        self.scheduler.use(ensemble, model, urgent=urgent)

    def switch_to(self, number: int) -> None:
        """Predict another image of the mosaic, if that is shown now."""
        if number == self._number:
            return
        self._number = number
        self.scheduler = self._scheduler()
        if self._used is not None:
            self.scheduler.use(*self._used, urgent=True)

    def attend(self, indices: np.ndarray) -> None:
        """Tell where the user works: flat places in all that is learned from."""
        if isinstance(self._image, Mosaic):
            own = indices[self._image.numbers_of(indices) == self._number]
            indices = self._image.to_image(self._number, own)
        if len(indices):
            self.scheduler.attend(indices)

    def advance(self) -> "BlockPredicted | None":
        """Predict a piece; None where no block is done yet."""
        block = self.scheduler.advance()
        return block and replace(block, image=self._number)

    def _scheduler(self) -> ViewportScheduler:
        several = isinstance(self._image, Mosaic)
        image = self._image.parts[self._number].image if several else self._image
        return ViewportScheduler(image, self._view, self._device)
