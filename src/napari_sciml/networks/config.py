"""What can be set for a network; importing it does not import torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from napari_sciml.networks.graph import GraphLaw


class SMSNetConfig(BaseModel):
    """How a sparse mixed-scale network is built."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["smsnet"] = "smsnet"
    law: GraphLaw | None = Field(
        None,
        description="Law that the graph is drawn from; none = one whose graphs have "
        "about 45,000 parameters, with 4 nodes in 3D and 8 in 2D.",
    )
    width: int = Field(
        16,
        ge=1,
        le=256,
        description="Channels that an edge makes; multiples of 16 run fastest.",
    )
    combine: Literal["sum", "concat"] = Field(
        "sum",
        description="A node adds what its edges bring (all nodes equally wide, made "
        "for the hardware), or strings it together (the paper's form).",
    )
    parameters: int | None = Field(
        45_000,
        ge=100,
        description="Graphs are drawn until the network has this many parameters, "
        "give or take 10 %; none = take the first one.",
    )
