"""Who judges whom, what is told of it, and models kept as folders."""

import json
import math
import shutil

import numpy as np
import pytest
from scipy.stats import binomtest

from napari_sciml.classification.described import ClassModel, Described
from napari_sciml.classification.folds import Where, folds, groups_of
from napari_sciml.classification.judging import judge
from napari_sciml.classification.learning import learn_classes
from napari_sciml.errors import InputError
from napari_sciml.io.models.folder import load_model
from napari_sciml.io.models.image_classes import (
    load_image_classes,
    save_image_classes,
)
from napari_sciml.io.models.image_model import load_image_model, read_task
from napari_sciml.progress import exhaust


def said(right: int, count: int) -> np.ndarray:
    """Of two classes by turns, so many are right."""
    shares = np.tile([[0.9, 0.1], [0.1, 0.9]], (count // 2 + 1, 1))[:count]
    shares[right:] = shares[right:, ::-1]
    return shares


@pytest.mark.parametrize(("right", "count"), [(20, 20), (37, 40), (5, 12), (0, 6)])
def test_the_interval_is_wilsons(right, count) -> None:
    classes = np.arange(count) % 2
    found = judge(said(right, count), classes, np.arange(count), ("a", "b"))
    wanted = binomtest(right, count).proportion_ci(method="wilson")
    np.testing.assert_allclose(found.interval, (wanted.low, wanted.high), atol=1e-12)
    assert f"{right} of {count} held-out examples" in found.sentence


def test_examples_of_one_group_count_as_one() -> None:
    classes = np.arange(40) % 2
    alone = judge(said(36, 40), classes, np.arange(40), ("a", "b"))
    by_five = judge(said(36, 40), classes, np.arange(40) // 5, ("a", "b"))
    assert np.ptp(by_five.interval) > 1.5 * np.ptp(alone.interval)
    assert not by_five.tells
    assert by_five.sentence.endswith("too few examples to tell how good this is.")


@pytest.mark.parametrize(
    ("right", "count", "words"),
    [
        (40, 40, "95% interval 91 to 100%)."),
        (22, 40, "not surely better than always saying the commonest class."),
        (5, 5, "too few examples to tell"),
        (0, 0, "Too few examples to tell"),
    ],
)
def test_it_is_told_in_words(right, count, words) -> None:
    found = judge(
        said(right, count), np.arange(count) % 2, np.arange(count), ("a", "b")
    )
    assert words in found.sentence


def test_what_could_not_be_judged_is_left_out() -> None:
    shares = said(10, 10)
    shares[4:] = np.nan
    found = judge(shares, np.arange(10) % 2, np.arange(10), ("a", "b"))
    assert (found.judged, found.groups, found.examples) == (4, 4, 10)


def test_neighbors_never_teach_who_judges() -> None:
    """By brute force, in three dimensions."""
    places = np.random.default_rng(0).uniform(0, 100, (300, 3))
    where = Where(places, 12.0)
    judged_once = np.zeros(300, int)
    groups = groups_of(300, None, where)
    for judged, known in folds(groups, where):
        judged_once += judged
        assert not (judged & known).any()
        away = np.abs(places[judged][:, None] - places[known][None]).max(2)
        assert away.min() >= 12
        left_out = ~judged & ~known
        away = np.abs(places[judged][:, None] - places[left_out][None]).max(2)
        assert (away.min(0) < 12).all()
    assert (judged_once == 1).all()


def test_neighbors_that_are_alike_would_promise_too_much() -> None:
    """Classes by chance, but the same for patches that overlap."""
    rng = np.random.default_rng(1)
    places = np.stack(np.meshgrid(*[np.arange(12) * 8.0] * 2), -1).reshape(-1, 2)
    block = (places // 24).astype(int) @ [4, 1]
    looks = rng.normal(size=(16, 20))
    rows = (looks[block] + rng.normal(0, 0.1, (144, 20))).astype(np.float32)
    labels = [f"c{n}" for n in rng.permutation(np.arange(16) % 2)[block]]
    naive = exhaust(learn_classes(rows, labels))
    fair = exhaust(learn_classes(rows, labels, where=Where(places, 24.0)))
    assert naive.held_out.figures.accuracy > 0.9
    assert fair.held_out.figures.accuracy < 0.75


def test_a_class_in_one_place_cannot_be_judged() -> None:
    rng = np.random.default_rng(2)
    places = np.concatenate([rng.uniform(0, 300, (20, 2)), rng.uniform(0, 9, (6, 2))])
    rows = rng.normal(size=(26, 8)).astype(np.float32)
    labels = ["everywhere"] * 20 + ["here"] * 6
    found = exhaust(learn_classes(rows, labels, where=Where(places, 16.0)))
    assert found.held_out.judged < 26
    assert found.held_out.unjudged == ("here",)
    assert "all examples of 'here' lie together" in found.held_out.sentence
    alone = exhaust(
        learn_classes(rows[14:], labels[14:], where=Where(places[14:] * 0, 16.0))
    )
    assert alone.held_out.interval is None
    assert alone.classify(rows, 0.5).sets.all()


@pytest.fixture(scope="module")
def learned() -> ClassModel:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(24, 50)).astype(np.float32)
    rows[::2] += 2
    classes = exhaust(learn_classes(rows, ["a", "=b"] * 12))
    return ClassModel(classes, Described(kind="images", axes=2))


def test_a_model_is_kept_and_read_again(learned, tmp_path) -> None:
    rows = np.random.default_rng(1).normal(1, 1, (30, 50)).astype(np.float32)
    save_image_classes(learned, tmp_path / "model", {"seed": 0})
    assert read_task(tmp_path / "model") == "classify"
    found = load_image_classes(tmp_path / "model")
    assert found.of == learned.of
    assert found.classes.names == learned.classes.names
    one, other = (m.classes.classify(rows, 0.8) for m in (learned, found))
    np.testing.assert_array_equal(one.mean, other.mean)
    np.testing.assert_array_equal(one.sets, other.sets)
    before, after = (m.classes.held_out for m in (learned, found))
    assert before.sentence == after.sentence
    assert before.figures.as_dict("xy") == after.figures.as_dict("xy")


def test_other_readers_say_what_it_is(learned, tmp_path) -> None:
    save_image_classes(learned, tmp_path / "model")
    with pytest.raises(InputError, match="does not find classes in an image"):
        load_model(tmp_path / "model")
    with pytest.raises(InputError, match="give it to classify"):
        load_image_model(tmp_path / "model", "classify")
    with pytest.raises(InputError, match="does not exist"):
        load_image_classes(tmp_path / "nothing")


def put(description, *path):
    *way, (last, value) = path
    for key in way:
        description = description[key]
    description[last] = value


DAMAGE = [
    [("image_classes", {})],
    ["image_classes", ("names", ["a"])],
    ["image_classes", ("names", ["a", "b", "c"])],
    ["image_classes", ("names", 5)],
    ["image_classes", ("more", 5)],
    ["image_classes", "trees", ("nodes", [1])],
    ["image_classes", "trees", ("nodes", [10**12])],
    ["image_classes", "trees", ("features", 3)],
    ["image_classes", "trees", ("classes", -1)],
    ["image_classes", "of", ("kind", "patches")],
    ["image_classes", "of", ("center", [math.pi])],
    ["image_classes", "of", ("axes", 10**9)],
    ["image_classes", "conformal", ("by_class", [])],
    ["image_classes", "held_out", ("confusion", [[1]])],
    ["image_classes", "held_out", ("classes", {})],
    ["image_classes", ("groups", -3)],
]


@pytest.mark.parametrize("path", DAMAGE, ids=[str(path[-1]) for path in DAMAGE])
def test_an_edited_description_ends_with_a_sentence(learned, tmp_path, path) -> None:
    save_image_classes(learned, tmp_path / "model")
    file = tmp_path / "model" / "model.json"
    description = json.loads(file.read_text())
    put(description, *path)
    file.write_text(json.dumps(description))
    with pytest.raises(InputError) as raised:
        load_image_classes(tmp_path / "model")
    assert str(raised.value).count("\n") == 0


@pytest.mark.parametrize("name", ["weights.safetensors", "model.json"])
@pytest.mark.parametrize("how", ["cut", "gone", "other"])
def test_damaged_files_end_with_a_sentence(learned, tmp_path, name, how) -> None:
    save_image_classes(learned, tmp_path / "model")
    file = tmp_path / "model" / name
    whole = file.read_bytes()
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[: len(whole) // 2] if how == "cut" else b"\x80\x04K.")
    with pytest.raises(InputError) as raised:
        load_image_classes(tmp_path / "model")
    assert str(raised.value).count("\n") == 0
    shutil.rmtree(tmp_path / "model")
