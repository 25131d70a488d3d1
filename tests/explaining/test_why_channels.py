"""What the model goes by is named."""

import numpy as np
import pytest

from napari_sciml.annotation.scribbles import as_scribbles
from napari_sciml.explaining.channels import ask_channels
from napari_sciml.explaining.lessons import choose_voxels, learn
from napari_sciml.explaining.names import (
    GRAY,
    SHAPE,
    kinds_of,
    network_channels,
    tree_channels,
)
from napari_sciml.explaining.panel import Panel
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.networks.trees.filter_bank import FilterBank
from napari_sciml.progress import exhaust


def report_of(ensemble, image, labels):
    panel = Panel(ensemble, image)
    lessons = exhaust(learn(panel, as_scribbles(labels), 0))
    return exhaust(ask_channels(panel, lessons, 0))


@pytest.mark.parametrize(("told_by", "kind"), [("gray", GRAY), ("shape", SHAPE)])
@pytest.mark.parametrize("seed", [0, 1])
def test_trees_name_what_tells_the_fibers(
    lines_and_discs, tree_model, told_by, kind, seed
) -> None:
    image, labels, _ = lines_and_discs(told_by, seed)
    found = report_of(tree_model(image, labels), image, labels)
    assert found.kinds[0].name == kind
    assert found.kinds[0].drop > 0.1
    assert found.sentence.startswith(f"Mostly: {kind}")
    assert found.labeled
    names = {one.name for one in tree_channels(FilterBank(2)) if one.kind == kind}
    assert found.channels[0].name in names


@pytest.mark.parametrize(("told_by", "kind"), [("gray", GRAY), ("shape", SHAPE)])
def test_networks_name_what_tells_the_fibers(lines_and_discs, told_by, kind) -> None:
    from napari_sciml.networks.config import SMSNetConfig
    from napari_sciml.training.config import TrainingConfig
    from napari_sciml.training.session import train

    image, labels, _ = lines_and_discs(told_by)
    config = TrainingConfig(
        members=1, steps=120, threads=1, network=SMSNetConfig(parameters=5000)
    )
    ensemble = exhaust(train(image, labels, config))
    found = report_of(ensemble, image, labels)
    assert found.kinds[0].name == kind


@pytest.mark.parametrize("inputs", [1, 2])
@pytest.mark.parametrize("dims", [2, 3])
def test_every_channel_has_a_name(dims, inputs) -> None:
    front = ScaleSpace(dims, (1.0, 2.5), inputs=inputs)
    bank = FilterBank(dims, inputs=inputs)
    assert len(network_channels(front)) == front.channels
    assert len(tree_channels(bank)) == bank.channels
    assert "tube-ness at scale 2.5" in network_channels(front)[9].name


def test_a_slice_of_thick_voxels_has_fewer_channels() -> None:
    bank = FilterBank(3, spacing=(100, 1, 1))
    assert len(tree_channels(bank)) == bank.channels


def test_names_fit_what_the_channels_show() -> None:
    """A bright line and a bright disc, by the channel of the name."""
    import torch

    y, x = np.indices((41, 41)) - 20
    line = (np.abs(y) < 2).astype(np.float32)
    disc = (y**2 + x**2 < 9).astype(np.float32)
    front = ScaleSpace(2, (2.0,))
    names = [channel.name for channel in network_channels(front)]
    seen = [front(torch.from_numpy(i)[None, None])[0, :, 20, 20] for i in (line, disc)]
    of_line, of_disc = (dict(zip(names, v.tolist(), strict=True)) for v in seen)
    assert of_line["tube-ness at scale 2"] > 5 * abs(of_disc["tube-ness at scale 2"])
    assert of_disc["roundness at scale 2"] > 5 * abs(of_line["roundness at scale 2"])
    assert abs(of_disc["blob-ness at scale 2"]) > abs(of_line["blob-ness at scale 2"])


def test_kinds_of_several_channels_are_told_apart() -> None:
    from types import SimpleNamespace

    model = SimpleNamespace(front=ScaleSpace(2, (1.0,), inputs=2), forest=None)
    assert kinds_of(model)[::3] == [f"channel {n}: {GRAY}" for n in (1, 2)]


def test_voxels_are_chosen_from_all_classes_and_strokes() -> None:
    labels = np.zeros((60, 60), np.uint8)
    labels[::4, :50] = 1
    labels[2:50:12, 3:9] = 2
    strokes = as_scribbles(labels)
    chosen = choose_voxels(strokes, 30, 0)
    assert len(chosen) == len(set(chosen.tolist())) == 30
    values = strokes.values[chosen]
    assert np.bincount(values)[1:].tolist() == [15, 15]
    assert len(set(strokes.stroke_numbers[chosen])) == 15 + 4
