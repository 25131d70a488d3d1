"""Any torch module as a network."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.networks.base import check_shape
from napari_sciml.networks.layers.blocks import crop_to, pad_to_multiple

OwnModules = Mapping[str, Callable[[int, int, int], nn.Module]]
"""By name, what makes a module from ``dims, in_channels, classes``."""


class CustomNetwork(nn.Module):
    """A module of the user's, with what an ensemble needs to know about it.

    Images are continued at their far ends to a multiple of ``stride`` before the
    module gets them, and its answer is cut back, so that a module that pools takes
    any size. What a voxel gets must depend on its surroundings alone: see
    `napari_sciml.networks.protocol.Network`.

    Parameters
    ----------
    module
        Maps ``(n, in_channels, …)`` to logits ``(n, classes, …)`` of the same size.
    name
        Under which the module is found again when a model is read.
    dims, in_channels, classes
        Shape of the data.
    radius
        Voxels on each side that a voxel's answer depends on; rather too many than
        too few, or the borders of blocks show.
    stride
        For a module that pools, the product of its poolings.

    Raises
    ------
    InputError
        When the module does not answer a small image in the right shape.
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str,
        dims: int,
        in_channels: int,
        classes: int,
        radius: int,
        stride: int = 1,
    ) -> None:
        super().__init__()
        check_shape(in_channels, classes, dims, None)
        if radius < 0 or stride < 1:
            raise InputError(
                f"The network '{name}' needs a radius of 0 or more voxels and a "
                f"stride of 1 or more, not {radius} and {stride}."
            )
        self.module = module
        self.name = name
        self.dims = dims
        self.in_channels = in_channels
        self.classes = classes
        self.radius = radius
        self.stride = stride
        self._check_answer()

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, c, …)`` to class logits ``(n, classes, …)``."""
        padded = pad_to_multiple(image, [self.stride] * self.dims)
        logits: Tensor = self.module(padded)
        return crop_to(logits, image.shape[2:])

    def initialize(self, generator: torch.Generator) -> None:
        """Let every part that can draw weights (``reset_parameters``) do so."""
        seed = int(torch.randint(2**31, (1,), generator=generator))
        # The parts draw from the global state: put it back afterwards.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for part in self.module.modules():
                reset = getattr(part, "reset_parameters", None)
                if callable(reset):
                    reset()

    def description(self) -> dict[str, Any]:
        """Everything but the module, JSON-able."""
        return {
            "kind": "own",
            "name": self.name,
            "dims": self.dims,
            "in_channels": self.in_channels,
            "classes": self.classes,
            "radius": self.radius,
            "stride": self.stride,
        }

    @classmethod
    def from_description(
        cls, description: dict[str, Any], own: OwnModules | None = None
    ) -> "CustomNetwork":
        """Build the network around a module that ``own`` makes.

        Raises
        ------
        InputError
            When ``own`` does not have the name.
        """
        settings = {key: value for key, value in description.items() if key != "kind"}
        name = settings["name"]
        if own is None or name not in own:
            raise InputError(
                f"The model uses the network '{name}' of its author's: load it with "
                f"own={{'{name}': make}}, where make(dims, in_channels, classes) "
                "returns the torch module."
            )
        shape = (settings[key] for key in ("dims", "in_channels", "classes"))
        return cls(own[name](*shape), **settings)

    def _check_answer(self) -> None:
        """Try an image whose axes differ, so that exchanged ones are noticed."""
        edges = [
            self.stride * (-(-4 // self.stride) + axis) for axis in range(self.dims)
        ]
        expected = (1, self.classes, *edges)
        parameter = next(self.module.parameters(), torch.empty(0))
        image = torch.zeros((1, self.in_channels, *edges)).to(parameter)
        training = self.module.training
        self.module.eval()
        try:
            with torch.no_grad():
                answer = self.module(image)
        except Exception as error:  # whatever a module of the user's may do
            raise InputError(
                f"The network '{self.name}' fails on an image of shape "
                f"{tuple(image.shape)}: {error}"
            ) from error
        finally:
            self.module.train(training)
        found = tuple(answer.shape) if isinstance(answer, Tensor) else type(answer)
        if found != expected:
            raise InputError(
                f"The network '{self.name}' must map {tuple(image.shape)} to "
                f"{expected}, but its answer is {found}."
            )
