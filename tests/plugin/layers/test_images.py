import numpy as np
import pytest
from napari.layers import Labels

from napari_sciml.errors import InputError
from napari_sciml.plugin.layers.images import voxel_size

BLANK = np.zeros((4, 5, 6), np.uint8)
PLACES = [
    ({"scale": (3, 1, 1)}, (3, 1, 1), "pixel"),
    ({"scale": (2, 2, 2), "units": ("um",) * 3}, (2, 2, 2), "micrometer"),
    ({"affine": np.diag([3, 2, 2, 1])}, (3, 2, 2), "pixel"),
    ({"scale": (2, 1, 1), "affine": np.diag([3, 2, 2, 1])}, (6, 2, 2), "pixel"),
    ({"scale": (-2, 1, 1), "rotate": 30}, (2, 1, 1), "pixel"),
    (
        {"scale": (1, 500, 500), "units": ("um", "nm", "nm")},
        (1000, 500, 500),
        "nanometer",
    ),
]


@pytest.mark.parametrize(("place", "size", "unit"), PLACES)
def test_voxels_are_measured_as_they_lie_in_the_world(place, size, unit) -> None:
    found, told = voxel_size(Labels(BLANK, **place))
    np.testing.assert_allclose(found, size, rtol=1e-6)
    assert told == unit


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ({"shear": (0.5, 0, 0)}, "sheared"),
        ({"units": ("pixel", "um", "um")}, "units"),
    ],
)
def test_what_has_no_voxel_size_is_refused(place, reason) -> None:
    with pytest.raises(InputError, match=reason):
        voxel_size(Labels(BLANK, **place))
