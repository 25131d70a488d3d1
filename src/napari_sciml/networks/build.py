"""Build any network, from a configuration or from a stored description."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch

from napari_sciml.errors import InputError
from napari_sciml.networks.base import ConfiguredNetwork, check_shape
from napari_sciml.networks.config import NetworkConfig, SMSNetConfig
from napari_sciml.networks.custom import CustomNetwork, OwnModules
from napari_sciml.networks.dense.msdnet import MSDNet
from napari_sciml.networks.dense.unet import TUNet
from napari_sciml.networks.dense.unet3plus import TUNet3Plus
from napari_sciml.networks.pixelwise import PixelNet
from napari_sciml.networks.protocol import Network
from napari_sciml.networks.sparse.smsnet import SMSNet, build_smsnet

NETWORKS: dict[str, type[ConfiguredNetwork]] = {
    "msdnet": MSDNet,
    "tunet": TUNet,
    "tunet3plus": TUNet3Plus,
}
KINDS = ("smsnet", *NETWORKS)


def build_network(
    config: NetworkConfig,
    *,
    in_channels: int,
    classes: int,
    dims: int,
    seed: int,
    spacing: Sequence[float] | None = None,
) -> Network:
    """Build a network with weights drawn from a seed.

    Parameters
    ----------
    config
        What the user has set.
    in_channels, classes
        Channels of the input and of the output (class logits).
    dims
        1, 2 or 3 spatial axes.
    seed
        Decides the graph, where it is random, and the weights.
    spacing
        Edge lengths of a voxel, one an axis in any unit, to shape kernels and
        dilations in physical units; None = all alike.

    Raises
    ------
    InputError
        When there is no such network.
    """
    check_shape(in_channels, classes, dims, spacing)
    if isinstance(config, SMSNetConfig):
        return build_smsnet(
            config,
            in_channels=in_channels,
            classes=classes,
            dims=dims,
            seed=seed,
            spacing=spacing,
        )
    kind = _checked_kind(getattr(config, "kind", None), NETWORKS)
    network = NETWORKS[kind](
        config, in_channels=in_channels, classes=classes, dims=dims, spacing=spacing
    )
    network.initialize(torch.Generator().manual_seed(seed))
    return cast("Network", network)


def network_from_description(
    description: Mapping[str, Any], own: OwnModules | None = None
) -> Network:
    """Build the network that a description tells of, to load weights into.

    Parameters
    ----------
    description
        From the network's ``description()``.
    own
        The user's own modules by name, each made by a call with
        ``dims, in_channels, classes``.

    Raises
    ------
    InputError
        When there is no such network, the description is damaged, or an own
        network is not in ``own``.
    """
    found = description.get("kind") if isinstance(description, Mapping) else None
    kind = _checked_kind(found, (*KINDS, PixelNet.kind, "own"))
    try:
        if kind == PixelNet.kind:
            return cast("Network", PixelNet.from_description(dict(description)))
        if kind == "own":
            return CustomNetwork.from_description(dict(description), own)
        if kind == "smsnet":
            return SMSNet.from_description(dict(description))
        return cast("Network", NETWORKS[kind].from_description(dict(description)))
    except InputError:
        raise
    except Exception as error:  # an edited description fails in many ways
        raise InputError(
            f"The description of the network of kind '{kind}' is damaged: {error!r}."
        ) from error


def _checked_kind(kind: Any, known: Sequence[str] | Mapping[str, Any]) -> str:
    if not isinstance(kind, str) or kind not in known:
        raise InputError(
            f"There is no network of the kind {kind!r}; there are: {', '.join(KINDS)}."
        )
    return kind
