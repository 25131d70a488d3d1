import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.networks.build import build_network
from napari_sciml.networks.config import (
    MSDNetConfig,
    SMSNetConfig,
    TUNet3PlusConfig,
    TUNetConfig,
)
from napari_sciml.networks.device import has_fast_bfloat16
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.prediction.blockwise import predict, predict_blocks

SHAPES = {2: (61, 47), 3: (19, 26, 23)}


def raw(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 255, shape, np.uint8)


def member_probabilities(ensemble, image):
    """All at once, member by member: ``(member, class, …)``."""
    gray = torch.from_numpy(ensemble.intensity.apply(image))
    with torch.inference_mode():
        channels = ensemble.channels(gray)
        rows = [torch.softmax(net(channels)[0], 0) for net in ensemble.members]
    return torch.stack(rows).numpy()


@pytest.mark.parametrize("sigmas", [(), (1.0, 2.0)])
@pytest.mark.parametrize("block", [5, 16, 100, None])
@pytest.mark.parametrize("dims", [2, 3])
def test_blocks_do_not_show(make_ensemble, dims, block, sigmas):
    ensemble, image = make_ensemble(dims, sigmas=sigmas), raw(SHAPES[dims])
    if (dims, block) == (3, 5):
        image = image[:9, :11, :12]  # many small blocks with wide halos are slow
    expected = member_probabilities(ensemble, image)
    prediction = predict(ensemble, image, block=block)
    assert prediction.mean.dtype == prediction.std.dtype == np.float32
    assert np.allclose(prediction.mean, expected.mean(0), atol=1e-5)
    assert np.allclose(prediction.std, expected.std(0, ddof=1), atol=1e-5)
    assert expected.std(0).mean() > 1e-3


def test_blocks_do_not_show_with_default_networks():
    """The widest halo: three scales and dilations up to 4."""
    from napari_sciml.networks.sparse.smsnet import SMSNetConfig, build_smsnet

    network = build_smsnet(SMSNetConfig(), in_channels=16, classes=2, dims=3, seed=1)
    ensemble = Ensemble(
        [network],
        front=ScaleSpace(3),
        intensity=IntensityScale(128, 0.01),
        class_names=("background", "fiber"),
    )
    image = raw((60, 20, 20))
    whole, parts = (
        predict(ensemble, image, block=60),
        predict(ensemble, image, block=20),
    )
    assert np.allclose(whole.mean, parts.mean, atol=1e-5)
    assert not whole.std.any()


@st.composite
def regions(draw, shape):
    starts = [draw(st.integers(0, n - 1)) for n in shape]
    return tuple(
        slice(a, draw(st.integers(a + 1, n)))
        for a, n in zip(starts, shape, strict=True)
    )


@pytest.fixture
def whole(make_ensemble):
    ensemble, image = make_ensemble(2), raw(SHAPES[2])
    return ensemble, image, predict(ensemble, image, block=99)


def test_region_and_center(whole):
    ensemble, image, expected = whole

    @settings(deadline=None, max_examples=30)
    @given(regions(SHAPES[2]), st.integers(3, 40), st.tuples(*[st.floats(-5, 70)] * 2))
    def check(region, block, center):
        events = predict_blocks(
            ensemble, image, block=block, region=region, center=center
        )
        blocks = [event for event in events if event is not None]
        times = np.zeros(image.shape, int)
        for event in blocks:
            times[event.tile.core] += 1
            for found, all_of_it in (
                (event.mean, expected.mean),
                (event.std, expected.std),
            ):
                assert np.allclose(found, all_of_it[:, *event.tile.core], atol=1e-5)
        inside = np.zeros(image.shape, int)
        inside[region] = 1
        assert np.array_equal(times, inside)
        distances = [np.hypot(*np.subtract(b.tile.center, center)) for b in blocks]
        assert distances == sorted(distances)
        assert [b.done for b in blocks] == list(range(1, len(blocks) + 1))
        assert {b.total for b in blocks} == {len(blocks)}

    check()


def test_only_the_halo_around_a_region_is_read(make_ensemble):
    ensemble = make_ensemble(2)
    image = np.zeros((200, 200), np.float32)
    image[:] = np.nan
    near = slice(100 - max(ensemble.halo), 105 + max(ensemble.halo))
    image[near, near] = 1
    region = (slice(100, 105),) * 2
    (event,) = (e for e in predict_blocks(ensemble, image, region=region) if e)
    assert np.isfinite(event.mean).all()


def test_gradient_mode_does_not_leak(make_ensemble):
    ensemble, image = make_ensemble(2), raw(SHAPES[2])
    kinds = []
    for event in predict_blocks(ensemble, image, block=40):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
        kinds.append("member" if event is None else "block")
    assert kinds == ["member", "member", "member", "block"] * 4


@pytest.mark.parametrize("steps", [0, 1, 3, 4, 5])
def test_closed_half_way(make_ensemble, steps):
    events = predict_blocks(make_ensemble(2), raw(SHAPES[2]), block=30)
    for _ in range(steps):
        next(events)
    events.close()
    assert next(events, "ended") == "ended"
    assert not torch.is_inference_mode_enabled()


