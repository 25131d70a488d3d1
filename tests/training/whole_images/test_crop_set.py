import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from napari_sciml.errors import InputError
from napari_sciml.training.whole_images.config import FitConfig
from napari_sciml.training.whole_images.crop_set import CropSet, Lesson
from napari_sciml.training.whole_images.pairs import Pairs, PairSource
from napari_sciml.training.whole_images.regression import FitStep, fit, fit_to_end


def numbered(*shape):
    """An image ``(1, …)`` in which each voxel has its own value."""
    return np.arange(np.prod(shape), dtype=np.int32).reshape(1, *shape)


class Lazy:
    """An array that tells how much of it was read."""

    def __init__(self, array):
        self._array, self.most = array, 0
        self.shape, self.ndim, self.dtype = array.shape, array.ndim, array.dtype

    def __getitem__(self, key):
        part = self._array[key]
        self.most = max(self.most, part.size)
        return part


def test_only_crops_are_read():
    image = Lazy(numbered(200, 300))
    crops = CropSet([image], size=32)
    pairs = crops.draw(np.random.default_rng(0), 20)
    assert pairs.inputs.shape == pairs.targets.shape == (20, 1, 32, 32)
    assert pairs.inputs.dtype == np.float32
    assert image.most == 32 * 32


@given(
    shape=st.lists(st.integers(5, 40), min_size=1, max_size=3),
    size=st.integers(3, 12),
    holdout=st.sampled_from([0.0, 0.1, 0.5, 0.9]),
    seed=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_what_is_held_out_is_never_drawn(shape, size, holdout, seed):
    crops = CropSet([numbered(*shape)], size=size, holdout=holdout, seed=seed)
    assert isinstance(crops, PairSource)
    rng = np.random.default_rng(seed)
    seen = set(crops.draw(rng, 30).inputs.ravel().tolist())
    assert seen <= set(range(int(np.prod(shape))))
    test = crops.held_out()
    if holdout and max(n - min(n, size) for n in shape) >= size:
        assert test is not None
    if test is not None:
        assert not seen & set(test.inputs.ravel().tolist())
        assert np.array_equal(test.inputs, crops.held_out().inputs)


def test_of_several_images_whole_ones_are_held_out():
    images = [numbered(20, 20) + 1000 * i for i in range(5)]
    crops = CropSet(images, size=8, holdout=0.4)
    drawn = crops.draw(np.random.default_rng(0), 200).inputs // 1000
    test = crops.held_out().inputs // 1000
    assert len(np.unique(drawn)) == 3
    assert len(np.unique(test)) == 2
    assert not set(np.unique(drawn)) & set(np.unique(test))


def test_images_of_unequal_size_share_the_smallest_crop():
    crops = CropSet([numbered(9, 50), numbered(40, 12)], size=16, holdout=0)
    assert crops.draw(np.random.default_rng(0), 5).inputs.shape == (5, 1, 9, 12)


def test_target_and_mask_turn_with_the_image():
    image = numbered(30, 30)
    crops = CropSet([image], [image * 2], [image % 2], size=8, holdout=0)
    pairs = crops.draw(np.random.default_rng(0), 40)
    assert np.array_equal(pairs.targets, 2 * pairs.inputs)
    assert np.array_equal(pairs.mask, pairs.inputs % 2)
    steps = {tuple(p) for p in np.diff(pairs.inputs[:, 0, :2, 0], axis=1).round()}
    assert {abs(int(s[0])) for s in steps} == {1, 30}


def test_a_function_of_ones_own_makes_the_lesson():
    def teach(lesson, rng):
        hidden = rng.random(lesson.inputs.shape) < 0.5
        inputs = np.concatenate([np.where(hidden, 0, lesson.inputs), hidden])
        return Lesson(inputs, lesson.inputs, hidden)

    crops = CropSet([numbered(20, 20) + 1], size=8, teach=teach)
    for pairs in (crops.draw(np.random.default_rng(0), 3), crops.held_out()):
        assert pairs.inputs.shape[1] == 2
        assert ((pairs.inputs[:, :1] == 0) == (pairs.mask == 1)).all()


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        (([],), "no images"),
        (([numbered(5, 5)], []), "1 images but 0 targets"),
        (([numbered(5, 5)], [numbered(5, 6)]), "does not fit targets"),
        (([numbered(5, 5)], None, [numbered(4, 5)]), "does not fit masks"),
        (([numbered(5, 5), numbered(5, 5, 5)],), "all have the axes"),
        (([np.zeros(5)],), "all have the axes"),
    ],
)
def test_bad_input_is_one_sentence(arrays, sentence):
    with pytest.raises(InputError, match=sentence):
        CropSet(*arrays)


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(0.0))

    def forward(self, image):
        return image * self.factor


def test_fit_learns_from_crops():
    image = np.random.default_rng(0).normal(size=(1, 60, 70))
    crops = CropSet([image], [0.7 * image], size=16)
    config = FitConfig(steps=200, learning_rate=0.02, device="cpu")
    fitted = fit_to_end(Scaled(), crops, config=config)
    assert float(fitted.network.factor.detach()) == pytest.approx(0.7, abs=0.01)
    assert fitted.correlation == pytest.approx(1)


class Own:
    """The smallest source of one's own: no test, and a mask that hides nonsense."""

    def __len__(self):
        return 4

    def draw(self, rng, count):
        x = rng.normal(size=(count, 1, 5)).astype(np.float32)
        y = 0.5 * x
        y[..., 0] = np.nan
        return Pairs(x, y, np.isfinite(y))

    def held_out(self):
        return None


def test_fit_takes_any_source_and_any_loss():
    called = []

    def loss(image, target, mask):
        called.append(image.shape)
        difference = torch.where(mask != 0, image - target, 0.0)
        return difference.abs().sum()

    config = FitConfig(steps=100, learning_rate=0.02, device="cpu")
    fitted = fit_to_end(Scaled(), Own(), config=config, loss=loss)
    assert float(fitted.network.factor.detach()) == pytest.approx(0.5, abs=0.03)
    assert fitted.held_out_loss is None
    assert set(called) == {(4, 1, 5)}


def test_targets_beside_a_source_are_refused():
    with pytest.raises(InputError, match="give none beside it"):
        fit_to_end(Scaled(), Own(), np.zeros((4, 1, 5)))


def test_patience_ends_it():
    x = np.random.default_rng(0).normal(size=(20, 1, 8))
    config = FitConfig(steps=10_000, patience=3, evaluate_every=1, learning_rate=0.1)
    steps = list(fit(Scaled(), x, 0.3 * x, config=config))[:-1]
    assert 3 < len(steps) < 10_000
    assert steps[-1].fraction == 1


def test_seconds_end_it_and_fractions_rise():
    x = np.random.default_rng(0).normal(size=(20, 1, 8))
    config = FitConfig(seconds=0.3)
    assert config.steps is None
    assert FitConfig.model_validate(config.model_dump()) == config
    steps = [e for e in fit(Scaled(), x, config=config) if isinstance(e, FitStep)]
    fractions = [e.fraction for e in steps]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert steps[-1].held_out_loss is not None


def test_neither_steps_nor_seconds_are_the_usual_steps():
    assert FitConfig().steps == 1000
    assert FitConfig(seconds=3, steps=5).steps == 5
