"""A first look is shown, said to be one, and not taken for the whole answer."""

import numpy as np

from napari_sciml.images.tiles import Tile
from napari_sciml.plugin.state.prediction_volume import PredictionVolume
from napari_sciml.plugin.train.status import Phase, TrainingStatus
from napari_sciml.prediction.blockwise import BlockPredicted

CORE = (slice(1, 2), slice(0, 4), slice(0, 4))


def block(*, hasty: bool) -> BlockPredicted:
    mean = np.full((2, 1, 4, 4), 0.5, np.float32)
    flat = np.zeros((1, 4, 4), np.float32)
    return BlockPredicted(
        Tile(CORE, CORE), mean, 0 * mean, flat, done=0, total=1, hasty=hasty
    )


def test_it_is_known_but_not_current() -> None:
    volume = PredictionVolume((3, 4, 4), ("background", "fiber"))
    volume.write(block(hasty=True))
    assert volume.known[CORE].all()
    assert not volume.current.any()
    volume.write(block(hasty=False))
    assert volume.current[CORE].all()


def test_the_dock_says_so_until_the_whole_answer_is_there() -> None:
    status = TrainingStatus(Phase.TRAINING, hasty=True)
    said = status.sentence(complete=False, has_model=False)
    assert said.startswith("A first look")
    status.hasty = False
    assert "first look" not in status.sentence(complete=False, has_model=True)
