import cc3d
import numpy as np
import pytest
from pydantic import ValidationError
from scipy import ndimage
from skimage.filters import threshold_otsu

from napari_sciml.errors import InputError
from napari_sciml.samples.centerlines import STEP
from napari_sciml.samples.phantom import Phantom, PhantomConfig, make_phantom

SMALL = PhantomConfig(shape=(64, 64, 64), seed=3)


@pytest.fixture(scope="module")
def phantom() -> Phantom:
    return make_phantom(PhantomConfig(seed=1))


@pytest.fixture(scope="module")
def small() -> Phantom:
    return make_phantom(SMALL)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * np.sum(a & b) / (a.sum() + b.sum())


def instance_f1(found: np.ndarray, truth: np.ndarray, least_iou: float) -> float:
    both = (found > 0) & (truth > 0)
    pairs = np.stack([found[both], truth[both]]).astype(int)
    pairs, common = np.unique(pairs, axis=1, return_counts=True)
    sizes = [np.bincount(x.ravel()) for x in (found, truth)]
    union = sizes[0][pairs[0]] + sizes[1][pairs[1]] - common
    # Above 0.5 no instance can match two others: no assignment is needed.
    matches = np.sum(common / union > max(least_iou, 0.5))
    return 2 * matches / sum(np.sum(s[1:] > 0) for s in sizes)


def test_same_seed_same_bytes(small: Phantom) -> None:
    again = make_phantom(SMALL)
    assert again.image.tobytes() == small.image.tobytes()
    assert again.labels.tobytes() == small.labels.tobytes()
    assert again.fibers.equals(small.fibers)


def test_other_seed_other_fibers(small: Phantom) -> None:
    other = make_phantom(SMALL.model_copy(update={"seed": 4}))
    assert not np.array_equal(other.labels, small.labels)


def test_noise_leaves_the_fibers_where_they_are(small: Phantom) -> None:
    noisy = make_phantom(SMALL.model_copy(update={"noise": 0.1}))
    assert np.array_equal(noisy.labels, small.labels)
    assert not np.array_equal(noisy.image, small.image)


@pytest.mark.parametrize(
    "shape", [(32, 32, 32), (48, 48, 48), (40, 64, 96), (96, 33, 50), (33, 80, 41)]
)
def test_small_and_oblong_volumes(shape: tuple[int, int, int]) -> None:
    made = make_phantom(PhantomConfig(shape=shape))
    assert made.image.shape == made.labels.shape == shape
    assert made.image.dtype == made.labels.dtype == np.uint16
    assert len(made.fibers) == made.labels.max() >= 1
    assert np.unique(made.image).size > 1000


def test_wanted_number_of_fibers() -> None:
    made = make_phantom(PhantomConfig(shape=(64, 64, 64), n_fibers=15))
    assert len(made.fibers) == len(made.centerlines) == made.labels.max() == 15


def test_wanted_volume_fraction(phantom: Phantom) -> None:
    assert np.mean(phantom.labels > 0) == pytest.approx(0.025, rel=0.1)


def test_centerlines_lie_in_their_labels(phantom: Phantom) -> None:
    for label, line in zip(phantom.fibers["label"], phantom.centerlines, strict=True):
        found = phantom.labels[tuple(np.rint(line).astype(int).T)]
        # The last voxel at an end may have its center beyond the flat end.
        assert np.all(found[2:-2] == label)
        assert np.all(np.isin(found, (label, 0)))


def test_voxels_are_near_their_centerlines(phantom: Phantom) -> None:
    radii = phantom.fibers["radius"] / phantom.voxel_size
    whole = ~phantom.fibers["touches_border"].to_numpy()
    assert whole.sum() > 10
    for i in np.flatnonzero(whole):
        voxels = np.argwhere(phantom.labels == i + 1)
        offsets = voxels[:, None] - phantom.centerlines[i][None]
        distance = np.linalg.norm(offsets, axis=2).min(axis=1)
        assert distance.max() <= radii[i] + 0.1
        assert distance.max() >= radii[i] - 0.5


def test_voxel_counts_agree_with_radius_and_length(phantom: Phantom) -> None:
    table = phantom.fibers[~phantom.fibers["touches_border"]]
    volume = np.pi * table["radius"] ** 2 * table["length"] / phantom.voxel_size**3
    assert np.allclose(table["voxels"], volume, rtol=0.1)
    counts = np.bincount(phantom.labels.ravel())[1:]
    assert np.array_equal(phantom.fibers["voxels"], counts)


def test_lengths_are_consistent(phantom: Phantom) -> None:
    table, h = phantom.fibers, phantom.voxel_size
    assert np.all(table["end_to_end"] <= table["length"] * (1 + 1e-9))
    assert np.all(table["length"] <= table["full_length"] * (1 + 1e-9))
    whole = table[~table["touches_border"]]
    # Samples cut an arc's corners by a share of 1e-4 at most.
    assert np.allclose(whole["length"], whole["full_length"], rtol=1e-3)
    arcs = [np.linalg.norm(np.diff(c, axis=0), axis=1) for c in phantom.centerlines]
    assert np.allclose(table["length"], [a.sum() * h for a in arcs])
    assert max(a.max() for a in arcs) <= STEP + 1e-9


def test_sizes_follow_the_configuration(phantom: Phantom) -> None:
    table, h = phantom.fibers, phantom.voxel_size
    assert table["full_length"].mean() / h == pytest.approx(45, abs=5)
    assert table["radius"].mean() / h == pytest.approx(2.5, abs=0.15)


