"""Trees that answer twice: the second time knowing what the first said around.

The first stage sees the channels of `FilterBank`. The second one sees them again, and
the first one's probabilities around the voxel and along the fiber ("auto-context": Tu,
CVPR 2008). Where it was trained, these came from trees that had not seen the voxel
(out of bag). Into what comes out a linear model of the channels has its say.
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
from napari_sciml.networks.trees.linear import LinearModel

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
    linear
        Beside the trees; earlier models have none.

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
        linear: LinearModel | None = None,
    ) -> None:
        super().__init__()
        self.bank = FilterBank(dims, spacing=spacing, inputs=inputs)
        self.context = Context(self.bank, first.classes, spacing)
        self.first, self.second, self.linear = first, second, linear
        self.dims, self.classes, self.inputs = dims, first.classes, inputs
        self.spacing = None if spacing is None else tuple(map(float, spacing))
        self.examples: Examples | None = None
        wanted = self.bank.channels, self.bank.channels + self.context.channels
        trees = [len(forest.nodes) for forest in (first, second)]
        if (
            (first.features, second.features) != wanted
            or second.classes != first.classes
            or any(count % GROUPS for count in trees)
            or not self._fits(linear)
        ):
            raise InputError(DAMAGED)

    def _fits(self, linear: LinearModel | None) -> bool:
        wanted = self.bank.channels, self.classes
        return linear is None or (linear.features, linear.classes) == wanted

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
        if self.linear is not None:
            self.linear.check()

    def description(self) -> dict[str, Any]:
        """What `from_description` needs, JSON-able."""
        linear = {} if self.linear is None else {"linear": self.linear.description()}
        return {
            "dims": self.dims,
            "spacing": None if self.spacing is None else list(self.spacing),
            "inputs": self.inputs,
            "first": self.first.description(),
            "second": self.second.description(),
            **linear,
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> "TwoStageForest":
        """Make room for trees whose arrays come separately."""
        linear = description.get("linear")
        return cls(
            Forest.from_description(description["first"]),
            Forest.from_description(description["second"]),
            dims=int(description["dims"]),
            spacing=description["spacing"],
            inputs=int(description["inputs"]),
            linear=None if linear is None else LinearModel.from_description(linear),
        )
