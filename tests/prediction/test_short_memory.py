"""What does not fit into the memory of the device is predicted in halves."""

import numpy as np
import pytest
import torch
from torch import nn

from napari_sciml.errors import InputError
from napari_sciml.images.tiles import Tile
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.prediction.blockwise import (
    TOO_LITTLE,
    BlockPredicted,
    predict,
    predict_blocks,
)
from napari_sciml.prediction.viewport import Viewport, ViewportMailbox
from napari_sciml.prediction.viewport_scheduler import ViewportScheduler, _joined
from napari_sciml.workflows.prediction.arrays import predict_volume

SHAPES = {2: (61, 47), 3: (19, 26, 23)}
ERRORS = {
    "cuda": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"),
    "mps": lambda: RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"),
    "cpu": lambda: RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate "
                                "memory: you tried to allocate 9 bytes"),
    "numpy": lambda: MemoryError("Unable to allocate 9 GiB"),
}  # fmt: skip


class Hungry(nn.Module):
    """A network that has room for so many voxels only."""

    def __init__(self, network, most, error) -> None:
        super().__init__()
        self.network, self.most, self.error = network, most, error
        self.radius, self.stride = network.radius, network.stride
        self.dims, self.reach = network.dims, network.reach
        self.tried: list[int] = []

    def forward(self, channels):
        voxels = channels[0, 0].numel()
        self.tried.append(voxels)
        if voxels > self.most:
            raise self.error()
        return self.network(channels)


def hungry(ensemble: Ensemble, most: int, error=ERRORS["cuda"]) -> Ensemble:
    """The same ensemble; the members but the first one need much memory."""
    first, *others = ensemble.members
    return Ensemble(
        [first, *(Hungry(member, most, error) for member in others)],
        front=ensemble.front,
        intensity=ensemble.intensity,
        class_names=ensemble.class_names,
    )


def raw(shape):
    return np.random.default_rng(0).integers(0, 255, shape, np.uint8)


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("dims", [2, 3])
def test_halves_give_the_same(make_ensemble, dims, error) -> None:
    image, plain = raw(SHAPES[dims]), make_ensemble(dims)
    most = image.size // 2
    scarce = hungry(plain, most, ERRORS[error])
    blocks = [b for b in predict_blocks(scarce, image, block=99) if b]
    assert len(blocks) == 1
    assert blocks[0].halved
    assert max(scarce.members[1].tried) > most
    (whole,) = (b for b in predict_blocks(plain, image, block=99) if b)
    assert not whole.halved
    for name in ("mean", "std", "mutual_information"):
        found, expected = getattr(blocks[0], name), getattr(whole, name)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_did_not_fit_is_not_tried_again(make_ensemble) -> None:
    image = raw((80, 80))
    scarce = hungry(make_ensemble(2), 1500)
    list(predict_blocks(scarce, image, block=40))
    assert sum(voxels > 1500 for voxels in scarce.members[1].tried) <= 2


def test_the_smallest_block_does_not_fit(make_ensemble) -> None:
    with pytest.raises(InputError) as caught:
        predict(hungry(make_ensemble(2), 10), raw(SHAPES[2]))
    assert str(caught.value) == TOO_LITTLE


def test_another_error_is_told_as_it_is(make_ensemble) -> None:
    broken = hungry(make_ensemble(2), 10, lambda: RuntimeError("a wrong shape"))
    with pytest.raises(RuntimeError, match="a wrong shape"):
        predict(broken, raw(SHAPES[2]))


def test_the_shown_slice_in_halves(make_ensemble) -> None:
    image, plain = raw((12, 60, 50)), make_ensemble(3, members=2)
    region = (slice(5, 6), slice(0, 60), slice(0, 50))
    view = Viewport(region, (5.0, 30.0, 25.0))
    scheduler = ViewportScheduler(image, ViewportMailbox(view), torch.device("cpu"))
    scheduler.use(hungry(plain, 20_000), 1)
    block = next(b for b in iter(scheduler.advance, 0) if b is not None)
    assert block.tile.core == region
    assert block.halved
    expected = predict(plain, image).mean[:, 5:6]
    np.testing.assert_allclose(block.mean, expected, atol=0.03)


def test_a_pass_remembers_what_did_not_fit(make_ensemble) -> None:
    """In the viewer each tile comes by itself; only the first one fails."""
    image, room = raw((24, 40, 40)), 9000
    scarce = hungry(make_ensemble(3, members=2), room)
    blocks = [
        b for b in predict_volume(scarce, image, ViewportMailbox(), block=20) if b
    ]
    assert len(blocks) == 8
    assert all(b.halved for b in blocks)
    assert failed_once(scarce.members[1].tried, room)
    scheduler = ViewportScheduler(image, ViewportMailbox(), torch.device("cpu"))
    scarce.members[1].tried.clear()
    scheduler.use(scarce, 1)
    while not scheduler.complete:
        scheduler.advance()
    assert failed_once(scarce.members[1].tried, room)


def failed_once(tried, room) -> bool:
    """Whether each size that did not fit was smaller than the one before."""
    failed = [voxels for voxels in tried if voxels > room]
    return failed == sorted(set(failed), reverse=True)


def test_a_window_of_parts_is_halved_if_any_of_them_was() -> None:
    def part(start: int, halved: bool) -> BlockPredicted:
        core = (slice(start, start + 4), slice(0, 3))
        values = np.zeros((2, 4, 3), np.float32)
        return BlockPredicted(
            Tile(core, core), values, values, values[0], 1, 2, halved=halved
        )

    (some,), (none,) = (_joined([part(0, False), part(4, h)]) for h in (True, False))
    assert some.halved
    assert not none.halved