def test_progress(make_ensemble):
    calls = []
    predict(
        make_ensemble(2),
        raw(SHAPES[2]),
        block=40,
        progress=lambda done, total: calls.append((done, total)),
    )
    assert calls == [(1, 4), (2, 4), (3, 4), (4, 4)]


@pytest.mark.parametrize(("dims", "shape"), [(2, (5, 6, 7)), (3, (5, 6))])
def test_wrong_number_of_axes(make_ensemble, dims, shape):
    with pytest.raises(InputError, match=f"trained on {dims}D images"):
        predict(make_ensemble(dims), raw(shape))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (1, 1, 1), (2, 3, 1)])
def test_tiny_images(make_ensemble, shape):
    mean = predict(make_ensemble(len(shape)), raw(shape)).mean
    assert mean.shape == (2, *shape)
    assert np.allclose(mean.sum(0), 1)


def ensemble_of(dims, *configs, sigmas=(1.0,)):
    front = ScaleSpace(dims, sigmas)
    return Ensemble(
        [
            build_network(
                config, in_channels=front.channels, classes=2, dims=dims, seed=seed
            )
            for seed, config in enumerate(configs)
        ],
        front=front,
        intensity=IntensityScale(offset=100.0, scale=0.02),
        class_names=("background", "fiber"),
    )


POOLING = {
    "tunet": (TUNetConfig(depth=3, base=4),),
    "tunet3plus": (TUNet3PlusConfig(depth=3, base=4, carry=3),),
    "all": (
        MSDNetConfig(layers=2, width=4),
        TUNetConfig(depth=2, base=4),
        TUNet3PlusConfig(depth=3, base=3),
    ),
}


@pytest.mark.parametrize("kind", POOLING)
def test_blocks_do_not_show_where_networks_pool_2d(kind):
    ensemble = ensemble_of(2, *POOLING[kind])

    @settings(deadline=None, max_examples=12)
    @given(st.tuples(st.integers(1, 70), st.integers(1, 70)), st.integers(11, 50))
    def check(shape, block):
        image = raw(shape)
        expected = member_probabilities(ensemble, image).mean(0)
        found = predict(ensemble, image, block=block).mean
        assert np.allclose(found, expected, atol=1e-5)

    check()


@pytest.mark.parametrize(
    ("shape", "block"), [((61, 9, 11), 13), ((9, 8, 70), 29), ((1, 53, 2), 10)]
)
@pytest.mark.parametrize("kind", POOLING)
def test_blocks_do_not_show_where_networks_pool_3d(kind, shape, block):
    ensemble, image = ensemble_of(3, *POOLING[kind], sigmas=()), raw(shape)
    expected = member_probabilities(ensemble, image).mean(0)
    assert np.allclose(predict(ensemble, image, block=block).mean, expected, atol=1e-5)


def test_region_where_networks_pool():
    ensemble, image = ensemble_of(2, *POOLING["all"]), raw((71, 64))
    expected = member_probabilities(ensemble, image).mean(0)
    region = (slice(33, 51), slice(2, 63))
    for event in predict_blocks(ensemble, image, block=17, region=region):
        if event is not None:
            assert np.allclose(event.mean, expected[:, *event.tile.core], atol=1e-5)


@pytest.mark.parametrize("dims", [2, 3])
def test_half_precision_is_near(make_ensemble, dims):
    """And the same where half width is not native, as it would be slower there."""
    ensemble, image = make_ensemble(dims), raw(SHAPES[dims])
    exact, near = (
        predict(ensemble, image, half=half, device="cpu").mean for half in (False, True)
    )
    assert near.dtype == np.float32
    difference = np.abs(near - exact).max()
    assert difference < 0.02
    assert (difference > 0) == has_fast_bfloat16(torch.device("cpu"))


FLAT = (1e9, 1.0, 1.0)


@pytest.mark.parametrize(
    "config",
    [
        SMSNetConfig(),
        MSDNetConfig(layers=2, width=8),
        TUNetConfig(depth=2, base=4),
        TUNet3PlusConfig(depth=2, base=4),
    ],
    ids=lambda config: config.kind,
)
@pytest.mark.parametrize("sigmas", [(), (1.0,)])
def test_slices_that_do_not_matter_are_not_read(config, sigmas):
    front = ScaleSpace(3, sigmas, spacing=FLAT)
    network = build_network(
        config,
        **{"in_channels": front.channels, "classes": 2, "dims": 3},
        seed=0,
        spacing=FLAT,
    )
    ensemble = Ensemble(
        [network],
        front=front,
        intensity=IntensityScale(128, 0.01),
        class_names=("background", "fiber"),
    )
    slices = front.reach[0]
    radius = front.radius + network.radius
    assert ensemble.halo == (slices, radius, radius)
    image = raw((7, 24, 25))
    tile = next(e.tile for e in predict_blocks(ensemble, image, block=5) if e)
    assert tile.read[0] == slice(0, tile.core[0].stop + slices)
    whole, parts = (predict(ensemble, image, block=b).mean for b in (30, 5))
    assert np.allclose(whole, parts, atol=1e-5)
