import numpy as np
import pytest
import torch

from napari_sciml.prediction.blockwise import predict_blocks
from napari_sciml.uncertainty.statistics import mutual_information

SHAPES = {2: (41, 37), 3: (9, 16, 13)}


def blocks_of(ensemble, image, block):
    return [e for e in predict_blocks(ensemble, image, block=block) if e is not None]


@pytest.mark.parametrize("classes", [("background", "fiber"), ("a", "b", "c")])
@pytest.mark.parametrize("dims", [2, 3])
def test_blocks_tell_what_the_members_disagree_about(make_ensemble, dims, classes):
    ensemble = make_ensemble(dims, classes=classes)
    image = np.random.default_rng(0).integers(0, 255, SHAPES[dims], np.uint8)
    gray = torch.from_numpy(ensemble.intensity.apply(image))
    with torch.inference_mode():
        channels = ensemble.channels(gray)
        rows = [torch.softmax(net(channels)[0], 0) for net in ensemble.members]
    expected = mutual_information(torch.stack(rows).double()).numpy()
    found = np.full(image.shape, np.nan, np.float32)
    for event in blocks_of(ensemble, image, 12):
        assert event.mutual_information.dtype == np.float32
        found[event.tile.core] = event.mutual_information
    assert np.allclose(found, expected, atol=1e-5)
    assert expected.max() > 1e-3


def test_one_network_agrees_with_itself(make_ensemble):
    image = np.random.default_rng(0).integers(0, 255, (20, 20), np.uint8)
    (event,) = blocks_of(make_ensemble(2, members=1), image, 20)
    assert np.allclose(event.mutual_information, 0, atol=1e-6)
