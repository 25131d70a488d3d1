"""Autoencoders: an image becomes a short vector, and an image again.

The form is that of the DLSIA paper (Roberts et al., J. Appl. Cryst. 57, 2024,
section on autoencoders): convolutions and poolings, or a sparse mixed-scale
network, down to a latent vector that similar images share, and the same way back.
"""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.networks.autoencoders.pooled import PooledDecoder, PooledEncoder
from napari_sciml.networks.autoencoders.sparse import SparseDecoder, SparseEncoder
from napari_sciml.networks.config import SMSNetConfig
from napari_sciml.networks.heads import (
    draw_weights,
    fixed_global_state,
    linear_layers,
)
from napari_sciml.networks.sparse.smsnet import SMSNet, build_smsnet

SMALL_SMSNET = SMSNetConfig(width=8, parameters=None)
HEAD_WIDTH = 64


class AutoencoderConfig(BaseModel):
    """How an autoencoder is built."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["autoencoder"] = "autoencoder"
    body: Literal["convolution", "smsnet"] = Field(
        "convolution",
        description="Convolutions with a pooling after each level, or one sparse "
        "mixed-scale network on either side of the latent vector.",
    )
    depth: int = Field(
        4,
        ge=1,
        le=8,
        description="Halvings of the image between it and the latent vector.",
    )
    base: int = Field(
        16, ge=1, le=256, description="Channels of the first level; of the features."
    )
    latent: int = Field(16, ge=1, le=4096, description="Numbers that an image becomes.")
    hidden: tuple[int, ...] = Field(
        (), description="Widths of linear layers before the latent vector."
    )
    classes: int | None = Field(
        None, ge=2, description="Classes that the latent vector tells apart, if any."
    )
    growth: float = Field(
        2.0,
        ge=0.5,
        le=4,
        description="Channels of a level over those of the one above.",
    )
    dilations: tuple[int, ...] = Field(
        (1,), min_length=1, description="Dilations that each convolution sums over."
    )
    network: SMSNetConfig | None = Field(
        None,
        description="Sparse networks of the body smsnet; none = edges that make 8 "
        "channels, about 10,000 parameters each.",
    )

    @model_validator(mode="after")
    def _check(self) -> "AutoencoderConfig":
        if min(self.dilations) < 1 or min(self.hidden, default=1) < 1:
            raise ValueError("dilations and hidden widths must be at least 1")
        if self.body == "smsnet" and (self.growth, self.dilations) != (2.0, (1,)):
            raise ValueError("growth and dilations are for the body convolution")
        if self.body == "convolution" and self.network is not None:
            raise ValueError("network is for the body smsnet")
        return self


class Reconstruction(NamedTuple):
    """What an autoencoder gives back.

    Attributes
    ----------
    image
        ``(n, c, …)``, like the input.
    latent
        ``(n, latent)``.
    class_logits
        ``(n, classes)``, or None without a classifier.
    """

    image: Tensor
    latent: Tensor
    class_logits: Tensor | None


class Autoencoder(nn.Module):
    """An encoder, a latent vector, a decoder, and perhaps a classifier.

    Parameters
    ----------
    config
        See `AutoencoderConfig`.
    in_channels, shape
        Channels and shape ``(y, x)`` or ``(z, y, x)`` of the images, any size.
    graphs
        Networks to encode and to decode with, for the body "smsnet".
    """

    def __init__(
        self,
        config: AutoencoderConfig,
        *,
        in_channels: int,
        shape: Sequence[int],
        graphs: tuple[SMSNet, SMSNet] | None = None,
    ) -> None:
        super().__init__()
        self.config, self.in_channels = config, in_channels
        self.shape, self.dims = tuple(shape), len(shape)
        self.classes = config.classes
        sizes = _sizes(shape, config.depth)
        self.encoder: nn.Module
        self.decoder: nn.Module
        with fixed_global_state():
            if graphs is not None:
                channels = config.base
                self.encoder = SparseEncoder(graphs[0], sizes[-1])
                self.decoder = SparseDecoder(graphs[1], shape)
            else:
                widths = _widths(config)
                channels = widths[-1]
                scales = config.dilations
                self.encoder = PooledEncoder(self.dims, in_channels, widths, scales)
                self.decoder = PooledDecoder(in_channels, widths, scales, sizes)
            self.grid = (channels, *sizes[-1])
            layers = [int(np.prod(self.grid)), *config.hidden, config.latent]
            self.to_latent = linear_layers(layers)
            self.from_latent = linear_layers(layers[::-1])
            if config.classes is not None:
                head = [config.latent, HEAD_WIDTH, config.classes]
                self.head = linear_layers(head)

    def initialize(self, generator: torch.Generator) -> None:
        """Draw weights that keep the spread of the signal."""
        for part in self.children():
            if isinstance(part, SparseEncoder | SparseDecoder):
                part.initialize(generator)
            else:
                draw_weights(part, generator)

    def encode(self, image: Tensor) -> Tensor:
        """Map ``(n, c, …)`` to latent vectors ``(n, latent)``."""
        if tuple(image.shape[1:]) != (self.in_channels, *self.shape):
            raise InputError(
                f"This autoencoder is for images of {self.in_channels} channels and "
                f"the shape {self.shape}, not {tuple(image.shape[1:])}: cut or scale "
                "the images."
            )
        latent: Tensor = self.to_latent(self.encoder(image).flatten(1))
        return latent

    def decode(self, latent: Tensor) -> Tensor:
        """Map latent vectors ``(n, latent)`` to ``(n, c, …)``."""
        features = torch.relu(self.from_latent(latent))
        image: Tensor = self.decoder(features.view(-1, *self.grid))
        return image

    def forward(self, image: Tensor) -> Reconstruction:
        """Encode and decode ``(n, c, …)``; classify where there is a head."""
        latent = self.encode(image)
        logits = None if self.classes is None else self.head(latent)
        return Reconstruction(self.decode(latent), latent, logits)

    def description(self) -> dict[str, Any]:
        """What `from_description` needs to build the same network, JSON-able."""
        halves = (self.encoder, self.decoder)
        return {
            "kind": "autoencoder",
            "config": self.config.model_dump(mode="json"),
            "in_channels": self.in_channels,
            "shape": list(self.shape),
            "graphs": [
                half.network.description()
                for half in halves
                if isinstance(half, SparseEncoder | SparseDecoder)
            ],
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "Autoencoder":
        """Build a network with the stored settings; the weights come separately."""
        with fixed_global_state():
            graphs = [SMSNet.from_description(d) for d in description["graphs"]]
        return cls(
            AutoencoderConfig.model_validate(description["config"]),
            in_channels=description["in_channels"],
            shape=description["shape"],
            graphs=(graphs[0], graphs[1]) if graphs else None,
        )


def build_autoencoder(
    config: AutoencoderConfig, *, in_channels: int, shape: Sequence[int], seed: int
) -> Autoencoder:
    """Draw graphs and weights from one seed.

    Raises
    ------
    InputError
        When the shape is not that of an image, or no graph of the law comes near
        the asked number of parameters.
    """
    if not 1 <= len(shape) <= 3 or min(shape) < 1 or in_channels < 1:
        raise InputError(
            f"An autoencoder needs images of 1 to 3 axes and at least one channel, "
            f"not the shape {tuple(shape)} with {in_channels} channels."
        )
    rng = np.random.default_rng(seed)
    graphs = None
    if config.body == "smsnet":
        graphs = _draw_graphs(config, in_channels, len(shape), rng)
    network = Autoencoder(config, in_channels=in_channels, shape=shape, graphs=graphs)
    network.initialize(torch.Generator().manual_seed(int(rng.integers(2**63))))
    return network


def _sizes(shape: Sequence[int], depth: int) -> list[tuple[int, ...]]:
    """Shapes of the levels; halves are rounded up."""
    sizes = [tuple(shape)]
    for _ in range(depth):
        sizes.append(tuple((n + 1) // 2 for n in sizes[-1]))
    return sizes


def _widths(config: AutoencoderConfig) -> list[int]:
    """Channels of the levels."""
    powers = (config.growth**level for level in range(config.depth))
    return [max(1, round(config.base * power)) for power in powers]


def _draw_graphs(
    config: AutoencoderConfig, in_channels: int, dims: int, rng: np.random.Generator
) -> tuple[SMSNet, SMSNet]:
    network = config.network or SMALL_SMSNET
    with fixed_global_state():
        encoder, decoder = (
            build_smsnet(
                network,
                in_channels=inputs,
                classes=outputs,
                dims=dims,
                seed=int(rng.integers(2**63)),
            )
            for inputs, outputs in (
                (in_channels, config.base),
                (config.base, in_channels),
            )
        )
    return encoder, decoder
