"""Look at the strokes before anybody asks: that takes most of the first answer."""

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.explaining.channels import ask_channels
from napari_sciml.explaining.config import ExplainConfig
from napari_sciml.explaining.lessons import check_labels, learn
from napari_sciml.explaining.panel import Panel
from napari_sciml.explaining.session import Explaining, Learned
from napari_sciml.progress import map_progress

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble

WORDS = "looking at the strokes"


def prepare_steps(
    ensemble: "Ensemble",
    image: Any,
    labels: Scribbles,
    *,
    config: ExplainConfig | None = None,
) -> Generator[Explaining, None, Learned]:
    """Learn of labeled voxels what `explain_steps` takes as ``known``.

    Parameters
    ----------
    ensemble, image, labels
        As of `napari_sciml.explaining.session.explain_steps`.
    config
        Settings; only the seed counts.

    Yields
    ------
    Explaining
        How far it is, several times a second.

    Raises
    ------
    InputError
        When image, labels and model do not fit together.
    """
    config, panel = config or ExplainConfig(), Panel(ensemble, image)
    check_labels(labels, panel)
    seen = learn(panel, labels, config.seed)
    lessons = yield from map_progress(seen, lambda _: Explaining(0.3, WORDS))
    asked = ask_channels(panel, lessons, config.seed)
    report = yield from map_progress(asked, lambda _: Explaining(0.8, WORDS))
    return Learned(lessons, report)
