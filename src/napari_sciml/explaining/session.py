"""Explain what a model says of a voxel: members, surroundings, strokes, channels."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from napari_sciml.annotation.scribbles import Scribbles, as_scribbles
from napari_sciml.errors import InputError
from napari_sciml.explaining.channels import ChannelReport, ask_channels
from napari_sciml.explaining.config import ExplainConfig
from napari_sciml.explaining.features import features_of, weights_of
from napari_sciml.explaining.lessons import Lessons, check_labels, look_around
from napari_sciml.explaining.occlusion import Occlusion, occlude
from napari_sciml.explaining.panel import Member, Panel
from napari_sciml.explaining.patches import take_patch
from napari_sciml.explaining.place import At, Blocks, region_at
from napari_sciml.explaining.preparing import Preparation
from napari_sciml.explaining.strokes import SimilarStroke, similar_strokes
from napari_sciml.images.tiles import Region, with_halo
from napari_sciml.progress import exhaust, map_progress, subrange

if TYPE_CHECKING:
    from napari_sciml.networks.ensemble import Ensemble

T = TypeVar("T")
P = TypeVar("P", Occlusion, ChannelReport)

READY = 0.1
"""Share of an answer that is not what is around, where the strokes are known."""

NO_PROOF = (
    "This tells what the model goes by, not what is there: it does not prove that the "
    "class is right, nor that the model would be wrong without it."
)


@dataclass(frozen=True)
class Voices:
    """What the members say of the place.

    Attributes
    ----------
    region
        The place.
    class_names
        Of the model.
    members
        Those that count.
    probabilities
        ``(member, class)``.
    mean
        ``(class,)``: what is predicted.
    class_index
        Of the class that is explained.
    """

    region: Region
    class_names: tuple[str, ...]
    members: tuple[Member, ...]
    probabilities: np.ndarray
    mean: np.ndarray
    class_index: int

    @property
    def predicted(self) -> int:
        """Index of the most probable class."""
        return int(self.mean.argmax())

    @property
    def center(self) -> tuple[int, ...]:
        """Voxel in the middle of the place."""
        return tuple((part.start + part.stop - 1) // 2 for part in self.region)

    @property
    def sentence(self) -> str:
        """Tell a person."""
        told = []
        for what, network in (("trees", False), ("networks", True)):
            own = [m for m, one in enumerate(self.members) if _is(one, network)]
            if own:
                shares = self.probabilities[own, self.class_index]
                told.append(f"{what} {_range(shares)}")
        name = self.class_names[self.class_index]
        return f"{name} {self.mean[self.class_index]:.2f}: {', '.join(told)}."


@dataclass(frozen=True)
class Strokes:
    """The labeled strokes that look most alike; see `similar_strokes`."""

    found: tuple[SimilarStroke, ...]


@dataclass(frozen=True)
class Explaining:
    """How far it is, 0 to 1, and what is done."""

    done: float
    words: str


@dataclass(frozen=True)
class Explanation:
    """Why a model gives a voxel its class.

    Attributes
    ----------
    voices
        Probability of each class by each member.
    occlusion
        What around the place speaks for the class.
    channels
        Which channels the model goes by.
    strokes
        Labeled strokes that look most alike to it; None without labels.
    """

    voices: Voices
    occlusion: Occlusion
    channels: ChannelReport
    strokes: tuple[SimilarStroke, ...] | None


Event = Explaining | Voices | Occlusion | Strokes | ChannelReport


def explain_steps(
    ensemble: "Ensemble",
    image: Any,
    at: At,
    labels: "np.ndarray | Scribbles | None" = None,
    *,
    config: ExplainConfig | None = None,
    prepared: Preparation | None = None,
) -> Generator[Event, None, Explanation]:
    """Explain a voxel in steps that can be watched and stopped.

    Parameters
    ----------
    ensemble
        Trained networks and trees; nothing of it is changed.
    image
        Array-like of raw gray values; only what lies round the place is read, and
        round labeled voxels.
    at
        Voxel ``(z, y, x)`` or ``(y, x)``, or slices of a region of at most 125 voxels.
    labels
        Strokes on this image; 0 = not annotated.
    config
        Settings; see `ExplainConfig`.
    prepared
        What is known of the strokes already, for the same model and image; instead of
        labels.

    Yields
    ------
    Event
        Each part as soon as it is known, and how far it is, several times a second.

    Raises
    ------
    InputError
        When the place lies outside, or image, labels and model do not fit together.
    """
    config = config or ExplainConfig()
    panel = Panel(ensemble, image)
    core = region_at(at, panel.shape)
    if prepared is None and labels is not None:
        strokes = as_scribbles(labels)
        check_labels(strokes, panel)
        prepared = Preparation(ensemble, image, strokes, config=config)
    voices = yield from _told(_voices(panel, core, config), 0.0, "asking the members")
    yield voices
    blocks = Blocks.around(core, ensemble, panel.shape, config)
    ready = prepared is not None and prepared.channels is not None
    low, high = (READY, 1.0) if ready else (0.0, 0.6)
    covering = map_progress(
        subrange(low, high, occlude(panel, core, blocks, voices.class_index)),
        lambda done: Explaining(done, "covering what is around"),
    )
    if prepared is None:
        occlusion = yield from _tell(covering)
        near = with_halo(core, blocks.edges, panel.shape).read
        report = yield from _tell(_channels_around(panel, near, config))
        return Explanation(voices, occlusion, report, None)
    if ready:  # then that is told at once
        similar, report = yield from _of_strokes(panel, voices, prepared, config)
        occlusion = yield from _tell(covering)
    else:
        occlusion = yield from _tell(covering)
        similar, report = yield from _of_strokes(panel, voices, prepared, config)
    return Explanation(voices, occlusion, report, similar)


def explain(
    ensemble: "Ensemble",
    image: Any,
    at: At,
    labels: "np.ndarray | Scribbles | None" = None,
    *,
    config: ExplainConfig | None = None,
) -> Explanation:
    """Explain why a model gives a voxel its class; see `explain_steps`.

    Returns
    -------
    Explanation
        What the members say, what around the voxel speaks for it, which channels the
        model goes by, and which labeled strokes look most alike to it.
    """
    return exhaust(explain_steps(ensemble, image, at, labels, config=config))


def class_index(name: str | None, names: tuple[str, ...], mean: np.ndarray) -> int:
    """Class to explain: the named one, or the most probable.

    Raises
    ------
    InputError
        When the model does not know the name.
    """
    if name is None:
        return int(mean.argmax())
    if name not in names:
        raise InputError(
            f"The model has no class '{name}'; it knows: {', '.join(names)}."
        )
    return names.index(name)


def _voices(
    panel: Panel, core: Region, config: ExplainConfig
) -> Generator[None, None, Voices]:
    tile = panel.tile(core)
    seen = yield from panel.look(panel.read(tile)[None], tile)
    answers = yield from panel.answer(seen, core)
    shares = np.exp(answers[:, 0])
    mean = panel.weights @ shares
    names = panel.ensemble.class_names
    index = class_index(config.class_name, names, mean)
    return Voices(core, names, panel.members, shares, mean, index)


def _of_strokes(
    panel: Panel, voices: Voices, prepared: Preparation, config: ExplainConfig
) -> Generator[Event, None, tuple[tuple[SimilarStroke, ...], ChannelReport]]:
    """What the strokes tell of the place, and which channels tell them apart."""
    ready = prepared.channels is not None
    looking = prepared.look()
    lessons = yield from _told(looking, 0.6, "looking at the strokes")
    comparing = _similar(panel, voices, lessons, config)
    words = "comparing with the strokes"
    similar = yield from _told(comparing, 0.0 if ready else 0.8, words)
    yield Strokes(similar)
    report = yield from _told(prepared.finish(), 0.8, "exchanging the channels")
    yield report
    return similar, report


def _similar(
    panel: Panel, voices: Voices, lessons: Lessons, config: ExplainConfig
) -> Generator[None, None, tuple[SimilarStroke, ...]]:
    patch = yield from take_patch(panel, np.array(voices.center))
    one = yield from features_of(panel, patch)
    weights, said = weights_of(panel), voices.predicted
    return similar_strokes(lessons, one, weights, said, config.strokes)


def _channels_around(
    panel: Panel, near: Region, config: ExplainConfig
) -> Generator[Explaining, None, ChannelReport]:
    """Which channels matter to voxels round the place, where there are no strokes."""
    around = look_around(panel, near, config.seed)
    lessons = yield from _told(around, 0.6, "looking around")
    asking = ask_channels(panel, lessons, config.seed)
    return (yield from _told(asking, 0.8, "exchanging the channels"))


def _tell(steps: Generator[Explaining, None, P]) -> Generator[Event | P, None, P]:
    """Yield what steps return as well."""
    found = yield from steps
    yield found
    return found


def _told(
    steps: Generator[None, None, T], done: float, words: str
) -> Generator[Explaining, None, T]:
    return (yield from map_progress(steps, lambda _: Explaining(done, words)))


def _is(member: Member, network: bool) -> bool:
    return (member.network is not None) == network


def _range(shares: np.ndarray) -> str:
    low, high = f"{shares.min():.2f}", f"{shares.max():.2f}"
    return low if low == high else f"{low} to {high}"
