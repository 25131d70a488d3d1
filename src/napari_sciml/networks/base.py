"""What networks that are built from a configuration have in common."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Self, cast

import torch
from pydantic import BaseModel
from torch import nn

from napari_sciml.errors import InputError
from napari_sciml.networks.layers.convolution import DilatedConv

MAX_PARAMETERS = 200_000_000
MAX_CHANNELS = 65_536


class ConfiguredNetwork(nn.Module, ABC):
    """A network that a configuration and the shape of its data decide.

    Its weights come from the seed 0 until `initialize` draws others; torch's
    global random numbers are not touched.

    Parameters
    ----------
    config
        What the user has set.
    in_channels, classes
        Channels of the input and of the output (class logits).
    dims
        1, 2 or 3 spatial axes.
    spacing
        Edge lengths of a voxel, one an axis in any unit; None = all alike.

    Raises
    ------
    InputError
        When there is no such network, or it would be absurdly large.
    """

    config_type: ClassVar[type[BaseModel]]

    def __init__(
        self,
        config: BaseModel,
        *,
        in_channels: int,
        classes: int,
        dims: int,
        spacing: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        check_shape(in_channels, classes, dims, spacing)
        self.config = config
        self.in_channels = in_channels
        self.classes = classes
        self.dims = dims
        self.spacing = None if spacing is None else tuple(float(s) for s in spacing)
        # On the meta device a network costs neither memory nor random numbers.
        with torch.device("meta"):
            self._build()
        check_size(sum(weight.numel() for weight in self.parameters()))
        self.to_empty(device="cpu")
        self.initialize(torch.Generator().manual_seed(0))

    @property
    def reach(self) -> tuple[int, ...]:
        """Voxels an axis that an output voxel sees on each side; at most these.

        Along an axis where every kernel has a single tap, none. Such an axis is not
        pooled either: its voxels are more than twice as long as the shortest edge.
        """
        radius = int(cast("Any", self).radius)
        kernels = [m for m in self.modules() if isinstance(m, DilatedConv)]
        axes = zip(*(kernel.reach for kernel in kernels), strict=True)
        return tuple(radius if any(steps) else 0 for steps in axes)

    @abstractmethod
    def _build(self) -> None:
        """Make the parts."""

    def initialize(self, generator: torch.Generator) -> None:
        """Draw weights that keep the spread of the signal (He et al., 2015)."""
        for module in self.modules():
            if hasattr(module, "draw"):
                cast("Any", module).draw(generator)

    def description(self) -> dict[str, Any]:
        """What `from_description` needs to build the same network, JSON-able."""
        return {
            **self.config.model_dump(mode="json"),
            "in_channels": self.in_channels,
            "classes": self.classes,
            "dims": self.dims,
            "spacing": None if self.spacing is None else list(self.spacing),
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> Self:
        """Build a network to load weights into."""
        settings = dict(description)
        shape = {key: settings.pop(key) for key in ("in_channels", "classes", "dims")}
        spacing = settings.pop("spacing", None)
        config = cls.config_type.model_validate(settings)
        return cls(config, spacing=spacing, **shape)


def check_shape(
    in_channels: int, classes: int, dims: int, spacing: Sequence[float] | None
) -> None:
    """Refuse data that no network can take.

    Raises
    ------
    InputError
        With one sentence.
    """
    if type(dims) is not int or dims not in (1, 2, 3):
        raise InputError(f"A network works in 1, 2 or 3 dimensions, not in {dims!r}.")
    for name, number in (("input channels", in_channels), ("classes", classes)):
        if not isinstance(number, int) or not 1 <= number <= MAX_CHANNELS:
            raise InputError(
                f"A network has 1 to {MAX_CHANNELS:,} {name}, not {number!r}."
            )
    if spacing is None:
        return
    if len(spacing) != dims or not all(math.isfinite(s) and s > 0 for s in spacing):
        raise InputError(
            f"The voxel size must be {dims} lengths above 0, one an axis, "
            f"but it is {tuple(spacing)}."
        )


def check_size(parameters: int) -> None:
    """Refuse a network that no one can want.

    Raises
    ------
    InputError
        With one sentence.
    """
    if parameters > MAX_PARAMETERS:
        raise InputError(
            f"The network would have {parameters:,} parameters, and more than "
            f"{MAX_PARAMETERS:,} are not allowed: make it narrower or less deep."
        )
