import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_sciml.errors import InputError
from napari_sciml.fibers.blockwise import blocks
from napari_sciml.fibers.segmentation.instances import label_fibers
from napari_sciml.fibers.segmentation.score import instance_f1
from napari_sciml.fibers.splitting.split import split_fibers, splitting_steps
from napari_sciml.samples.phantom import PhantomConfig, make_phantom

SHAPE = (40, 60, 60)


def rod(start, end, radius=2.5, shape=SHAPE, voxel_size=(1, 1, 1)):
    """A cylinder with flat ends; places are physical."""
    start, end = np.array(start, float), np.array(end, float)
    places = np.stack(np.indices(shape), -1) * np.array(voxel_size, float)
    along = (places - start) @ (end - start) / ((end - start) @ (end - start))
    gap = places - (start + along[..., None] * (end - start))
    inside = np.linalg.norm(gap, axis=-1) <= radius
    return inside & (along >= 0) & (along <= 1)


def ring(turn):
    """The part of a ring up to an angle, radians."""
    z, y, x = np.indices(SHAPE) - np.array([20, 30, 30]).reshape(3, 1, 1, 1)
    tube = np.hypot(np.hypot(y, x) - 20, z) <= 2.5
    return tube & (np.arctan2(y, x) + np.pi <= turn)


def split(mask, **settings):
    return split_fibers(label_fibers(mask), **settings)


def bundle():
    angles = np.arange(6) * np.pi / 3
    beside = [(0, 0), *zip(5.3 * np.sin(angles), 5.3 * np.cos(angles), strict=True)]
    return [rod((20 + z, 30 + y, 5), (20 + z, 30 + y, 55)) for z, y in beside]


CASES = {
    "crossing": [
        rod((18, 30, 5), (18, 30, 55)),
        rod((23, 5, 30), (23, 55, 30)),
    ],
    "parallel": [
        rod((20, 30, 5), (20, 30, 55)),
        rod((20, 35.2, 5), (20, 35.2, 50)),
    ],
    "T": [
        rod((20, 30, 5), (20, 30, 55)),
        rod((20, 33, 30), (20, 57, 30)),
    ],
    "bundle of seven": bundle(),
    "bent": [ring(np.pi)],
    "closed ring": [ring(7)],
}


@pytest.mark.parametrize("name", CASES)
def test_fibers_that_touch(name):
    fibers = CASES[name]
    truth = np.zeros(SHAPE, np.uint8)
    for number, fiber in enumerate(fibers, 1):
        truth[fiber] = number
    found = split(truth > 0)
    assert found.max() == len(fibers)
    assert instance_f1(truth, found, iou=0.85).f1 == 1


def test_fibers_that_run_into_each_other():
    """A true crossing, where both lines are broken."""
    first = rod((20, 30, 5), (20, 30, 55))
    second = rod((20, 5, 30), (20, 55, 30))
    found = split(first | second)
    assert found.max() == 2
    assert found[20, 30, 8] == found[20, 30, 52] != found[20, 8, 30]
    assert found[20, 8, 30] == found[20, 52, 30]


@pytest.mark.parametrize(("gap", "count"), [(3, 1), (15, 2)])
def test_a_small_gap_is_bridged(gap, count):
    whole = rod((20, 20, 2), (24, 30, 58))
    whole[:, :, 28 : 28 + gap] = False
    assert label_fibers(whole).max() == 2
    assert split(whole).max() == count


def test_in_plane():
    first = rod((0, 10, 10), (0, 70, 70), shape=(1, 80, 80))
    second = rod((0, 70, 10), (0, 10, 70), shape=(1, 80, 80))
    flat = split((first | second)[0])
    assert flat.max() == 2
    assert flat[15, 15] == flat[65, 65] != flat[65, 15]
    # A volume of one plane is an image, whichever axis is short.
    for axis in range(3):
        volume = np.moveaxis(first | second, 0, axis)
        assert np.array_equal(np.moveaxis(split(volume), axis, 0)[0], flat)


def test_long_voxels():
    size, shape = (3, 1, 1), (20, 80, 80)
    first = rod((27, 40, 5), (27, 40, 75), 3, shape, size)
    second = rod((33, 5, 40), (33, 75, 40), 3, shape, size)
    found = split(first | second, voxel_size=size)
    assert found.max() == 2
    assert found[9, 40, 8] == found[9, 40, 72] != found[11, 8, 40]


def test_radius_is_taken_from_the_mask():
    shape = (60, 60, 120)
    first = rod((20, 30, 5), (20, 30, 115), 8, shape)
    second = rod((36.5, 30, 5), (36.5, 30, 115), 8, shape)
    assert split(first).max() == 1
    assert split(first | second).max() == 2


