"""Linear layers behind convolutions: classifiers of whole images."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from napari_sciml.networks.config import SMSNetConfig
from napari_sciml.networks.sparse.smsnet import SMSNet, build_smsnet


class ClassifierConfig(BaseModel):
    """How an SMSNet that classifies whole images is built."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["smsnet_classifier"] = "smsnet_classifier"
    network: SMSNetConfig = Field(
        default_factory=lambda: SMSNetConfig(width=8, parameters=None),
        description="Network that finds features.",
    )
    features: int = Field(16, ge=1, le=1024, description="Features a voxel.")
    grid: int = Field(
        4,
        ge=1,
        le=64,
        description="Cells an axis that the features are averaged in; with 1 the "
        "place of a feature does not matter.",
    )
    hidden: tuple[int, ...] = Field(
        (64,), description="Widths of the linear layers before the last one."
    )


class SMSNetClassifier(nn.Module):
    """Class logits of whole images of any size.

    The features of an SMSNet are averaged in the cells of a grid, and linear
    layers read the averages.

    Parameters
    ----------
    config
        See `ClassifierConfig`.
    features
        From images ``(n, c, …)`` to features ``(n, config.features, …)``.
    in_channels, classes
        Channels of an image, and number of classes.
    """

    def __init__(
        self,
        config: ClassifierConfig,
        features: SMSNet,
        *,
        in_channels: int,
        classes: int,
    ) -> None:
        super().__init__()
        self.config = config
        self.dims = features.dims
        self.in_channels, self.classes = in_channels, classes
        self.features = features
        cells = config.features * config.grid**self.dims
        with fixed_global_state():
            self.head = linear_layers([cells, *config.hidden, classes])

    def initialize(self, generator: torch.Generator) -> None:
        """Draw weights that keep the spread of the signal."""
        self.features.initialize(generator)
        draw_weights(self.head, generator)

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(n, c, …)`` to class logits ``(n, classes)``."""
        cells = mean_in_cells(self.features(image), [self.config.grid] * self.dims)
        logits: Tensor = self.head(cells.flatten(1))
        return logits

    def description(self) -> dict[str, Any]:
        """What `from_description` needs to build the same network, JSON-able."""
        return {
            "kind": "smsnet_classifier",
            "config": self.config.model_dump(mode="json"),
            "in_channels": self.in_channels,
            "classes": self.classes,
            "features": self.features.description(),
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "SMSNetClassifier":
        """Build a network with the stored graph; the weights come separately."""
        with fixed_global_state():
            features = SMSNet.from_description(description["features"])
        return cls(
            ClassifierConfig.model_validate(description["config"]),
            features,
            in_channels=description["in_channels"],
            classes=description["classes"],
        )


def build_classifier(
    config: ClassifierConfig, *, in_channels: int, classes: int, dims: int, seed: int
) -> SMSNetClassifier:
    """Draw a graph and weights from one seed.

    Raises
    ------
    InputError
        When no graph of the law comes near the asked number of parameters.
    """
    rng = np.random.default_rng(seed)
    with fixed_global_state():
        features = build_smsnet(
            config.network,
            in_channels=in_channels,
            classes=config.features,
            dims=dims,
            seed=int(rng.integers(2**63)),
        )
    network = SMSNetClassifier(
        config, features, in_channels=in_channels, classes=classes
    )
    network.initialize(torch.Generator().manual_seed(int(rng.integers(2**63))))
    return network


def fixed_global_state() -> Any:
    """Keep torch's global random state while modules are constructed in it."""
    return torch.random.fork_rng(devices=[])


def linear_layers(widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with ReLUs between them."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def draw_weights(module: nn.Module, generator: torch.Generator) -> None:
    """Draw all weights so that they keep the spread (He et al., 2015)."""
    for parameter in module.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_normal_(parameter, nonlinearity="relu", generator=generator)
        else:
            nn.init.zeros_(parameter)


def mean_in_cells(image: Tensor, grid: Sequence[int]) -> Tensor:
    """Average ``(n, c, …)`` in the cells of a grid."""
    if len(grid) == 1:
        return functional.adaptive_avg_pool1d(image, list(grid))
    if len(grid) == 2:
        return functional.adaptive_avg_pool2d(image, (grid[0], grid[1]))
    return functional.adaptive_avg_pool3d(image, (grid[0], grid[1], grid[2]))
