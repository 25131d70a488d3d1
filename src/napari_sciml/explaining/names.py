"""What the channels that trees and networks look at are called, in plain words."""

from collections.abc import Iterator
from dataclasses import dataclass

from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.networks.trees.filter_bank import ALONG, FilterBank

GRAY, EDGES, SHAPE = "gray value", "edges", "shape (tube, sheet or blob)"


@dataclass(frozen=True)
class Channel:
    """A channel of a front end.

    Attributes
    ----------
    kind
        Gray value, edges or shape; of an image with several channels, of which.
    name
        What it is, such as "tube-ness at scale 2".
    """

    kind: str
    name: str


def network_channels(front: ScaleSpace) -> list[Channel]:
    """Name what networks look at, in the order of the channels."""
    return _of_each_input(front.inputs, list(_of_front(front)))


def tree_channels(bank: FilterBank) -> list[Channel]:
    """Name what trees look at, in the order of the channels."""
    return _of_each_input(bank.inputs, list(_of_bank(bank)))


def kinds_of(ensemble: Ensemble) -> list[str]:
    """Kinds of channels that there are."""
    channels = network_channels(ensemble.front)
    if ensemble.forest is not None:
        channels += tree_channels(ensemble.forest.bank)
    return list(dict.fromkeys(channel.kind for channel in channels))


def _of_each_input(inputs: int, own: list[Channel]) -> list[Channel]:
    if inputs == 1:
        return own
    return [
        Channel(f"channel {n}: {one.kind}", f"channel {n}: {one.name}")
        for n in range(1, inputs + 1)
        for one in own
    ]


def _of_front(front: ScaleSpace) -> Iterator[Channel]:
    yield Channel(GRAY, "gray value")
    for sigma in front.sigmas:
        at = f"at scale {sigma:g}"
        yield Channel(GRAY, f"gray value {at}")
        yield Channel(EDGES, f"edge strength {at}")
        yield Channel(SHAPE, f"blob-ness {at}")
        yield Channel(SHAPE, f"tube-ness {at}")
        yield Channel(SHAPE, f"roundness {at}")


def _of_bank(bank: FilterBank) -> Iterator[Channel]:
    axes = bank.directions
    yield Channel(GRAY, "gray value")
    for sigma in bank.scales:
        at = f"at scale {sigma:g}"
        yield Channel(GRAY, f"gray value {at}")
        yield Channel(EDGES, f"edge strength {at}")
        for number in range(1, axes + 1):
            yield Channel(SHAPE, f"bending {number} of {axes} {at}")
        if sigma in bank.tensors:
            for number in range(1, axes + 1):
                yield Channel(SHAPE, f"edges in direction {number} of {axes} {at}")
    yield Channel(GRAY, f"gray value at scale {bank.wide:g}")
    for kind, what in ((GRAY, "gray value"), (SHAPE, "tube-ness")):
        for distance in ALONG:
            for which in ("lesser", "greater"):
                where = f"{distance} voxels along the fiber ({which})"
                yield Channel(kind, f"{what} {where}")
