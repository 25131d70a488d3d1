"""All parts of an explanation together, and what cannot be explained."""

import threading
from itertools import islice

import numpy as np
import pytest
import torch

import napari_sciml as ns
from napari_sciml.annotation.scribbles import as_scribbles
from napari_sciml.errors import InputError
from napari_sciml.explaining.panel import Panel
from napari_sciml.explaining.place import region_at
from napari_sciml.explaining.preparing import Preparation
from napari_sciml.explaining.saliency import salient
from napari_sciml.explaining.session import Explaining, explain_steps
from napari_sciml.images.channels import ChannelImage
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.networks.custom import CustomNetwork
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.prediction.blockwise import predict
from napari_sciml.progress import exhaust


def test_everything_is_told(mixed_model) -> None:
    image, labels, ensemble = mixed_model(2)
    found = ns.explain(ensemble, image, (40, 50), labels)
    voices = found.voices
    assert len(voices.members) == 8 + 2
    assert sum(member.weight for member in voices.members) == pytest.approx(1)
    expected = predict(ensemble, image).mean[:, 40, 50]
    np.testing.assert_allclose(voices.mean, expected, atol=1e-3)
    assert voices.class_index == expected.argmax() == voices.predicted
    assert voices.sentence.count("trees") == voices.sentence.count("networks") == 1
    assert found.occlusion.image.shape == (45, 45)
    assert len(found.channels.kinds) == 3
    assert len(found.strokes) == 5


def test_without_labels_channels_are_asked_around(mixed_model) -> None:
    image, _, ensemble = mixed_model(2)
    found = ns.explain(ensemble, image, (40, 50))
    assert found.strokes is None
    assert not found.channels.labeled
    assert found.channels.kinds


def test_the_parts_come_one_by_one(mixed_model) -> None:
    """What is known at once comes first; the longest part last, unless others wait."""
    image, labels, ensemble = mixed_model(2)
    prepared = Preparation(ensemble, image, as_scribbles(labels))
    for kinds in (
        ["Voices", "Occlusion", "Strokes", "ChannelReport"],
        ["Voices", "Strokes", "ChannelReport", "Occlusion"],
    ):
        events = list(explain_steps(ensemble, image, (40, 50), prepared=prepared))
        done = [event.done for event in events if isinstance(event, Explaining)]
        assert done == sorted(done)
        told = [type(e).__name__ for e in events if not isinstance(e, Explaining)]
        assert told == kinds
    without = list(explain_steps(ensemble, image, (40, 50)))
    told = [type(e).__name__ for e in without if not isinstance(e, Explaining)]
    assert told == ["Voices", "Occlusion", "ChannelReport"]


def test_a_class_can_be_asked_for(mixed_model) -> None:
    image, _, ensemble = mixed_model(2)
    both = [
        ns.explain(ensemble, image, (40, 50), config=ns.ExplainConfig(class_name=name))
        for name in ensemble.class_names
    ]
    a, b = (one.occlusion.change for one in both)
    np.testing.assert_allclose(a, -b, atol=1e-6)


def test_the_model_stays_as_it_is(mixed_model) -> None:
    image, labels, ensemble = mixed_model(2)
    before = {k: v.clone() for k, v in ensemble.state_dict().items()}
    ns.explain(ensemble, image, (40, 50), labels)
    panel = Panel(ensemble, image)
    core = region_at((40, 50), image.shape)
    exhaust(salient(panel, core, panel.tile(core).read, 1, 0))
    for name, value in ensemble.state_dict().items():
        assert torch.equal(value, before[name])
    assert all(p.grad is None for p in ensemble.networks.parameters())


def test_a_network_of_ones_own_is_explained(fibers) -> None:
    image, labels, _ = fibers(2)
    front = ScaleSpace(2, ())
    module = torch.nn.Conv2d(1, 2, 5, padding=2)
    own = CustomNetwork(module, name="mine", dims=2, in_channels=1, classes=2, radius=2)
    ensemble = Ensemble(
        [own],
        front=front,
        intensity=IntensityScale(100, 0.02),
        class_names=("background", "fiber"),
    )
    config = ns.ExplainConfig(edge=1)
    found = ns.explain(ensemble, image, (40, 50), labels, config=config)
    assert [one.name for one in found.channels.kinds] == ["gray value"]
    assert found.occlusion.change.shape == (5, 5)


