"""Training, prediction and model files where only the color tells the classes."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage
from napari_sciml.io.models.folder import load_model, save_model
from napari_sciml.networks.ensemble_description import describe_ensemble
from napari_sciml.prediction.blockwise import predict
from napari_sciml.training.data.augmentation import augment
from napari_sciml.training.data.augmentation_config import AugmentationConfig
from napari_sciml.training.data.channels import ChannelCache
from napari_sciml.training.data.targets import IGNORE
from napari_sciml.training.session import train_to_end

SHAPES = {2: (48, 40), 3: (14, 30, 28)}
MUCH = AugmentationConfig(
    rotation=30, elastic=2, blur=1, gamma=0.2, gain=0.2, offset=0.2, noise=0.1, cutout=1
)


def colored(dims):
    """Channels first, of equal sum everywhere; labels; where the second is brighter."""
    rng = np.random.default_rng(0)
    shape = SHAPES[dims]
    truth = np.zeros(shape, bool)
    truth[..., 10:20, 8:] = True
    texture = rng.normal(0, 25, shape)
    first = np.where(truth, 90, 160) + texture
    image = np.stack([first, 250 - first, rng.normal(100, 5, shape)])
    labels = np.zeros(shape, np.uint8)
    for row, value in ((11, 2), (18, 2), (7, 1), (22, 1)):
        where = (slice(2, None, 4),) * (dims - 2)
        labels[(*where, row, slice(10, 18))] = value
        labels[(*where, row, slice(20, 26))] = value
    return image.astype(np.float32), labels, truth


def dice(found, truth):
    return 2 * np.sum(found & truth) / (found.sum() + truth.sum())


@pytest.fixture(scope="module")
def trained(tiny_config):
    """A model, its image and where the second class is, for each way to train."""
    made = {}

    def make(dims, augmented=False):
        if (dims, augmented) not in made:
            image, labels, _ = colored(dims)
            settings = {"augmentation": MUCH} if augmented else {}
            config = tiny_config(dims, steps=40, **settings)
            image = ChannelImage(image, 0)
            made[dims, augmented] = train_to_end(image, labels, config=config), image
        return (*made[dims, augmented], colored(dims)[2])

    return make


@pytest.mark.parametrize("augmented", [False, True])
@pytest.mark.parametrize("dims", [2, 3])
def test_color_alone_is_learned(trained, dims, augmented):
    ensemble, image, truth = trained(dims, augmented)
    found = predict(ensemble, image, device="cpu").mean[1] > 0.5
    assert dice(found, truth) > 0.85


def test_gray_means_alone_do_not_tell(tiny_config):
    image, labels, truth = colored(2)
    gray = image.mean(0)
    ensemble = train_to_end(gray, labels, config=tiny_config(2, steps=40))
    assert dice(predict(ensemble, gray, device="cpu").mean[1] > 0.5, truth) < 0.6


@pytest.mark.parametrize("dims", [2, 3])
def test_blocks_do_not_show(trained, dims):
    ensemble, image, _ = trained(dims)
    whole, parts = (
        predict(ensemble, image, device="cpu", block=block) for block in (64, 11)
    )
    np.testing.assert_allclose(parts.mean, whole.mean, atol=1e-5)
    np.testing.assert_allclose(parts.std, whole.std, atol=1e-5)


def test_where_the_channel_axis_is_does_not_matter(trained):
    ensemble, image, _ = trained(3)
    expected = predict(ensemble, image, device="cpu").mean
    for axis in (1, 3):
        moved = ChannelImage(np.moveaxis(colored(3)[0], 0, axis), axis)
        found = predict(ensemble, moved, device="cpu").mean
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("dims", [2, 3])
def test_saved_and_loaded(trained, tmp_path, dims):
    ensemble, image, _ = trained(dims)
    save_model(ensemble, tmp_path / "model", record={})
    loaded = load_model(tmp_path / "model")
    assert loaded.intensity == ensemble.intensity
    assert loaded.front.inputs == 3
    for name in ("mean", "std"):
        found, expected = (
            getattr(predict(model, image, device="cpu"), name)
            for model in (loaded, ensemble)
        )
        np.testing.assert_array_equal(found, expected)


def test_a_model_of_colors_refuses_gray_and_vice_versa(trained, make_ensemble):
    ensemble, image, _ = trained(2)
    plain = colored(2)[0][0]
    with pytest.raises(InputError, match="with 3 channels, but this one has gray val"):
        predict(ensemble, plain, device="cpu")
    with pytest.raises(InputError, match="with gray values, but this one has 3 chan"):
        predict(make_ensemble(2), image, device="cpu")
    with pytest.raises(InputError, match="with 3 channels, but this one has 2 chan"):
        predict(ensemble, ChannelImage(colored(2)[0][:2], 0), device="cpu")


def test_one_channel_is_trained_as_gray(tiny_config):
    image, labels, _ = colored(2)
    config = tiny_config(2, steps=5, members=1)
    one, gray = (
        train_to_end(data, labels, config=config)
        for data in (ChannelImage(image[:1], 0), image[0])
    )
    assert describe_ensemble(one) == describe_ensemble(gray)
    for a, b in zip(one.parameters(), gray.parameters(), strict=True):
        assert torch.equal(a, b)


def test_front_end_sees_each_channel_by_itself(trained):
    ensemble, image, _ = trained(2)
    cache = ChannelCache(image, ensemble)
    region = (slice(3, 30), slice(5, 33))
    found = cache.channels(region)
    values = torch.from_numpy(ensemble.intensity.apply(image[...]))
    with torch.no_grad():
        expected = ensemble.channels(values)[:, :, *region]
    assert found.shape[1] == ensemble.front.channels == 3 * 11
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(12, 15), (6, 9, 8)])
def test_augmented_channels_move_and_change_together(shape):
    """Equal channels stay equal, whatever is drawn, and are those of a gray crop."""
    config = MUCH.model_copy(update={"noise": 0.0})

    @given(st.integers(0, 2**32 - 1))
    @settings(deadline=None, max_examples=10)
    def check(seed):
        gray = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        targets = np.full(shape, IGNORE)
        targets[2:5] = 1
        alone, kept = augment(gray, targets, config, np.random.default_rng(seed))
        both = np.stack([gray, gray, -gray], axis=-1)
        found, also = augment(both, targets, config, np.random.default_rng(seed))
        assert found.dtype == np.float32
        np.testing.assert_array_equal(kept, also)
        for channel in range(2):
            np.testing.assert_allclose(found[..., channel], alone, atol=1e-5)

    check()
