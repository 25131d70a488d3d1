"""The engine of the Train dock, driven from a script."""

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.io.models.folder import load_model, read_record
from napari_sciml.prediction.blockwise import predict
from napari_sciml.training.config import TrainingConfig
from napari_sciml.workflows.live_session import LiveSession

SHAPE = (14, 36, 36)


def scene():
    rng = np.random.default_rng(0)
    image = rng.normal(0, 0.5, SHAPE).astype(np.float32)
    image[:, 14:22] += 2
    labels = np.zeros(SHAPE, np.uint8)
    labels[2:8:2, 17, 4:32] = 2
    labels[2:8:2, 5, 4:32] = labels[2:8:2, 30, 4:32] = 1
    return image, labels


def session_of(image, seed=0, **settings):
    config = TrainingConfig(members=2, crop=12, **settings)
    return LiveSession(image, seed=seed, threads=1, config=config)


def same(a, b):
    return a.kind == b.kind and all(
        np.array_equal(getattr(a, part), getattr(b, part)) for part in ("mean", "std")
    )


@pytest.fixture(scope="module")
def begun():
    image, labels = scene()
    session = session_of(image)
    session.update(labels)
    return session, labels


def test_answers_at_once(begun):
    session, _ = begun
    shown = session.predict()
    assert shown.kind == "trees"
    assert shown.mean.shape == shown.std.shape == (2, *SHAPE)
    assert shown.mean.dtype == shown.std.dtype == np.float32
    np.testing.assert_allclose(shown.mean.sum(0), 1, atol=1e-4)
    assert (shown.mean[1, :, 15:21] > 0.5).mean() > 0.95
    assert (shown.mean[1, :, 2:10] > 0.5).mean() < 0.05


REGIONS = [
    (slice(3, 5), slice(0, 20), slice(7, 36)),
    (slice(4, 5),),
    (slice(None), slice(-10, None)),
    (slice(0, 1), slice(0, 1), slice(0, 1)),
]


@pytest.mark.parametrize("region", REGIONS)
def test_a_region_is_a_part_of_the_whole(begun, region):
    session, _ = begun
    whole, part = session.predict(), session.predict(region)
    assert np.array_equal(part.mean, whole.mean[:, *region])
    assert np.array_equal(part.std, whole.std[:, *region])


@pytest.mark.parametrize("region", [None, *REGIONS])
def test_what_is_sure(begun, region):
    session, _ = begun
    shown = session.predict(region)
    plain = session.confident("fiber", region, k=0)
    assert plain.dtype == bool
    assert np.array_equal(plain, shown.mean[1] > 0.5)
    usual = session.confident("fiber", region)
    assert not (usual & ~plain).any()
    assert usual.sum() >= 0.94 * plain.sum()
    strict = session.confident("fiber", region, k=2, t=0.6)
    assert np.array_equal(strict, shown.mean[1] - 2 * shown.std[1] > np.float32(0.6))


def test_unknown_classes(begun):
    session, _ = begun
    with pytest.raises(InputError, match="2 = fiber"):
        session.confident("pore")


def test_the_same_labels_again_cost_nothing():
    image, labels = scene()
    session = session_of(image)
    session.update(labels)
    session.advance(3)
    shown, ensemble = session.predict(), session._shown()
    session.update(labels.copy())
    assert session._shown() is ensemble, "neither trees nor picture are made anew"
    assert same(session.predict(), shown)


def test_the_same_seed_gives_the_same():
    def run(seed):
        image, labels = scene()
        session, part = session_of(image, seed), labels.copy()
        part[6] = 0
        session.update(part)
        session.predict((slice(3, 4),))
        session.advance(8)
        session.update(labels)
        session.advance(8)
        return session.predict()

    first, second, other = run(1), run(1), run(2)
    assert same(first, second)
    assert not same(first, other)