def block(low, high):
    mask = np.zeros(SHAPE, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


@pytest.mark.parametrize(
    ("mask", "count"),
    [
        (np.zeros(SHAPE, bool), 0),
        (np.zeros((0, 4, 4), bool), 0),
        (np.zeros((4, 4), bool), 0),
        (np.ones(SHAPE, bool), 1),
        (np.ones((1, 1, 30), bool), 1),
        (np.ones((1, 30), bool), 1),
        (block((5, 5, 5), (6, 6, 6)), 1),
        (block((5, 10, 10), (35, 50, 50)), 1),
        (block((18, 5, 5), (23, 55, 55)), 1),
        (block((18, 5, 5), (19, 55, 55)), 1),
        (block((18, 0, 0), (22, 60, 60)), 1),
    ],
    ids=str,
)
def test_what_is_no_bundle_stays_whole(mask, count):
    found = split(mask)
    assert found.shape == mask.shape
    assert found.max(initial=0) == count
    assert np.array_equal(found > 0, mask)


def test_specks_stay_as_they_are():
    rng = np.random.default_rng(0)
    specks = np.zeros((96, 96, 96), bool)
    specks.reshape(-1)[rng.choice(specks.size, 5000, replace=False)] = True
    components = label_fibers(specks)
    found = split_fibers(components)
    assert np.array_equal(found, components)


@pytest.mark.parametrize("voxel_size", [(1, 1), (1, 1, 0)])
def test_wrong_voxel_size_is_refused(voxel_size):
    with pytest.raises(InputError):
        split_fibers(np.ones((3, 3, 3), np.uint8), voxel_size=voxel_size)


def test_parts_under_dust_go_to_their_neighbors():
    """The stem of the T is the smaller fiber."""
    mask = CASES["T"][0] | CASES["T"][1]
    sizes = np.bincount(split(mask).ravel())[1:]
    assert len(sizes) == 2
    whole = split(mask, dust=int(sizes.min()) + 1)
    assert np.array_equal(whole > 0, mask)
    assert whole.max() == 1


def side_by_side():
    """Two rods, what fills the groove between them, and what a network says of that."""
    first, second = rod((20, 30, 5), (20, 30, 55)), rod((20, 36, 5), (20, 36, 55))
    groove = rod((20, 33, 5), (20, 33, 55), radius=2.6)
    probability = np.where(first | second, 0.95, np.where(groove, 0.7, 0.1))
    return first, second, first | second | groove, probability


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_probability_parts_what_the_mask_has_filled(dtype):
    first, second, mask, probability = side_by_side()
    assert split(mask).max() == 1
    found = split(mask, probability=probability.astype(dtype))
    assert found.max() == 2
    assert instance_f1(np.where(first, 1, 2 * second), found, iou=0.75).f1 == 1
    assert np.array_equal(found > 0, mask)


def test_a_probability_that_knows_no_more_than_the_mask(clustered, found):
    mask = clustered > 0
    assert np.array_equal(split(mask, probability=mask.astype(np.float32)), found)


def test_what_was_painted_where_nothing_was_predicted_is_taken_apart():
    first, second, *_ = side_by_side()
    nothing = np.zeros(SHAPE, np.float32)
    assert split(first | second, probability=nothing).max() == 2


def test_a_probability_of_a_volume_of_one_plane():
    *_, mask, probability = side_by_side()
    plane = split(mask[20], probability=probability[20])
    volume = split(mask[:, :, 20:21], probability=probability[:, :, 20:21])
    assert plane.shape == mask.shape[1:]
    assert volume.shape == (*mask.shape[:2], 1)


def test_a_probability_of_another_image_is_refused():
    with pytest.raises(InputError, match=r"has shape \(3, 4, 5\), but the fibers have"):
        split(CASES["T"][0], probability=np.ones((3, 4, 5)))


def test_progress_rises_and_may_be_stopped():
    components = label_fibers(CASES["crossing"][0] | CASES["crossing"][1])
    shares = list(splitting_steps(components))
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
    steps = splitting_steps(components)
    next(steps)
    steps.close()


@pytest.fixture(scope="module")
def clustered():
    return make_phantom(PhantomConfig.clustered(seed=31, shape=(96, 96, 96))).labels


@pytest.fixture(scope="module")
def found(clustered):
    return split(clustered > 0)


def test_phantom(clustered, found):
    components = label_fibers(clustered > 0)
    assert instance_f1(clustered, components).f1 < 0.8
    assert instance_f1(clustered, found).f1 >= 0.95


def test_labels_are_in_order_and_cover_the_mask(clustered, found):
    assert np.array_equal(found > 0, clustered > 0)
    values = found[found > 0]
    first = [int(np.argmax(values == n)) for n in range(1, int(found.max()) + 1)]
    assert first == sorted(first)
    assert found.dtype == np.uint8


@pytest.mark.parametrize("edge", [24, 37, 64])
def test_blocks_do_not_matter(clustered, found, monkeypatch, edge):
    noise = np.random.default_rng(0).uniform(-0.3, 0.3, clustered.shape)
    probability = np.where(clustered > 0, 0.75, 0.25) + noise
    whole = split(clustered > 0, probability=probability)
    monkeypatch.setitem(blocks._EDGE, 3, edge)
    monkeypatch.setattr("napari_sciml.fibers.splitting.assignment._CHUNK", 1 << 10)
    assert np.array_equal(split(clustered > 0), found)
    assert np.array_equal(split(clustered > 0, probability=probability), whole)


def test_parts_of_the_points_do_not_matter(clustered, found, monkeypatch):
    monkeypatch.setattr("napari_sciml.fibers.splitting.pieces._CHUNK", 1 << 10)
    assert np.array_equal(split(clustered > 0), found)


@settings(max_examples=6, deadline=None)
@given(st.permutations(range(3)), st.lists(st.booleans(), min_size=3, max_size=3))
def test_turned_and_mirrored(clustered, found, order, mirror):
    flips = [axis for axis in range(3) if mirror[axis]]
    turned = np.flip(clustered.transpose(order), flips)
    back = np.flip(split(turned > 0), flips).transpose(np.argsort(order))
    assert abs(int(back.max()) - int(found.max())) <= 1
    assert instance_f1(found, back, iou=0.8).f1 >= 0.97
