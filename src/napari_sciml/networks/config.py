"""What can be set for a network; importing it does not import torch."""

from collections.abc import Mapping
from itertools import cycle, islice
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

MSDNET_LAYERS = {1: 10, 2: 6, 3: 3}
"""Layers of 16 channels that make about 45,000 parameters, by number of axes."""

EdgeWidth = Annotated[int, Field(ge=1, le=256)]

MAX_DILATION = 1000


class GraphLaw(BaseModel):
    """Distribution that graphs are drawn from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nodes: int = Field(4, ge=1, le=500, description="Hidden nodes.")
    alpha: float = Field(
        0.25, ge=0, le=1000, description="Preference for short connections; 0 = none."
    )
    gamma: float = Field(
        0.0, ge=0, le=50, description="Preference for few connections a node; 0 = none."
    )
    k_min: int = Field(1, ge=1, description="Fewest connections that leave a node.")
    k_max: int | None = Field(
        None, ge=1, description="Most connections that leave a node; none = no limit."
    )
    p_input: float = Field(
        0.25, ge=0, le=1, description="Chance of a link from the input (P_IL)."
    )
    p_output: float = Field(
        0.25, ge=0, le=1, description="Chance of a link to the output (P_LO)."
    )
    input_to_output: bool = Field(
        True, description="Link the input directly to the output (IO)."
    )
    dilations: tuple[Annotated[int, Field(ge=1, le=MAX_DILATION)], ...] = Field(
        (1, 2, 3, 4),
        min_length=1,
        max_length=200,
        description="Dilations to choose from, in voxels.",
    )
    dilation_mode: Literal["edge", "node", "cyclic"] = Field(
        "edge",
        description="A dilation drawn for each edge, drawn for each node, or taken "
        "in turn node by node.",
    )

    @model_validator(mode="after")
    def _check(self) -> "GraphLaw":
        if self.k_max is not None and self.k_max < self.k_min:
            raise ValueError("k_max must not be smaller than k_min")
        return self


class SMSNetConfig(BaseModel):
    """How a sparse mixed-scale network is built."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["smsnet"] = "smsnet"
    law: GraphLaw | None = Field(
        None,
        description="Law that the graph is drawn from; none = one whose graphs have "
        "about 45,000 parameters, with 4 nodes in 3D and 8 in 2D (more where voxels "
        "are so long along an axis that kernels have one tap there).",
    )
    width: EdgeWidth | tuple[EdgeWidth, ...] = Field(
        16,
        description="Channels that an edge makes, multiples of 16 run fastest; several "
        "= drawn for each edge, only with concat.",
    )
    combine: Literal["sum", "concat"] = Field(
        "sum",
        description="A node adds what its edges bring (all nodes equally wide, made "
        "for the hardware), or strings it together (the paper's form).",
    )
    parameters: int | None = Field(
        45_000,
        ge=100,
        le=1_000_000_000,
        description="Graphs are drawn until the network has this many parameters, "
        "give or take 10 %; none = take the first one. Where a law is given and this "
        "is not, the first one is taken too.",
    )

    @model_validator(mode="before")
    @classmethod
    def _own_law_decides_the_size(cls, data: Any) -> Any:
        # Written down here, so that a stored and reread configuration stays the same.
        if isinstance(data, Mapping) and data.get("law") is not None:
            return {"parameters": None, **data}
        return data

    @model_validator(mode="after")
    def _widths_fit(self) -> Self:
        if isinstance(self.width, tuple) and (self.combine == "sum" or not self.width):
            raise ValueError("several widths need combine = concat, and at least one")
        return self


class MSDNetConfig(BaseModel):
    """How a mixed-scale dense network is built.

    The published form is ``layers=100, width=1, dilations=range(1, 11)``; the
    default has few, wide layers, which run many times faster.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["msdnet"] = "msdnet"
    layers: int | None = Field(
        None,
        ge=1,
        le=200,
        description="Layers, each reading all before it; none = as many as make "
        "about 45,000 parameters with the default width: 3 in 3D, 6 in 2D.",
    )
    width: int = Field(
        16,
        ge=1,
        le=256,
        description="Channels that a layer makes; multiples of 16 run fastest.",
    )
    dilations: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = Field(
        (1, 2, 4),
        min_length=1,
        max_length=200,
        description="Dilations of the layers in voxels, taken in turn.",
    )

    def layer_dilations(self, dims: int) -> tuple[int, ...]:
        """Dilation of each layer."""
        layers = self.layers or MSDNET_LAYERS[dims]
        return tuple(islice(cycle(self.dilations), layers))


class UShapedConfig(BaseModel):
    """What networks with levels of resolution have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    depth: int = Field(3, ge=1, le=7, description="Levels of resolution.")
    base: int = Field(8, ge=1, le=1024, description="Channels at full resolution.")
    growth: float = Field(
        2.0, gt=0, le=8, description="Channels of a level, over those of the finer one."
    )
    hidden: float = Field(
        1.0, gt=0, le=8, description="Channels that leave a level, over those inside."
    )


class TUNetConfig(UShapedConfig):
    """How a tunable U-Net is built."""

    kind: Literal["tunet"] = "tunet"


class TUNet3PlusConfig(UShapedConfig):
    """How a tunable U-Net with full-scale skip connections is built."""

    kind: Literal["tunet3plus"] = "tunet3plus"
    carry: int | None = Field(
        None,
        ge=1,
        le=1024,
        description="Channels that each level hands to each decoder; none = base.",
    )


NetworkConfig = Annotated[
    SMSNetConfig | MSDNetConfig | TUNetConfig | TUNet3PlusConfig,
    Field(discriminator="kind"),
]
"""Any of the networks; `pydantic.TypeAdapter(NetworkConfig)` reads one from JSON."""
