import numpy as np
import pytest

from napari_sciml.restoration.lessons import RestoreLessons, hide_pixels
from napari_sciml.restoration.stacks import Sight


def test_hidden_pixels_tell_nothing_of_themselves():
    rng = np.random.default_rng(0)
    stack = rng.normal(size=(3, 5, 32, 32)).astype(np.float32)
    hidden, mask = hide_pixels(stack, 2, np.random.default_rng(1))
    changed = stack.copy()
    changed[:, 2][mask[:, 0] > 0] += 1000
    again, same = hide_pixels(changed, 2, np.random.default_rng(1))
    np.testing.assert_array_equal(mask, same)
    only = mask[:, 0] > 0
    alone = only & ~_has_hidden_neighbor(only)
    np.testing.assert_allclose(hidden[:, 2][alone], again[:, 2][alone])
    np.testing.assert_array_equal(np.delete(hidden, 2, 1), np.delete(stack, 2, 1))


def _has_hidden_neighbor(hidden):
    wide = np.pad(hidden, ((0, 0), (1, 1), (1, 1)), mode="reflect")
    shifted = [
        wide[:, 1 + y : wide.shape[1] - 1 + y, 1 + x : wide.shape[2] - 1 + x]
        for y in (-1, 0, 1)
        for x in (-1, 0, 1)
        if y or x
    ]
    return np.any(shifted, axis=0)


@pytest.mark.parametrize("context", [1, 2])
def test_a_blind_slice_is_never_seen(context):
    """Also at the ends, where slices are mirrored."""
    part = np.arange(6, dtype=np.float32)[:, None, None] * np.ones((1, 48, 48))
    lessons = RestoreLessons(
        "slice", [part.astype(np.float32)], None, Sight(context, True, 1.0)
    )
    pairs = lessons.draw(np.random.default_rng(0), 64)
    wanted = (pairs.targets + pairs.inputs[:, -1:])[:, 0, 0, 0]
    assert set(np.rint(wanted)) == set(range(6))
    seen = pairs.inputs[:, :-1, 0, 0]
    assert not np.isclose(seen, wanted[:, None]).any()


@pytest.mark.parametrize("method", ["pixel", "slice", "pairs", "supervised"])
@pytest.mark.parametrize("shape", [(1, 40, 60), (7, 33, 64)])
def test_lessons_have_one_shape_and_a_test_that_stays(method, shape):
    if method == "slice" and shape[0] == 1:
        pytest.skip("a plane has no slices")
    rng = np.random.default_rng(0)
    part, other = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
    partners = [other] if method in ("pairs", "supervised") else None
    sight = Sight(0 if shape[0] == 1 else 2, method == "slice", 0.8)
    lessons = RestoreLessons(method, [part], partners, sight)
    pairs = lessons.draw(rng, 5)
    size = tuple(min(48, n) for n in shape[1:])
    assert pairs.inputs.shape == (5, sight.channels, *size)
    assert pairs.targets.shape == (5, 1, *size)
    one, two = lessons.held_out(), lessons.held_out()
    np.testing.assert_array_equal(one.inputs, two.inputs)


def test_a_clean_slice_is_what_comes_out():
    part = np.zeros((5, 48, 48), np.float32)
    lessons = RestoreLessons("supervised", [part], [part + 3], Sight(2, False, 1.0))
    pairs = lessons.draw(np.random.default_rng(0), 4)
    assert (pairs.inputs == 0).all()
    assert (pairs.targets == 3).all()