def test_several_channels_are_told_apart(make_ensemble, fibers) -> None:
    image, labels, _ = fibers(2)
    noise = np.random.default_rng(0).normal(100, 20, image.shape)
    both = ChannelImage(np.stack([noise, image]).astype(np.float32), 0)
    session = ns.LiveSession(both, threads=1)
    session.update(labels)
    found = ns.explain(session._shown(), both, (40, 50), labels)
    assert found.channels.kinds[0].name.startswith("channel 2: ")


def test_saliency_is_the_gradient(make_ensemble) -> None:
    """Without noise, what a small change of a voxel does to the log-odds."""
    image = np.random.default_rng(0).normal(100, 20, (41, 41)).astype(np.float32)
    ensemble, at = make_ensemble(2, members=1), (20, 20)
    panel, core = Panel(ensemble, image), region_at(at, (41, 41))
    import napari_sciml.explaining.saliency as module

    noise, module.NOISE = module.NOISE, 0.0
    try:
        window = (slice(15, 26), slice(15, 26))
        found = exhaust(salient(panel, core, window, 1, 0))
    finally:
        module.NOISE = noise
    step = 1.0  # gray value
    for place in [(20, 20), (18, 21), (23, 23)]:
        sides = []
        for sign in (1, -1):
            moved = image.copy()
            moved[place] += sign * step / ensemble.intensity.scale * 0.01
            seen = exhaust(panel_of(ensemble, moved, core))
            sides.append(seen)
        expected = abs(sides[0] - sides[1]) / (0.02 * step)
        own = found[place[0] - 15, place[1] - 15]
        assert own == pytest.approx(expected, rel=0.05, abs=1e-3)


def panel_of(ensemble, image, core):
    from napari_sciml.explaining.panel import log_odds

    panel = Panel(ensemble, image)
    tile = panel.tile(core)
    seen = yield from panel.look(panel.read(tile)[None], tile)
    answers = yield from panel.answer(seen, core)
    return float(log_odds(answers, panel.weights, 1)[0])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"at": (40, 96)}, "lies outside of the image"),
        ({"labels": np.zeros((96, 96), np.uint8)}, "There are no labels"),
        ({"labels": np.ones((9, 9), np.uint8)}, "The labels have shape (9, 9)"),
        ({"labels": np.full((96, 96), 3, np.uint8)}, "hold the value 3"),
        ({"image": np.zeros((9, 9, 9), np.float32)}, "The model is for 2D images"),
        (
            {"image": ChannelImage(np.zeros((96, 96, 2), np.float32))},
            "trained on images with gray values",
        ),
        ({"config": ns.ExplainConfig(class_name="sand")}, "has no class 'sand'"),
        ({"image": np.full((96, 96), np.nan, np.float32)}, "NaN"),
    ],
)
def test_what_cannot_be_explained_is_told(tree_case, change, sentence) -> None:
    image, labels, _, ensemble = tree_case(2)
    given = {"image": image, "at": (40, 50), "labels": labels, **change}
    with pytest.raises(InputError) as raised:
        ns.explain(ensemble, **given)
    assert sentence in str(raised.value)


@pytest.mark.parametrize("steps", [0, 5, 30, 10_000])
def test_a_preparation_goes_on_where_it_was_left(mixed_model, steps) -> None:
    image, labels, ensemble = mixed_model(2)
    prepared = Preparation(ensemble, image, as_scribbles(labels))
    begun = list(islice(prepared.finish(), steps))
    assert (prepared.channels is not None) == (steps > len(begun))
    left = [
        exhaust(explain_steps(ensemble, image, place, prepared=prepared))
        for place in ((9, 9), (40, 50))
    ]
    assert not list(prepared.finish())
    without = ns.explain(ensemble, image, (40, 50), labels)
    assert left[1].channels == without.channels
    assert left[1].strokes == without.strokes


def test_a_preparation_may_be_gone_on_with_by_two_at_once(mixed_model) -> None:
    image, labels, ensemble = mixed_model(2)
    prepared = Preparation(ensemble, image, as_scribbles(labels))
    other = threading.Thread(target=lambda: exhaust(prepared.finish()))
    other.start()
    found = exhaust(explain_steps(ensemble, image, (40, 50), prepared=prepared))
    other.join()
    without = ns.explain(ensemble, image, (40, 50), labels)
    assert found.channels == without.channels
    assert found.strokes == without.strokes


def test_a_preparation_that_failed_tells_everybody(tree_case) -> None:
    image, _, _, ensemble = tree_case(2)
    prepared = Preparation(ensemble, image, as_scribbles(np.ones((9, 9), np.uint8)))
    for _ in range(2):
        with pytest.raises(InputError, match="The labels have shape"):
            exhaust(prepared.finish())
