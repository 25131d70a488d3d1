"""Images in numbers, and trees that sort them."""

import numpy as np
import pytest
from sklearn.model_selection import LeaveOneOut

from napari_sciml.classification.description import describe_image
from napari_sciml.classification.learning import learn_classes
from napari_sciml.errors import InputError
from napari_sciml.images.channels import ChannelImage
from napari_sciml.progress import exhaust


@pytest.fixture(scope="module")
def patterns():
    """Frames with noise alone, with a ring and with a streak: rows and classes."""
    rng, rows, classes = np.random.default_rng(0), [], []
    y, x = np.indices((64, 64)) - 31.5
    shapes = {
        "empty": np.zeros((64, 64)),
        "ring": np.exp(-((np.hypot(y, x) - 18) ** 2) / 8),
        "streak": np.exp(-(y**2) / 8),
    }
    for name, shape in shapes.items():
        for _ in range(12):
            level = rng.uniform(5, 15)
            frame = rng.poisson(20 + level * shape).astype(np.float32)
            rows.append(describe_image(frame))
            classes.append(name)
    return np.stack(rows), classes


def test_a_description_is_as_long_as_the_filters_say() -> None:
    image = np.random.default_rng(0).normal(100, 10, (40, 50)).astype(np.float32)
    assert describe_image(image).shape == (2 + 3 * 16,)
    assert describe_image(np.stack([image] * 30)).shape == (2 + 3 * 16,)
    both = ChannelImage(np.stack([image, image]), 0)
    assert describe_image(both).shape == (4 + 3 * 32,)


def test_gray_scale_and_turns_change_little_of_it() -> None:
    image = np.random.default_rng(0).normal(100, 10, (64, 64))
    image[:, 20:24] += 60
    plain = describe_image(image)
    np.testing.assert_allclose(describe_image(5 * image + 7)[2:], plain[2:], atol=0.02)
    np.testing.assert_allclose(describe_image(image.T)[2:], plain[2:], atol=0.02)


def test_a_large_image_is_looked_at_in_parts() -> None:
    image = np.random.default_rng(0).normal(100, 10, (1600, 1600))
    small = describe_image(image[:512, :512])
    np.testing.assert_allclose(describe_image(image)[2:], small[2:], atol=0.1)


def test_classes_are_learned_and_judged_by_held_out_images(patterns) -> None:
    rows, classes = patterns
    found = exhaust(learn_classes(rows, classes))
    assert found.names == ("empty", "ring", "streak")
    assert found.held_out.figures.accuracy > 0.9
    assert found.held_out.judged == len(rows)
    said = found.classify(rows, 0.8)
    assert (said.mean.argmax(1) == np.repeat([0, 1, 2], 12)).all()
    np.testing.assert_allclose(said.mean.sum(1), 1, atol=1e-5)
    assert said.std.shape == said.sets.shape == said.mean.shape


def test_held_out_is_as_by_leaving_one_out(patterns) -> None:
    """Few images: as many folds as images, the same trees as by hand."""
    from napari_sciml.classification.learning import _grown, _members

    rows, classes = patterns[0][::3], np.repeat([0, 1, 2], 4)
    found = exhaust(learn_classes(rows, [f"c{c}" for c in classes]))
    confusion = np.zeros((3, 3), int)
    for known, (left,) in LeaveOneOut().split(rows):
        forest = _grown(rows[known], classes[known], 3, 0)
        said = _members(forest, rows[left : left + 1]).mean((0, 1))
        confusion[classes[left], said.argmax()] += 1
    np.testing.assert_array_equal(found.held_out.figures.confusion, confusion)


def test_images_of_one_group_are_held_out_together(patterns) -> None:
    """Twins in the same group tell nothing of other groups."""
    rng = np.random.default_rng(1)
    rows = np.repeat(rng.normal(size=(10, 8)), 2, axis=0).astype(np.float32)
    classes = [f"c{n % 2}" for n in range(10) for _ in range(2)]
    groups = [f"g{n}" for n in range(10) for _ in range(2)]
    alone = exhaust(learn_classes(rows, classes))
    together = exhaust(learn_classes(rows, classes, groups))
    assert alone.held_out.figures.accuracy > 0.9
    assert together.held_out.figures.accuracy < 0.9


def test_conformal_sets_hold_what_they_promise(patterns) -> None:
    rows, classes = patterns
    hard = rows + np.random.default_rng(0).normal(0, 1.5, rows.shape).astype(np.float32)
    half = np.arange(len(rows)) % 2 == 0
    own = np.array(classes)
    found = exhaust(learn_classes(hard[half], own[half]))
    said = found.classify(hard[~half], 0.8)
    truth = [found.names.index(name) for name in own[~half]]
    covered = said.sets[np.arange(len(truth)), truth]
    assert covered.mean() > 0.6
    assert found.classify(hard[~half], 0.99).sets.all()  # too few to promise that


@pytest.mark.parametrize(
    ("classes", "sentence"),
    [("a" * 36, "all of one class"), ("a" * 35 + "b", "'b' has one example")],
)
def test_too_few_examples_are_refused(patterns, classes, sentence) -> None:
    with pytest.raises(InputError, match=sentence):
        exhaust(learn_classes(patterns[0], list(classes)))
