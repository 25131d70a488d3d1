"""Trees that answer twice: the second time knowing what the first said around.

The first stage sees the channels of `FilterBank`. The second one sees them again, and
the first one's probabilities around the voxel and along the fiber ("auto-context": Tu,
CVPR 2008). Where it was trained, these came from trees that had not seen the voxel
(out of bag).
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Frame, Tile
from napari_sciml.networks.trees.context import Context
from napari_sciml.networks.trees.filter_bank import FilterBank
from napari_sciml.networks.trees.forest import DAMAGED, Forest
from napari_sciml.networks.trees.forest_block import GROUPS, ForestBlock
from napari_sciml.networks.trees.kept_rows import KeptRows

if TYPE_CHECKING:
    import numpy as np

    from napari_sciml.networks.trees.examples import Examples


class TwoStageForest(nn.Module):
    """Two stages of trees, each in groups.

    Parameters
    ----------
    first, second
        The stages; both have a multiple of `GROUPS` trees.
    dims, spacing, inputs
        As in `FilterBank`.

    Attributes
    ----------
    examples
        What they learned from, where that is at hand; no part of the weights.

    Raises
    ------
    InputError
        When the stages do not fit each other.
    """

    def __init__(
        self,
        first: Forest,
        second: Forest,
        *,
        dims: int,
        spacing: Sequence[float] | None = None,
        inputs: int = 1,
    ) -> None:
        super().__init__()
        self.bank = FilterBank(dims, spacing=spacing, inputs=inputs)
        self.context = Context(self.bank, first.classes, spacing)
        self.first, self.second = first, second
        self.dims, self.classes, self.inputs = dims, first.classes, inputs
        self.spacing = None if spacing is None else tuple(map(float, spacing))
        self.examples: Examples | None = None
        wanted = self.bank.channels, self.bank.channels + self.context.channels
        trees = [len(forest.nodes) for forest in (first, second)]
        if (
            (first.features, second.features) != wanted
            or second.classes != first.classes
            or any(count % GROUPS for count in trees)
        ):
            raise InputError(DAMAGED)

    @property
    def members(self) -> int:
        """Groups of both stages."""
        return 2 * GROUPS

    @property
    def halo(self) -> tuple[int, ...]:
        """Voxels an axis around a block that its prediction depends on."""
        pairs = zip(self.bank.reach, self.context.reach, strict=True)
        return tuple(a + b for a, b in pairs)

    def probabilities(
        self,
        gray: Tensor,
        tile: Tile,
        frame: Frame,
        kept: KeptRows | None = None,
    ) -> "Iterator[np.ndarray | None]":
        """Predict a block, slab by slab.

        Parameters
        ----------
        gray
            ``(…)`` or ``(…, channel)`` float32, of ``tile.read``, which holds `halo`
            round ``tile.core`` but for what lies outside of the image.
        tile
            The block.
        frame
            Of the image.
        kept
            Channels of earlier calls for the same image.

        Yields
        ------
        ndarray or None
            None after each slab; at the end the probabilities ``(member, class, …)``
            float32 of ``tile.core``: groups of the first stage, then of the second.
        """
        image = gray[None] if gray.ndim == self.dims else gray.movedim(-1, 0)
        work = ForestBlock(self, image, tile, frame, kept)
        for _ in work.first():
            yield None
        yield work.second()

    def hasty_probabilities(
        self, gray: Tensor, tile: Tile, frame: Frame
    ) -> "np.ndarray":
        """Predict a block by the first stage alone.

        For a slice of a volume this takes a tenth of the time: the second stage looks
        at some slices above and below, and needs channels there.

        Parameters
        ----------
        gray, tile, frame
            As in `probabilities`, but ``tile.read`` holds ``bank.reach`` round the
            block.

        Returns
        -------
        ndarray
            ``(group, class, …)`` float32 of ``tile.core``.
        """
        image = gray[None] if gray.ndim == self.dims else gray.movedim(-1, 0)
        return ForestBlock(self, image, tile, frame, None).hasty()

    def check(self) -> None:
        """Make sure that the arrays are trees; see `Forest.check`."""
        self.first.check()
        self.second.check()

    def description(self) -> dict[str, Any]:
        """What `from_description` needs, JSON-able."""
        return {
            "dims": self.dims,
            "spacing": None if self.spacing is None else list(self.spacing),
            "inputs": self.inputs,
            "first": self.first.description(),
            "second": self.second.description(),
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "TwoStageForest":
        """Make room for trees whose arrays come separately."""
        return cls(
            Forest.from_description(description["first"]),
            Forest.from_description(description["second"]),
            dims=int(description["dims"]),
            spacing=description["spacing"],
            inputs=int(description["inputs"]),
        )
