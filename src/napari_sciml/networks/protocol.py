"""What a network must be, for an ensemble to train it and predict with it."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn


class Network(Protocol):
    """A `torch.nn.Module` that gives every voxel a score for each class.

    The quick way to a network of one's own is
    `napari_sciml.networks.custom.CustomNetwork`, which wraps any module from
    ``(n, c, …)`` to ``(n, classes, …)``. To write one from scratch, subclass
    `torch.nn.Module` and add what is below. Two rules keep predictions free of seams:

    - What a voxel gets depends on the voxels within ``radius`` and on nothing else:
      not on other images of the batch, not on the size of the image. Batch and
      instance normalization break this rule; normalizing each voxel across its
      channels does not.
    - A network that pools answers the same for two parts of an image only where
      both start at a multiple of ``stride``.

    Attributes
    ----------
    dims
        1, 2 or 3: the number of spatial axes.
    in_channels, classes
        Channels of the input and of the output.
    radius
        Voxels on each side, along the axis where it is widest, that a voxel's
        answer depends on.
    stride
        1; for a network that pools, the voxels that its coarsest voxel stands for.
    """

    dims: int
    in_channels: int
    classes: int

    @property
    def radius(self) -> int: ...  # noqa: D102

    @property
    def stride(self) -> int: ...  # noqa: D102

    def __call__(self, image: Tensor, /) -> Tensor:
        """Map ``(n, in_channels, …)`` of any size to logits ``(n, classes, …)``."""
        ...

    def initialize(self, generator: torch.Generator) -> None:
        """Draw new weights from ``generator`` alone."""
        ...

    def description(self) -> dict[str, Any]:
        """Everything but the weights, JSON-able, with the key "kind"."""
        ...

    # What every torch.nn.Module has.
    training: bool

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]: ...  # noqa: D102

    def state_dict(self) -> dict[str, Any]: ...  # noqa: D102

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any: ...  # noqa: D102

    def to(self, device: torch.device) -> Self: ...  # noqa: D102

    def train(self, mode: bool = True) -> Self: ...  # noqa: D102

    def eval(self) -> Self: ...  # noqa: D102
