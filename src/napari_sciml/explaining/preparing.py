"""What all questions about a model ask of the strokes, found out once."""

import threading
from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.explaining.channels import ChannelReport, ask_channels
from napari_sciml.explaining.config import ExplainConfig
from napari_sciml.explaining.lessons import Lessons, check_labels, learn
from napari_sciml.explaining.panel import Panel

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble


class Preparation:
    """Looks at the strokes, and goes on where it was left, whoever asks.

    It takes several times as long as the rest of an answer. So it is begun before
    anybody asks, and what is left of it is done when it is needed, by any thread.

    Parameters
    ----------
    ensemble, image
        As of `napari_sciml.explaining.session.explain_steps`.
    labels
        Strokes on this image.
    config
        Settings; only the seed counts.

    Attributes
    ----------
    lessons
        Labeled voxels as the members see them; None before.
    channels
        Which channels the model goes by; None before.
    """

    def __init__(
        self,
        ensemble: "Ensemble",
        image: Any,
        labels: Scribbles,
        *,
        config: ExplainConfig | None = None,
    ) -> None:
        self.labels = labels
        self.lessons: Lessons | None = None
        self.channels: ChannelReport | None = None
        seed = (config or ExplainConfig()).seed
        self._begin = partial(self._learn, ensemble, image, seed)
        self._steps = self._begin()
        self._turn = threading.Lock()

    def look(self) -> Generator[None, None, Lessons]:
        """Look at the strokes; yields often.

        Raises
        ------
        InputError
            When image, labels and model do not fit together.
        """
        while self.lessons is None:
            self._step()
            yield
        return self.lessons

    def finish(self) -> Generator[None, None, ChannelReport]:
        """Look at the strokes, and exchange the channels; yields often.

        Raises
        ------
        InputError
            As of `look`.
        """
        while self.channels is None:
            self._step()
            yield
        return self.channels

    def _step(self) -> None:
        with self._turn:
            try:
                next(self._steps, None)
            except Exception:  # who asks again may have more memory
                self._steps = self._begin()
                raise

    def _learn(
        self, ensemble: "Ensemble", image: Any, seed: int
    ) -> Generator[None, None, None]:
        panel = Panel(ensemble, image)
        check_labels(self.labels, panel)
        self.lessons = yield from learn(panel, self.labels, seed)
        self.channels = yield from ask_channels(panel, self.lessons, seed)
