import numpy as np
import pytest

from napari_sciml.networks.trees.kept_rows import KeptRows

SHAPE = (20, 6, 5)
CHANNELS = 3


class Looker:
    """Rows that tell where a voxel lies, and which parts were asked for."""

    def __init__(self, shape=SHAPE):
        self.asked = []
        self._index = np.arange(np.prod(shape)).reshape(shape)

    def __call__(self, region):
        self.asked.append(region)
        index = self._index[region].ravel().astype(np.float32)
        return np.stack([index + i for i in range(CHANNELS)], 1), np.stack([index] * 3)


def box(start, stop, y=slice(0, 6), x=slice(0, 5)):
    return (slice(start, stop), y, x)


def check(kept, look, region):
    wanted = Looker()(region)
    for found, right in zip(kept.of(region, look), wanted, strict=True):
        np.testing.assert_array_equal(found, right)


def test_planes_that_are_known_are_not_looked_at_again():
    kept, look = KeptRows(), Looker()
    check(kept, look, box(4, 9))
    check(kept, look, box(6, 12))
    check(kept, look, box(2, 14))
    assert look.asked == [box(4, 9), box(9, 12), box(2, 4), box(12, 14)]
    check(kept, look, box(3, 13))
    assert len(look.asked) == 4


def test_another_part_of_the_same_planes_is_another_one():
    kept, look = KeptRows(), Looker()
    check(kept, look, box(4, 9))
    check(kept, look, box(4, 9, x=slice(0, 4)))
    assert len(look.asked) == 2


def test_a_picture_is_one_part():
    kept, look = KeptRows(), Looker((6, 5))
    first = kept.of((slice(0, 4), slice(0, 5)), look)
    again = kept.of((slice(0, 4), slice(0, 5)), look)
    kept.of((slice(0, 6), slice(0, 5)), look)
    assert look.asked == [(slice(0, n), slice(0, 5)) for n in (4, 6)]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("planes", [0, 3])
def test_what_was_not_asked_for_longest_goes_first(planes):
    one = 6 * 5 * (CHANNELS + 3) * 4
    kept, look = KeptRows(most=planes * one), Looker()
    check(kept, look, box(0, 3))
    check(kept, look, box(0, 1))
    check(kept, look, box(3, 5))
    check(kept, look, box(0, 1))
    again = [] if planes else [box(0, 1)]
    assert look.asked == [box(0, 3), *again, box(3, 5), *again]
    check(kept, look, box(1, 2))
    assert look.asked[-1] == box(1, 2)
