import numpy as np
import pytest
from pydantic import ValidationError

from napari_sciml.errors import InputError
from napari_sciml.uncertainty.threshold import ThresholdConfig, confident

NAMES = ("background", "fiber", "void")


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize(
    ("mean", "std", "k", "t", "expected"),
    [
        (0.75, 0.125, 1, 0.5, True),
        (0.75, 0.25, 1, 0.5, False),  # equal is not above
        (0.75, 0.25, 0, 0.5, True),
        (0.75, 0.125, 3, 0.5, False),
        (1.0, 0.0, 5, 0.99, True),
        (np.nan, 0.0, 1, 0.5, False),
        (0.9, np.nan, 1, 0.5, False),
    ],
)
def test_lower_bound(dtype, mean, std, k, t, expected):
    found = confident(
        np.full((2, 3), mean, dtype), np.full((2, 3), std, dtype), k=k, t=t
    )
    assert found.dtype == bool
    assert (found == expected).all()


def test_half_precision_is_computed_in_single():
    mean, std = np.float16([0.7002]), np.float16([0.1001])
    exact = float(mean[0]) - 1.999 * float(std[0])
    assert confident(mean, std, k=1.999, t=exact - 1e-5)
    assert not confident(mean, std, k=1.999, t=exact + 1e-5)


def test_inputs_stay_as_they_are():
    mean, std = np.ones((2, 2), np.float32), np.ones((2, 2), np.float32)
    confident(mean, std)
    assert (mean == 1).all()
    assert (std == 1).all()


@pytest.mark.parametrize(
    ("mean", "std", "options", "reason"),
    [
        (np.zeros(2), np.zeros(3), {}, "same prediction"),
        (np.zeros(2), np.zeros(2), {"k": -1}, "not negative"),
        (np.zeros(2), np.zeros(2), {"k": np.nan}, "finite"),
        (np.zeros(2), np.zeros(2), {"t": np.inf}, "finite"),
    ],
)
def test_bad_input(mean, std, options, reason):
    with pytest.raises(InputError, match=reason):
        confident(mean, std, **options)


@pytest.mark.parametrize(
    "wrong",
    [{"k": -0.1}, {"k": float("inf")}, {"t": 1}, {"t": -0.1}, {"class_name": ""}],
)
def test_config_is_bounded(wrong):
    with pytest.raises(ValidationError):
        ThresholdConfig(**wrong)


@pytest.mark.parametrize(
    ("name", "index"), [("fiber", 1), ("background", 0), ("1", 0), ("2", 1), ("3", 2)]
)
def test_class_by_name_or_number(name, index):
    assert ThresholdConfig(class_name=name).class_index(NAMES) == index


@pytest.mark.parametrize("name", ["0", "4", "Fiber", "-1", "1.5"])
def test_unknown_class_tells_which_there_are(name):
    with pytest.raises(InputError, match="2 = fiber"):
        ThresholdConfig(class_name=name).class_index(NAMES)