def test_directions_are_unit_vectors_and_agree_with_voxels(phantom: Phantom) -> None:
    table = phantom.fibers
    directions = table[["dz", "dy", "dx"]].to_numpy()
    assert np.allclose(np.linalg.norm(directions, axis=1), 1)
    assert np.all(directions[:, 0] >= 0)
    theta, phi = np.radians(table["theta_deg"]), np.radians(table["phi_deg"])
    sine = np.sin(theta)
    rebuilt = np.stack([np.cos(theta), sine * np.sin(phi), sine * np.cos(phi)], axis=1)
    assert np.allclose(rebuilt, directions)
    long = table.index[table["length"] > 25 * phantom.voxel_size]
    for i in long:
        voxels = np.argwhere(phantom.labels == i + 1)
        main = np.linalg.svd(voxels - voxels.mean(axis=0), full_matrices=False)[2][0]
        assert abs(main @ directions[i]) > np.cos(np.radians(6))


def test_border_flags(phantom: Phantom) -> None:
    inner = phantom.labels[1:-1, 1:-1, 1:-1]
    all_counts = np.bincount(phantom.labels.ravel())
    inner_counts = np.bincount(inner.ravel(), minlength=len(all_counts))
    touches = (all_counts != inner_counts)[1:]
    assert np.array_equal(phantom.fibers["touches_border"], touches)
    assert touches.any()
    assert not touches.all()


def test_fibers_are_in_one_piece_and_apart(phantom: Phantom) -> None:
    clear = PhantomConfig(seed=2, shape=(80, 80, 80), bundled=0, clearance=2)
    made = make_phantom(clear)
    pieces, n = cc3d.connected_components(
        made.labels > 0, connectivity=26, return_N=True
    )
    assert n == len(made.fibers)
    pairs = np.unique(np.stack([pieces.ravel(), made.labels.ravel()]), axis=1)
    assert pairs.shape[1] == n + 1


def test_no_two_centerlines_are_nearer_than_their_radii(phantom: Phantom) -> None:
    radii = phantom.fibers["radius"].to_numpy() / phantom.voxel_size
    lines = phantom.centerlines
    for i, line in enumerate(lines):
        for j in range(i):
            gap = np.linalg.norm(line[:, None] - lines[j][None], axis=2).min()
            assert gap > radii[i] + radii[j] - 0.1


@pytest.mark.parametrize("seed", [1, 2])
def test_threshold_fails_but_a_perfect_mask_does(seed: int) -> None:
    made = make_phantom(PhantomConfig(shape=(96, 96, 96), seed=seed))
    truth = made.labels > 0
    assert dice(made.image > threshold_otsu(made.image), truth) < 0.4
    grays = np.quantile(made.image, np.linspace(0.5, 0.995, 40))
    assert max(dice(made.image > gray, truth) for gray in grays) < 0.5
    found = cc3d.connected_components(truth, connectivity=26)
    assert instance_f1(found, made.labels, 0.5) > 0.9


def test_contrast_to_noise(phantom: Phantom) -> None:
    truth = phantom.labels > 0
    core = phantom.image[ndimage.binary_erosion(truth)].astype(float)
    shell = ndimage.binary_dilation(truth, iterations=6)
    shell &= ~ndimage.binary_dilation(truth, iterations=3)
    paste = np.median(phantom.image[shell])
    spread = np.median(np.abs(phantom.image[shell] - paste)) * 1.4826
    assert 3 < (core.mean() - paste) / spread < 6


def test_clustered_preset_touches() -> None:
    made = make_phantom(PhantomConfig.clustered(shape=(80, 80, 80)))
    found = cc3d.connected_components(made.labels > 0, connectivity=26)
    assert instance_f1(found, made.labels, 0.5) < 0.6


def test_preferred_direction() -> None:
    config = PhantomConfig(
        shape=(64, 64, 64), direction=(0, 3, 3), concentration=40, n_fibers=15
    )
    directions = make_phantom(config).fibers[["dz", "dy", "dx"]].to_numpy()
    cosines = np.abs(directions @ np.array([0, 1, 1]) / np.sqrt(2))
    assert cosines.mean() > 0.9


def test_dark_fibers_and_bare_matrix() -> None:
    config = PhantomConfig(
        shape=(48, 48, 48), fiber_gray=0.2, aggregate_fraction=0, void_fraction=0
    )
    made = make_phantom(config)
    inside = made.image[made.labels > 0].mean()
    assert inside < made.image[made.labels == 0].mean() - 5000


def test_perfect_scanner() -> None:
    flaws = ("blur", "cupping", "rings", "noise", "white_noise", "noise_grain")
    matrix = ("paste_texture", "aggregate_fraction", "void_fraction")
    off = dict.fromkeys(flaws + matrix, 0)
    made = make_phantom(PhantomConfig(shape=(40, 40, 40), **off))
    assert made.image.min() == round(0.42 * 65535)
    assert made.image.max() == round(0.61 * 65535)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": (31, 64, 64)}, "too small for a phantom"),
        ({"shape": (2000, 2000, 2000)}, "too large for a phantom"),
        ({"shape": (32, 32, 32), "n_fibers": 500}, "fibers fit into the volume"),
        ({"shape": (32, 32, 32), "direction": (0, 0, 0)}, "direction is zero"),
    ],
)
def test_bad_input(changes: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make_phantom(PhantomConfig(**changes))


@pytest.mark.parametrize(
    "changes",
    [{"noise": -1}, {"colour": 1}, {"aggregate_radius": (9, 4)}, {"voxel_size": 0}],
)
def test_bad_configuration(changes: dict) -> None:
    with pytest.raises(ValidationError):
        PhantomConfig(**changes)
