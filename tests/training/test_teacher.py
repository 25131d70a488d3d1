"""How much networks count beside trees: what held-out strokes say about both."""

import numpy as np
import pytest

from napari_sciml.annotation.scribbles import as_scribbles
from napari_sciml.progress import exhaust
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.live import LiveTraining
from napari_sciml.training.teacher import LEARNED, MOST_TRUST, PRESUMED
from napari_sciml.uncertainty.cut import LEANING

CLASSES = ("background", "fiber")


@pytest.fixture(scope="module")
def training(fibers):
    """With many strokes, of which a third is held out."""
    image, _, truth = fibers(2, noise=60.0)
    labels = np.zeros(truth.shape, np.uint8)
    labels[::5, 2:-2:4] = labels[::5, 3:-2:4] = 3
    labels = np.where(labels > 0, 1 + truth, 0).astype(np.uint8)
    config = TrainingConfig(members=1, crop=16, threads=1, holdout=0.35, gap=0)
    begun = LiveTraining(image, labels, config, CLASSES)
    exhaust(begun.advance())
    return begun


def networks(training, kind):
    """What networks would say about the held-out voxels."""
    truth = np.eye(2)[training.trainer.validation.truth]
    return {
        "perfect": truth * 0.98 + 0.01,
        "useless": np.full_like(truth, 0.5),
        "wrong": 1 - truth,
    }[kind].astype(np.float32)


def weighed(training, kind, steps=10 * LEARNED, looks=40, share=0.25):
    teacher, found = training.trainer.teacher, []
    teacher.trust = 0.0
    for _ in range(looks):
        answers = networks(training, kind)
        teacher.weigh(answers, training.trainer.validation, steps, share=share)
        found.append(teacher.trust)
    return np.array(found)


def test_there_is_evidence(training):
    test = training.trainer.validation
    known, answers = training.trainer.teacher.told(test)
    assert known.all()
    assert len(np.unique(test.strokes)) > 30
    right = answers.argmax(1) == test.truth
    assert 0.7 < right.mean() < 0.99, "neither hopeless nor perfect"


def test_what_helps_gains_weight_and_what_does_not_loses_it(training):
    perfect, useless, wrong = (
        weighed(training, kind)[-1] for kind in ("perfect", "useless", "wrong")
    )
    assert perfect > 0.4
    assert useless < PRESUMED / 2
    assert wrong < PRESUMED / 2
    assert wrong <= useless < PRESUMED < perfect <= MOST_TRUST


@pytest.mark.parametrize("kind", ["perfect", "useless", "wrong"])
@pytest.mark.parametrize("share", [0.1, 0.25, 1.0])
def test_the_weight_never_jumps(training, kind, share):
    trust = weighed(training, kind, share=share)
    moves = np.abs(np.diff([0.0, *trust]))
    assert moves.max() <= share * MOST_TRUST + 1e-9
    assert (trust >= 0).all()
    assert (trust <= MOST_TRUST).all()
    assert (np.diff(trust) >= -1e-9).all(), "straight to where it belongs"


def test_young_networks_are_presumed_to_know_nothing(training):
    young = weighed(training, "perfect", steps=1)[-1]
    assert young < weighed(training, "perfect")[-1]
    # All the same, evidence counts from the first step on.
    assert young > weighed(training, "useless", steps=1)[-1]


def test_without_evidence_training_time_decides(fibers):
    image, labels, _ = fibers(2)
    config = TrainingConfig(members=1, crop=16, threads=1, holdout=0.0)
    begun = LiveTraining(image, labels, config, CLASSES)
    exhaust(begun.advance())
    teacher, test = begun.trainer.teacher, begun.trainer.validation
    nothing = np.empty((0, 2), np.float32)
    for steps, expected in ((0, 0), (LEARNED // 2, PRESUMED / 2), (9999, PRESUMED)):
        teacher.weigh(nothing, test, steps, share=1.0)
        assert teacher.trust == pytest.approx(expected)
    assert begun.scores() is None


def test_the_test_is_told_by_trees_that_never_saw_it(fibers):
    """Labels that mean nothing are not known, though all trees learned from them."""
    image, _, _ = fibers(2)
    rng = np.random.default_rng(0)
    labels = np.zeros(image.shape, np.uint8)
    labels[3::7, 3::7] = rng.integers(1, 3, labels[3::7, 3::7].shape)
    image = rng.normal(size=image.shape).astype(np.float32)
    config = TrainingConfig(members=1, crop=16, threads=1, holdout=0.4, gap=0)
    begun = LiveTraining(image, labels, config, CLASSES)
    exhaust(begun.advance())
    test = begun.trainer.validation
    known, answers = begun.trainer.teacher.told(test)
    assert known.all()
    right = (answers.argmax(1) == test.truth).mean()
    assert right == pytest.approx(0.5, abs=0.2)


def test_cut_by_the_kind_of_strokes(training):
    """Corrections say where the picture was wrong: their cut needs no look."""
    teacher = training.trainer.teacher
    first = exhaust(teacher.offsets(1.0))
    assert first[0] == 0
    assert first[1] != 0
    corrected = exhaust(teacher.offsets(0.0))
    assert corrected[0] == 0
    assert -LEANING[2] <= corrected[1] < 0
    assert np.array_equal(first, exhaust(teacher.offsets(1.0)))
    between = exhaust(teacher.offsets(0.5))[1]
    assert min(first[1], corrected[1]) <= between <= max(first[1], corrected[1])


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3])
def test_a_known_share_is_met(training, share):
    ensemble = training.trainer.best()
    prior = (1 - share, share)
    offsets = exhaust(training.trainer.teacher.offsets_for(prior, ensemble))
    ensemble.set_calibration(log_prior_ratio=offsets.tolist())
    from napari_sciml.prediction.blockwise import predict

    found = (predict(ensemble, training.image).mean[1] > 0.5).mean()
    assert found == pytest.approx(share, abs=max(0.02, share / 3))


def test_labels_that_were_erased_do_not_matter(training, fibers):
    """Trees are grown from the labels as they are, in whatever order they came."""
    image, labels, _ = fibers(2)
    config = TrainingConfig(members=1, crop=16, threads=1)
    begun = LiveTraining(image, labels, config, CLASSES)
    grown = exhaust(begun.trainer.teacher.grow(as_scribbles(labels), sampling=0.5))
    half = labels.copy()
    half[:50] = 0
    other = exhaust(begun.trainer.teacher.grow(as_scribbles(half), sampling=0.5))
    assert (other.indices >= 50 * labels.shape[1]).all()
    again = exhaust(begun.trainer.teacher.grow(as_scribbles(labels), sampling=0.5))
    assert np.array_equal(again.out_of_bag, grown.out_of_bag)


@pytest.mark.parametrize(("sampling", "share"), [(1.0, None), (0.25, 0.375), (0, 0.5)])
def test_a_linear_model_helps_as_far_as_strokes_correct(
    fibers, sampling, share
) -> None:
    """Strokes that were painted in advance gained nothing by it."""
    image, labels, _ = fibers(2)
    config = TrainingConfig(members=1, crop=16, threads=1)
    begun = LiveTraining(image, labels, config, CLASSES)
    teacher = begun.trainer.teacher
    trees = exhaust(teacher.grow(as_scribbles(labels), sampling=sampling)).trees
    assert (trees.linear and trees.linear.share) == share
