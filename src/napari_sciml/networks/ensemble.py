"""Several networks that answer together."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.images.channels import channels_of
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.images.mosaic import Mosaic
from napari_sciml.networks.feature_range import FeatureRange
from napari_sciml.networks.protocol import Network
from napari_sciml.networks.scale_space import (
    ScaleSpace,
    Surround,
    as_batch,
    check_channels,
)
from napari_sciml.networks.trees.two_stage import TwoStageForest

LEAST_TRUST = 0.05
"""Networks that weigh less beside trees are not asked: it would cost time and change
nothing that one could see."""
FLOOR = 1e-4
"""Least share of a class whose odds are corrected: trees can be quite certain."""


class Ensemble(nn.Module):
    """Trees and networks that answer together, and everything needed to use them.

    The members are the networks, which share a front end, and the groups of the trees,
    if there are any. All networks together weigh `trust`, the trees the rest.

    Probabilities of a network are
    ``softmax(logits / temperature + log_prior_ratio)``: a temperature above 1 makes
    all members less sure (Guo et al., ICML 2017), and the logarithm of how often a
    class is met, over how often it was trained on, turns the balance of the labels into
    that of the image (Saerens et al., Neural Computation 14, 2002, equation 4). Those
    of trees are shares of labels already: of them only the second correction is made.
    See `set_calibration`.

    Parameters
    ----------
    members
        Networks from front-end channels ``(n, c, …)`` to logits
        ``(n, classes, …)``, of any kind; see `napari_sciml.networks.protocol`.
    front
        Fixed front end that all members share.
    intensity
        Linear map of raw gray values that the model was trained with; it also
        tells how many channels images have.
    class_names
        Name of each class; the label value of a class is its index plus one.
    forest
        Trees; None = there are only networks.
    trust
        Weight of all networks together, 0 to 1; without trees it is 1.

    Attributes
    ----------
    found_trust
        Weight of all networks together as it was found, however small; see `trust`.
    familiar
        What the front end gave in the image that it was trained on; None = not known.
    """

    familiar: FeatureRange | None = None

    def __init__(
        self,
        members: Sequence[Network],
        *,
        front: ScaleSpace,
        intensity: IntensityScale,
        class_names: Sequence[str],
        forest: TwoStageForest | None = None,
        trust: float = 1.0,
    ) -> None:
        super().__init__()
        self.forest = forest
        self.found_trust = float(trust)
        self.networks = nn.ModuleList(cast("Sequence[nn.Module]", members))
        self.front = front
        self.intensity = intensity
        self.class_names = tuple(class_names)
        # Stored in the description: the weights of older models do not have them.
        self.register_buffer("temperature", torch.ones(()), persistent=False)
        self.register_buffer(
            "log_prior_ratio", torch.zeros(len(self.class_names)), persistent=False
        )

    temperature: Tensor
    log_prior_ratio: Tensor

    @property
    def members(self) -> list[Network]:
        """The networks."""
        return [cast("Network", member) for member in self.networks]

    @property
    def trust(self) -> float:
        """Weight of all networks together, 0 to 1."""
        if self.forest is None:
            return 1.0
        helps = len(self.networks) > 0 and self.found_trust >= LEAST_TRUST
        return self.found_trust if helps else 0.0

    @property
    def network_weight(self) -> float:
        """Weight of one network in mean and deviation."""
        return self.trust / max(1, len(self.networks))

    @property
    def forest_weight(self) -> float:
        """Weight of one group of trees."""
        return 0.0 if self.forest is None else (1 - self.trust) / self.forest.members

    def for_image(self, image: Any) -> "Ensemble":
        """Give what looks at an image with the scale of gray values that it needs.

        Parameters
        ----------
        image
            Array-like of raw gray values; a mosaic, whose values have been brought to
            the scale of the model.

        Returns
        -------
        Ensemble
            This one, or one of the same networks and trees.
        """
        if isinstance(image, Mosaic):
            return self
        scale = self.intensity.for_image(image)
        if scale is self.intensity:
            return self
        other = copy.copy(self)
        other.intensity = scale
        return other

    def use_forest(self, forest: TwoStageForest | None, trust: float) -> None:
        """Exchange the trees, and say how much the networks weigh beside them.

        Raises
        ------
        InputError
            When the trees are for other images or classes.
        """
        if forest is not None:
            check_forest(forest, self.front, len(self.class_names))
        self.forest, self.found_trust = forest, min(1.0, max(0.0, float(trust)))

    @property
    def dims(self) -> int:
        """2 or 3."""
        return self.front.dims

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.front.center.device

    @property
    def halo(self) -> tuple[int, ...]:
        """Voxels an axis around a block that its prediction depends on."""
        wide = [0] * self.dims
        if self.trust > 0:
            wide = [*map(sum, zip(self.front.reach, self.reach, strict=True))]
        if self.forest is not None:
            wide = [*map(max, zip(wide, self.forest.halo, strict=True))]
        return tuple(wide)

    @property
    def reach(self) -> tuple[int, ...]:
        """Voxels an axis around a block whose channels the members look at."""
        if not len(self.networks):
            return (0,) * self.dims
        return tuple(map(max, zip(*map(network_reach, self.members), strict=True)))

    @property
    def stride(self) -> int:
        """Blocks that start at its multiples are answered like the whole image."""
        return math.lcm(1, *(m.stride for m in self.members))

    def check_channels(self, image: Any) -> None:
        """Make sure that an image has as many channels as the model is for.

        Raises
        ------
        InputError
            Tells both numbers.
        """
        check_channels(self.front.inputs, channels_of(image))

    def channels(self, image: Tensor, surround: Surround | None = None) -> Tensor:
        """Front-end channels ``(1, c, …)`` of gray values ``(…)``.

        The gray values are float32, after `intensity`; those of an image with
        several channels are ``(…, channel)``. With ``surround``, voxels at the ends
        of each axis are only looked at; see `ScaleSpace.forward`.
        """
        channels = self.front(as_batch(image, self.dims), surround)
        return channels.contiguous(memory_format=memory_format(self.dims))

    def logits(self, member: int, channels: Tensor) -> Tensor:
        """Class logits ``(class, …)`` of one member, not calibrated."""
        return self.members[member](channels)[0]

    def probabilities(
        self, member: int, channels: Tensor, *, inside: bool = False
    ) -> Tensor:
        """Class probabilities ``(class, …)`` of one member, float32.

        With ``inside``, without what the member sees at both ends of the first axis;
        some networks save the time for it.
        """
        return torch.softmax(self._scores(member, channels, inside)[0], dim=0)

    def log_probabilities(
        self, member: int, channels: Tensor, *, inside: bool = False
    ) -> Tensor:
        """Logarithms of the same ``(n, class, …)``, of a batch of channels."""
        return torch.log_softmax(self._scores(member, channels, inside), dim=1)

    def _scores(self, member: int, channels: Tensor, inside: bool) -> Tensor:
        network = self.members[member]
        compute = _compute_inside(network) if inside else network
        return compute(channels).float() / self.temperature + self._shift()

    def corrected(self, shares: Tensor) -> Tensor:
        """What trees say ``(class, …)``, turned to the balance of the image."""
        if not bool(self.log_prior_ratio.any()):
            return shares
        # In single precision a voxel would depend on how many are computed at once.
        exact = torch.float32 if shares.device.type == "mps" else torch.float64
        odds = shares.to(exact).clamp_min(FLOOR).log()
        return torch.softmax(odds + self._shift(), dim=0).to(shares.dtype)

    def _shift(self) -> Tensor:
        return self.log_prior_ratio.view(-1, *[1] * self.dims)

    def set_calibration(
        self,
        *,
        temperature: float = 1.0,
        log_prior_ratio: Sequence[float] | None = None,
    ) -> None:
        """Set how logits become probabilities.

        Parameters
        ----------
        temperature
            By which logits are divided.
        log_prior_ratio
            For each class, ``log(share in the image / share in training)``; an
            offset that is common to all classes changes nothing. None = zeros.

        Raises
        ------
        InputError
            When a number is not finite, or there is not one for each class.
        """
        ratios = [float(r) for r in log_prior_ratio or [0.0] * len(self.class_names)]
        if not (math.isfinite(temperature) and temperature > 0):
            raise InputError(f"A temperature must be above 0, not {temperature}.")
        if len(ratios) != len(self.class_names) or not all(map(math.isfinite, ratios)):
            raise InputError(
                f"The prior correction must be {len(self.class_names)} finite numbers, "
                f"one a class, but it is {ratios}."
            )
        with torch.no_grad():
            self.temperature.fill_(temperature)
            self.log_prior_ratio.copy_(torch.tensor(ratios))

    def copy_with(self, states: Sequence[Mapping[str, Tensor]]) -> "Ensemble":
        """A copy for use, whose members have other weights."""
        made = copy.deepcopy(self)
        for network, state in zip(made.networks, states, strict=True):
            network.load_state_dict(state)
        return made.eval()


def network_reach(network: Network) -> tuple[int, ...]:
    """What a network sees on each side, axis by axis; it need not know that itself."""
    return getattr(network, "reach", (network.radius,) * network.dims)


def _compute_inside(network: Network) -> Callable[[Tensor], Tensor]:
    cut = network_reach(network)[0]
    own: Callable[[Tensor], Tensor] | None = getattr(network, "inside", None)
    return own or (lambda image: network(image)[:, :, cut : image.shape[2] - cut])


def check_forest(forest: TwoStageForest, front: ScaleSpace, classes: int) -> None:
    """Make sure that trees are for the images and classes of a front end.

    Raises
    ------
    InputError
        Tells what both are for.
    """
    wanted = front.dims, front.inputs, classes
    found = forest.dims, forest.inputs, forest.classes
    if found != wanted:
        raise InputError(
            "The description of the model is damaged: its trees should have "
            f"{wanted} axes, image channels and classes, but have {found}."
        )


def memory_format(dims: int) -> torch.memory_format:
    """Order of the channels that convolutions run fastest in."""
    formats = {2: torch.channels_last, 3: torch.channels_last_3d}
    return formats.get(dims, torch.contiguous_format)