def test_networks_join_and_it_says_so():
    image, labels = scene()
    session = session_of(image, evaluate_every=10)
    session.update(labels)
    kinds = [session.predict((slice(0, 1),)).kind]
    for _ in range(6):
        session.advance(20)
        kinds.append(session.predict((slice(0, 1),)).kind)
    assert kinds[0] == "trees"
    assert kinds[-1].startswith("trees and 2 networks, ")
    assert kinds[-1].endswith(" steps")


def test_new_strokes_are_learned():
    image, labels = scene()
    image[:, 26:29] += 4
    session = session_of(image)
    session.update(labels)
    before = session.predict().mean[1, :, 27].mean()
    labels[1:12:3, 27, 4:30] = 1
    session.update(labels)
    assert session.predict().mean[1, :, 27].mean() < min(0.5, before)


def test_erased_strokes_are_forgotten():
    image, labels = scene()
    wrong = labels.copy()
    wrong[9, 10:26, 10:26] = 1
    session = session_of(image)
    session.update(wrong)
    session.update(labels)
    assert session._training.labels.counts == {
        v: int((labels == v).sum()) for v in (1, 2)
    }
    assert (session.predict().mean[1, 9, 15:21, 11:25] > 0.5).mean() > 0.9


ONE_CLASS = np.where(scene()[1] == 1, 1, 0).astype(np.uint8)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (ONE_CLASS, "two classes"),
        (np.zeros(SHAPE, np.uint8), "two classes"),
        (scene()[1][:5], "same shape"),
        (np.where(scene()[1] == 2, 7, scene()[1]).astype(np.uint8), "value 7"),
    ],
)
def test_labels_that_cannot_be_learned_from(begun, labels, match):
    """One sentence, first or later, and what is known stays."""
    old, good = begun
    shown = old.predict((slice(0, 2),))
    for session in (session_of(scene()[0]), old):
        with pytest.raises(InputError, match=match) as caught:
            session.update(labels)
        assert "\n" not in str(caught.value)
    assert same(old.predict((slice(0, 2),)), shown)
    old.update(good)


@pytest.mark.parametrize(
    "ask",
    [
        lambda s, path: s.predict(),
        lambda s, path: s.confident("fiber"),
        lambda s, path: s.advance(1),
        lambda s, path: s.save(path / "model"),
    ],
)
def test_nothing_is_known_before_the_first_labels(ask, tmp_path):
    with pytest.raises(InputError, match="Nothing is learned yet") as caught:
        ask(session_of(scene()[0]), tmp_path)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("rounds", [0, 100])
def test_saved_and_read(tmp_path, rounds):
    image, labels = scene()
    session = session_of(image, evaluate_every=5)
    session.update(labels)
    session.advance(rounds)
    shown = session.predict()
    session.save(tmp_path / "model")
    model = load_model(tmp_path / "model")
    assert (model.trust > 0) is (rounds > 0)
    again = predict(model, image, device="cpu", half=True)
    assert np.array_equal(again.mean, shown.mean)
    assert np.array_equal(again.std, shown.std)
    config = read_record(tmp_path / "model")["config"]
    assert (config["seed"], config["before"]) == (0, session._training.before)
    assert same(session.predict(), shown)


def test_a_flat_image_and_three_classes():
    rng = np.random.default_rng(0)
    image = rng.normal(size=(60, 60)).astype(np.float32)
    image[:, 20:40] += 4
    image[:, 40:] += 8
    labels = np.zeros(image.shape, np.uint8)
    for value, x in ((1, 10), (2, 30), (3, 50)):
        labels[5:55:7, x - 4 : x + 4] = value
    session = LiveSession(image, ("a", "b", "c"), threads=1)
    session.update(labels)
    found = session.predict().mean.argmax(0)
    for index, part in enumerate((slice(0, 18), slice(22, 38), slice(42, 60))):
        assert (found[:, part] == index).mean() > 0.9


def test_an_image_with_nan():
    image, _ = scene()
    image[0, 0, 0] = np.nan
    with pytest.raises(InputError, match="NaN"):
        LiveSession(image)
