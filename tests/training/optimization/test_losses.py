import itertools
import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from napari_sciml.training.data import sampling
from napari_sciml.training.data.targets import IGNORE
from napari_sciml.training.optimization.loss_config import LABELED_TERMS, LossConfig
from napari_sciml.training.optimization.losses import (
    cross_entropy,
    dice,
    focal,
    focal_tversky,
    make_loss,
    masked_l1,
    masked_l2,
    total_variation,
    tversky,
)

LN = math.log
LABELED = {
    "cross_entropy": cross_entropy,
    "dice": dice,
    "focal": focal,
    "tversky": tversky,
    "focal_tversky": focal_tversky,
}
SHAPES = [(9,), (5, 4), (4, 3, 3)]


def each_labeled(function):
    return pytest.mark.parametrize("loss", LABELED.values(), ids=LABELED)(function)


def problem(shape, classes=3, labeled=0.6, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((2, classes, *shape), generator=generator, dtype=dtype)
    targets = torch.randint(0, classes, (2, *shape), generator=generator)
    targets[torch.rand(targets.shape, generator=generator) > labeled] = IGNORE
    return logits.requires_grad_(), targets


def sure(probabilities, targets):
    """Logits of two classes, given the probability of the second in each voxel."""
    p = torch.tensor(probabilities, dtype=torch.float64)
    logits = torch.stack([(1 - p).log(), p.log()])[None]
    return logits, torch.tensor(targets)[None]


def test_what_is_not_annotated_has_one_number():
    assert IGNORE == sampling.IGNORE


HAND = ([0.9, 0.2, 0.4, 0.7, 0.5], [1, 0, 1, -1, 0])


@pytest.mark.parametrize(
    ("loss", "settings", "expected"),
    [
        (cross_entropy, {}, -(LN(0.9) + LN(0.8) + LN(0.4) + LN(0.5)) / 4),
        (
            focal,
            {"gamma": 2.0},
            -(
                0.01 * LN(0.9) + 0.04 * LN(0.8) + 0.36 * LN(0.4) + 0.25 * LN(0.5)
            )  # each voxel on its own
            / 4,
        ),
        # Class 1: TP 1.3, FP 0.7, FN 0.7. Class 0: TP 1.3, FP 0.7, FN 0.7.
        (dice, {}, 1 - 2.6 / 4),
        (tversky, {"alpha": 0.9, "beta": 0.1}, 1 - 1.3 / 2),
        (focal_tversky, {"gamma": 2.0}, 0.35**2),
    ],
)
def test_by_hand(loss, settings, expected):
    assert loss(*sure(*HAND), **settings).item() == pytest.approx(expected)


def test_tversky_costs_by_hand():
    """Class 1: TP 1.3, FP 0.7, FN 0.2. Class 0: TP 1.3, FP 0.2, FN 0.7."""
    case = sure([0.9, 0.2, 0.4, 0.5, 0.5], [1, 0, 1, 0, IGNORE])
    case[0].data[0, :, 2] = torch.tensor([0.1, 0.9]).log()
    case[0].data[0, :, 1] = torch.tensor([0.8, 0.2]).log()
    one = (1.8, 0.7, 0.2)
    zero = (1.3, 0.2, 0.7)
    expected = [1 - tp / (tp + 0.3 * fp + 0.7 * fn) for tp, fp, fn in (one, zero)]
    assert tversky(*case).item() == pytest.approx(np.mean(expected))
    found = tversky(*case, torch.tensor([1.0, 3.0]))
    assert found.item() == pytest.approx((3 * expected[0] + expected[1]) / 4)
    found = focal_tversky(*case, gamma=0.75)
    assert found.item() == pytest.approx(np.mean(np.array(expected) ** 0.75))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weights", [None, (0.5, 2.0, 1.0), (0.0, 1.0, 1.0)])
def test_cross_entropy_is_that_of_torch(shape, weights):
    logits, targets = problem(shape)
    weights = None if weights is None else torch.tensor(weights)
    expected = torch.nn.functional.cross_entropy(
        logits,
        targets,
        weight=None if weights is None else weights.double(),
        ignore_index=IGNORE,
    )
    assert torch.allclose(cross_entropy(logits, targets, weights), expected)
    assert torch.allclose(focal(logits, targets, weights, gamma=0), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_tversky_of_one_half_is_dice(shape):
    logits, targets = problem(shape)
    assert torch.equal(
        tversky(logits, targets, alpha=0.5, beta=0.5), dice(logits, targets)
    )
    assert torch.allclose(
        focal_tversky(logits, targets, alpha=0.5, beta=0.5, gamma=1),
        dice(logits, targets),
    )


def test_dice_of_sure_answers_is_that_of_masks():
    rng = np.random.default_rng(0)
    truth, answer = rng.integers(0, 3, (2, 200))
    logits = torch.full((1, 3, 200), -100.0)
    logits[0, answer, np.arange(200)] = 100.0
    by_class = [
        2
        * np.sum((truth == c) & (answer == c))
        / (np.sum(truth == c) + np.sum(answer == c))
        for c in range(3)
    ]
    found = dice(logits, torch.from_numpy(truth)[None]).item()
    assert found == pytest.approx(1 - np.mean(by_class), rel=1e-5)


@each_labeled
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weights", [None, (0.5, 2.0, 1.0)])
def test_gradient(loss, shape, weights):
    logits, targets = problem(shape)
    weights = None if weights is None else torch.tensor(weights)
    assert torch.autograd.gradcheck(lambda x: loss(x, targets, weights), logits)


@pytest.mark.parametrize("shape", [*SHAPES, (1, 5), (1, 1)])
def test_gradient_of_total_variation(shape):
    assert torch.autograd.gradcheck(total_variation, problem(shape)[0])


@each_labeled
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_not_annotated_does_not_matter(loss, shape):
    logits, targets = problem(shape)
    spoiled = logits.detach().clone()
    spoiled.movedim(1, -1)[targets == IGNORE] = torch.tensor([50.0, -9, 0]).double()
    assert torch.equal(loss(logits, targets), loss(spoiled, targets))
    loss(logits, targets).backward()
    by_voxel = logits.grad.movedim(1, -1)
    assert not by_voxel[targets == IGNORE].any()
    assert by_voxel[targets != IGNORE].abs().amin() > 0


@each_labeled
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weights", [None, (1.0, 2.0, 0.5)])
def test_without_labels_there_is_no_loss(loss, shape, weights):
    logits, targets = problem(shape, labeled=0)
    found = loss(logits, targets, None if weights is None else torch.tensor(weights))
    found.backward()
    assert found.item() == 0
    assert not logits.grad.any()


@each_labeled
@pytest.mark.parametrize("scale", [1.0, 100.0, 1e4])
@pytest.mark.parametrize("right", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_sure_answers_are_finite(loss, scale, right, dtype):
    targets = torch.tensor([[0, 1, 1, IGNORE]])
    answer = targets.clamp_min(0) if right else 1 - targets.clamp_min(0)
    logits = torch.nn.functional.one_hot(answer, 2).movedim(-1, 1).to(dtype) * scale
    logits.requires_grad_()
    found = loss(logits, targets)
    found.backward()
    assert found.dtype == torch.float32
    assert torch.isfinite(found)
    assert torch.isfinite(logits.grad).all()
    if scale > 1:
        assert (found < 1e-3) == right


@pytest.mark.parametrize("loss", [dice, tversky, focal_tversky])
def test_an_absent_class_neither_costs_nor_saves(loss):
    """A hundredth more or less of its probability changes hardly anything."""
    logits, targets = problem((30,), classes=2, labeled=1)
    none = torch.full((2, 1, 30), -40.0, dtype=torch.float64)
    little = none + 35
    plain = loss(logits, targets).item()
    assert loss(torch.cat([logits, none], 1), targets).item() == pytest.approx(plain)
    more = loss(torch.cat([logits, little], 1), targets).item()
    assert plain < more < plain + 0.01


@pytest.mark.parametrize("loss", [dice, tversky, focal_tversky])
def test_what_goes_to_an_absent_class_costs(loss):
    targets = torch.zeros((1, 8), dtype=torch.int64)
    logits = torch.zeros((1, 2, 8))
    better = logits.clone()
    better[:, 0] = 1
    assert loss(better, targets) < loss(logits, targets)


def test_hard_voxels_hold_the_focal_loss():
    """Twenty easy voxels and a hard one: the hard share grows with gamma."""
    case = sure([0.95] * 20 + [0.3], [1] * 21)
    hard = sure([0.3], [1])
    shares = [
        (focal(*hard, gamma=g) / 21 / focal(*case, gamma=g)).item() for g in (0, 1, 2)
    ]
    assert shares[0] < 0.6 < 0.9 < shares[1] < shares[2]


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_total_variation_by_hand(dims):
    board = torch.from_numpy(np.indices((4,) * dims).sum(0) % 2 * 1.0)
    stripes = torch.from_numpy(np.indices((4,) * dims)[0] % 2 * 1.0)
    step = torch.from_numpy((np.indices((4,) * dims)[-1] > 1) * 1.0)
    for image, expected in ((board, 1), (stripes, 1 / dims), (step, 1 / 3 / dims)):
        logits = 100 * torch.stack([image, 1 - image])[None]
        assert total_variation(logits).item() == pytest.approx(expected)
    assert total_variation(torch.randn(2, 3, *[1] * dims)).item() == 0


def test_total_variation_against_numpy():
    logits = problem((4, 5, 6))[0].detach()
    p = torch.softmax(logits, 1).numpy()
    expected = np.mean([np.abs(np.diff(p, axis=a)).mean() for a in (2, 3, 4)])
    assert total_variation(logits).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("loss", "power"), [(masked_l1, 1), (masked_l2, 2)], ids=["l1", "l2"]
)
class TestMasked:
    @pytest.mark.parametrize("shape", SHAPES)
    def test_against_numpy(self, loss, power, shape):
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(2, 2, 3, *shape))
        mask = rng.random((2, 3, *shape)) < 0.4
        found = loss(*map(torch.from_numpy, (a, b, mask)))
        assert found.item() == pytest.approx((np.abs(a - b) ** power)[mask].mean())
        one = mask[:, :1]
        found = loss(*map(torch.from_numpy, (a, b, one.astype(np.float32))))
        spread = np.broadcast_to(one, a.shape)
        assert found.item() == pytest.approx((np.abs(a - b) ** power)[spread].mean())

    def test_gradient_and_missing_targets(self, loss, power):
        a, b = torch.randn(2, 1, 2, 5, dtype=torch.float64)[:, None].unbind(0)
        mask = torch.tensor([1, 0, 1, 1, 0])
        b[..., mask == 0] = math.nan
        a.requires_grad_()
        assert torch.autograd.gradcheck(lambda x: loss(x, b, mask), a)
        loss(a, b, mask).backward()
        assert not a.grad[..., mask == 0].any()

    def test_empty_mask(self, loss, power):
        a = torch.randn(1, 1, 5, requires_grad=True)
        found = loss(a, torch.zeros(1, 1, 5), torch.zeros(1, 1, 5))
        found.backward()
        assert found.item() == 0
        assert not a.grad.any()


def test_default_is_the_cross_entropy():
    logits, targets = problem((5, 4))
    weights = torch.tensor([1.0, 2.0, 3.0])
    found = make_loss(LossConfig())(logits, targets, weights)
    assert torch.equal(found, cross_entropy(logits, targets, weights))


def test_terms_add_up():
    logits, targets = problem((5, 4))
    weights = torch.tensor([1.0, 2.0, 3.0])
    case = (logits, targets, weights)
    config = LossConfig(
        cross_entropy=0.5,
        dice=2,
        focal=3,
        focal_gamma=1,
        tversky=4,
        tversky_alpha=0.2,
        focal_tversky=5,
        focal_tversky_gamma=1.5,
        total_variation=6,
    )
    expected = (
        0.5 * cross_entropy(*case)
        + 2 * dice(*case)
        + 3 * focal(*case, gamma=1)
        + 4 * tversky(*case, alpha=0.2, beta=0.8)
        + 5 * focal_tversky(*case, alpha=0.2, beta=0.8, gamma=1.5)
        + 6 * total_variation(logits)
    )
    assert torch.allclose(make_loss(config)(*case), expected)


@pytest.mark.parametrize(
    "terms", [*itertools.combinations(LABELED_TERMS, 2), LABELED_TERMS]
)
def test_sums_without_labels_are_zero(terms):
    config = LossConfig(**{"cross_entropy": 0} | dict.fromkeys(terms, 1.0))
    logits, targets = problem((4, 4), labeled=0)
    found = make_loss(config)(logits, targets, None)
    found.backward()
    assert found.item() == 0
    assert not logits.grad.any()


def test_a_crop_without_labels_can_still_be_smoothed():
    logits, targets = problem((4, 4), labeled=0)
    found = make_loss(LossConfig(total_variation=0.1))(logits, targets, None)
    assert torch.allclose(found, 0.1 * total_variation(logits))


@pytest.mark.parametrize(
    "settings",
    [
        {"cross_entropy": 0},
        {"cross_entropy": 0, "total_variation": 1},
        {"cross_entropy": -1},
        {"dice": -0.1},
        {"tversky_alpha": 0},
        {"tversky_alpha": 1},
        {"focal_gamma": -1},
        {"focal_tversky_gamma": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_make_no_sense(settings):
    with pytest.raises(ValidationError):
        LossConfig(**settings)


def test_configurations_do_not_import_torch():
    """Forms and the command line are made from them."""
    modules = (
        "optimization.loss_config",
        "optimization.optimizer_config",
        "data.augmentation_config",
    )
    code = "import sys\n"
    code += "".join(f"import napari_sciml.training.{name}\n" for name in modules)
    code += "assert not {'torch', 'scipy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
