"""Patches, their descriptions, maps, clusters, odd ones: against brute force."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from napari_sciml.errors import InputError
from napari_sciml.exploring import maps
from napari_sciml.exploring.config import ExploreConfig, Grouping
from napari_sciml.exploring.encoding import encode, train_encoder
from napari_sciml.exploring.front import describe_front, scale_of
from napari_sciml.exploring.groups import by_size, clusters
from napari_sciml.exploring.maps import choose_map, map_kinds, pca, project_latent
from napari_sciml.exploring.oddness import farthest_first, neighbor_distance
from napari_sciml.exploring.patches import PatchGrid, SlabReader, WholeImages
from napari_sciml.exploring.scaling import standardized
from napari_sciml.exploring.session import explore_steps
from napari_sciml.exploring.thumbnails import nearest_to_centers, picture
from napari_sciml.images.channels import ChannelImage
from napari_sciml.networks.scale_space import ScaleSpace, as_batch
from napari_sciml.progress import exhaust

RNG = np.random.default_rng(0)
VOLUME = RNG.normal(100, 10, (12, 40, 44)).astype(np.float32)
SMALL = ExploreConfig(patch=8, stride=4, map="pca", steps=5)


def explored(images, config=SMALL, **options):
    return exhaust(explore_steps(images, config, **options))


@pytest.mark.parametrize(
    ("shape", "patch", "stride", "dims", "found"),
    [
        ((64, 64), 32, 8, 2, (5, 5)),
        ((40, 64, 64), 32, 16, 2, (3, 3, 3)),
        ((40, 64, 64), 16, 16, 3, (2, 4, 4)),
        ((300, 32, 32), 32, 16, 2, (300, 1, 1)),  # frames that hold one patch each
        ((70, 65), 8, 8, 2, (8, 8)),
    ],
)
def test_patches_cover_the_image_evenly(shape, patch, stride, dims, found) -> None:
    grid = PatchGrid.of(np.zeros(shape), patch=patch, stride=stride, dims=dims)
    assert grid.shape == found
    assert len(grid) == np.prod(found) == len(grid.places())
    for starts, edge, n in zip(grid.starts, grid.size, shape, strict=True):
        before, after = starts[0], n - starts[-1] - edge
        assert 0 <= after - before <= 1


def test_a_patch_is_what_lies_round_its_center() -> None:
    grid = PatchGrid.of(VOLUME, patch=8, stride=4, dims=3)
    for index in (0, 7, len(grid) - 1):
        low = grid.places()[index] - 3.5
        region = tuple(slice(int(a), int(a) + 8) for a in low)
        np.testing.assert_array_equal(grid.read(index)[0], VOLUME[region])


@pytest.mark.parametrize(("dims", "spacing"), [(2, None), (3, None), (3, (2, 1, 1))])
@pytest.mark.parametrize("block", [None, 700])
def test_front_is_that_of_the_whole_image(monkeypatch, dims, spacing, block) -> None:
    if block:
        sizes = {2: block, 3: block}
        monkeypatch.setattr("napari_sciml.exploring.front.BLOCK_VOXELS", sizes)
    grid = PatchGrid.of(VOLUME, patch=8, stride=5, dims=dims)
    found = exhaust(describe_front(grid, spacing))
    front = ScaleSpace(dims, spacing=spacing)
    scaled = torch.from_numpy(scale_of(grid).apply(VOLUME))
    for index in (0, 3, len(grid) // 2, len(grid) - 1):
        region = grid.region(index)
        if dims == 2:
            channels = front(as_batch(scaled[region[0].start], 2))[0][:, *region[1:]]
        else:
            channels = front(as_batch(scaled, 3))[0][:, *region]
        flat = channels.flatten(1).double()
        parts = flat.mean(1), flat.std(1, correction=0), flat.amax(1)
        wanted = torch.cat(parts).numpy()
        np.testing.assert_allclose(found[index], wanted, atol=2e-4)


def test_each_channel_is_described() -> None:
    color = ChannelImage(RNG.normal(size=(40, 40, 3)).astype(np.float32))
    gray = PatchGrid.of(np.asarray(color[:, :])[..., 1], patch=8, stride=8, dims=2)
    several = PatchGrid.of(color, patch=8, stride=8, dims=2)
    numbers = exhaust(describe_front(several)).reshape(len(several), 3, 3, 16)
    own = exhaust(describe_front(gray)).reshape(len(gray), 3, 16)
    np.testing.assert_allclose(numbers[:, :, 1], own, atol=1e-4)


def test_neighbors_are_those_of_brute_force() -> None:
    latent = RNG.normal(size=(300, 5)).astype(np.float32)
    away = np.sort(cdist(latent, latent), axis=1)[:, 10]
    found = exhaust(neighbor_distance(latent))
    np.testing.assert_allclose(found, away / np.median(away), rtol=1e-3)


def test_of_many_patches_neighbors_are_looked_for_among_some(monkeypatch) -> None:
    monkeypatch.setattr(maps, "MOST_FITTED", 100)
    latent = RNG.normal(size=(300, 5)).astype(np.float32)
    rows = maps.fitted_rows(300, 0)
    away = cdist(latent, latent[rows])
    away[rows, np.arange(100)] = np.inf
    wanted = np.sort(away, axis=1)[:, 9]
    found = exhaust(neighbor_distance(latent))
    np.testing.assert_allclose(found, wanted / np.median(wanted), rtol=1e-3)


def test_an_odd_patch_is_the_oddest() -> None:
    image = RNG.normal(100, 2, (96, 96))
    image[40:48, 40:48] += 60
    found = explored(image)
    place = found.places[found.oddness.argmax()]
    assert np.abs(place - 43.5).max() <= 8


def test_farthest_first_is_greedy() -> None:
    latent = RNG.normal(size=(60, 3))
    chosen = farthest_first(latent, 8, near=np.array([4]))
    known = [4]
    for index in chosen:
        away = cdist(latent, latent[known]).min(1)
        assert away[index] == pytest.approx(away.max())
        known.append(index)
    assert len(farthest_first(np.zeros((5, 2)), 3)) == 0


@pytest.mark.parametrize("kind", map_kinds())
def test_the_same_seed_gives_the_same_map(kind) -> None:
    latent = RNG.normal(size=(80, 6)).astype(np.float32)
    first, second = (project_latent(latent, kind=kind, seed=3) for _ in range(2))
    assert first.shape == (80, 2)
    assert first.tobytes() == second.tobytes()


def test_those_beyond_the_limit_are_placed_among_their_like(monkeypatch) -> None:
    pytest.importorskip("openTSNE")
    monkeypatch.setattr(maps, "MOST_FITTED", 60)
    kinds = np.arange(150) % 3
    latent = (RNG.normal(size=(3, 8)) * 20)[kinds] + RNG.normal(size=(150, 8))
    plane = project_latent(latent.astype(np.float32), seed=1)
    near = cdist(plane, plane).argsort(1)[:, 1:6]
    assert (kinds[near] == kinds[:, None]).mean() > 0.95


def test_pca_is_that_of_scikit_learn() -> None:
    from sklearn.decomposition import PCA

    latent = RNG.normal(size=(50, 6)) * [5, 3, 1, 1, 1, 1]
    wanted = PCA(2).fit_transform(latent)
    found = pca(latent.astype(np.float32))
    np.testing.assert_allclose(np.abs(found), np.abs(wanted), atol=1e-4)
    assert pca(np.ones((5, 1), np.float32) * np.arange(5)[:, None]).shape == (5, 2)


def test_umap_parts_groups_and_places_others_among_them(monkeypatch) -> None:
    pytest.importorskip("umap", reason="umap-learn is not installed")
    monkeypatch.setattr(maps, "MOST_FITTED", 150)
    rng = np.random.default_rng(0)
    kinds = np.arange(300) % 3
    latent = (rng.normal(size=(300, 6)) + 8 * kinds[:, None]).astype(np.float32)
    plane = project_latent(latent, kind="umap", seed=1)
    assert plane.shape == (300, 2)
    assert np.isfinite(plane).all()
    np.testing.assert_array_equal(plane, project_latent(latent, kind="umap", seed=1))
    away = cdist(plane, plane)
    np.fill_diagonal(away, np.inf)
    assert (kinds[away.argmin(1)] == kinds).mean() > 0.97
    assert "umap" in map_kinds()


def test_without_opentsne_the_map_is_a_pca_that_says_so() -> None:
    kind, caution = choose_map("auto", lambda name: None)
    assert kind == "pca"
    assert 'pip install "napari-sciml[explore]"' in caution
    assert map_kinds(lambda name: None) == ("pca",)
    with pytest.raises(InputError, match="not installed"):
        choose_map("umap", lambda name: None)


@pytest.mark.parametrize("text", ["kmeans:3", "hdbscan:5"])
def test_clusters_find_three_heaps(text) -> None:
    kinds = np.repeat([0, 1, 2], [40, 20, 30])
    plane = np.array([[0, 0], [20, 0], [0, 20]])[kinds] + RNG.normal(size=(90, 2))
    found = clusters(plane, text, seed=1)
    assert [
        np.bincount(found[(kinds == k) & (found >= 0)]).argmax() for k in (0, 1, 2)
    ] == [0, 2, 1]


def test_clusters_are_numbered_by_size() -> None:
    found = by_size(np.array([2, 2, 0, -1, 5, 5, 5]))
    assert found.tolist() == [1, 1, 2, -1, 0, 0, 0]


@pytest.mark.parametrize("text", ["kmeans", "kmeans:x", "kmeans:1", "mean:4", ""])
def test_other_clusters_are_refused(text) -> None:
    with pytest.raises(InputError, match="kmeans:6 or hdbscan:50"):
        Grouping.parse(text)


def test_no_part_of_the_plane_with_patches_is_empty_in_the_grid() -> None:
    plane = RNG.normal(size=(200, 2)).astype(np.float32)
    chosen = nearest_to_centers(plane, bins=6)
    low, width = plane.min(0), (plane.max(0) - plane.min(0)) / 6
    cells = np.minimum(((plane - low) / width).astype(int), 5)
    for row, column in np.ndindex(6, 6):
        own = np.flatnonzero((cells == (column, 5 - row)).all(1))
        index = chosen[row, column]
        assert (index < 0) == (not len(own))
        if len(own):
            middle = low + (np.array([column, 5 - row]) + 0.5) * width
            away = np.linalg.norm((plane[own] - middle) / width, axis=1)
            assert index == own[away.argmin()]
    made = picture(chosen, lambda index: np.full((4, 4), float(index)))
    assert np.nanmin(made) == 0
    assert np.nanmax(made) == 1


def test_an_autoencoder_learns_until_it_is_enough_and_describes() -> None:
    grid = PatchGrid.of(VOLUME, patch=16, stride=8, dims=2)
    config = SMALL.model_copy(update={"describe": "autoencoder", "steps": 500})
    asked = []

    def enough() -> bool:
        asked.append(1)
        return len(asked) == 4

    learned = exhaust(train_encoder(grid, config, enough))
    assert learned.steps == 4
    latent, error = exhaust(encode(learned.model, grid))
    assert latent.shape == (len(grid), config.latent)
    wanted = learned.model.members[0].encode(
        torch.from_numpy(learned.model.intensity.apply(grid.read(5))[None])
    )
    np.testing.assert_allclose(latent[5], wanted.detach().numpy()[0], atol=1e-4)
    assert error.shape == (len(grid),)
    other = PatchGrid.of(VOLUME, patch=8, stride=8, dims=2)
    with pytest.raises(InputError, match="16 x 16 voxels"):
        exhaust(encode(learned.model, other))


@pytest.mark.parametrize("dims", [2, 3])
def test_a_model_describes_what_it_predicts(make_ensemble, dims) -> None:
    from napari_sciml.prediction.blockwise import predict

    ensemble = make_ensemble(dims)
    image = VOLUME if dims == 3 else VOLUME[0]
    config = SMALL.model_copy(update={"describe": "model", "stride": 8})
    found = explored(image, config, model=ensemble)
    channels, classes = ensemble.front.channels, 2
    assert found.latent.shape[1] == channels + 4 * classes
    grid = PatchGrid.of(image, patch=8, stride=8, dims=dims)
    mean = predict(ensemble, image).mean
    means = [mean[1][grid.region(i)].mean() for i in range(len(grid))]
    like = found.latent[:, channels + 1]
    assert np.corrcoef(like, means)[0, 1] == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("dims", [2, 3])
def test_a_lazy_image_is_read_slab_by_slab(dims) -> None:
    import dask.array as da

    plain = PatchGrid.of(VOLUME, patch=8, stride=4, dims=dims)
    lazy = PatchGrid.of(da.from_array(VOLUME), patch=8, stride=4, dims=dims)
    reader = SlabReader(lazy)
    for index in range(len(plain)):
        np.testing.assert_array_equal(reader.read(index), plain.read(index))
    latents = [explored(im, SMALL).latent for im in (plain.image, lazy.image)]
    np.testing.assert_allclose(*latents, atol=1e-5)


def test_several_images_of_any_size_are_points() -> None:
    images = [RNG.normal(k % 2, 1, (30 + k, 40)).astype(np.float32) for k in range(24)]
    found = explored(images)
    assert found.several
    assert len(found) == 24
    assert WholeImages(images).read(3).shape == (1, 30, 40)
    encoded = SMALL.model_copy(update={"describe": "autoencoder"})
    assert explored(images, encoded).latent.shape == (24, 16)


def test_scripts_have_names_for_it(make_ensemble) -> None:
    import napari_sciml as ns

    found = ns.embed(VOLUME, config=SMALL)
    plane = ns.project_latent(found.latent, kind="pca")
    np.testing.assert_array_equal(plane, found.plane)
    np.testing.assert_array_equal(ns.clusters(plane, "kmeans:6"), found.clusters)
    by_model = ns.embed(np.tile(VOLUME[0], (4, 4)), model=make_ensemble(2))
    assert by_model.config.describe == "model"


def test_exploring_can_be_stopped_at_any_step() -> None:
    steps = explore_steps(VOLUME, SMALL.model_copy(update={"map": "auto"}))
    for _ in range(8):
        next(steps)
    steps.close()


def nan_image() -> np.ndarray:
    image = np.array(VOLUME)
    image[3:9, 20] = np.nan
    return image


@pytest.mark.parametrize(
    ("image", "changes", "words"),
    [
        (VOLUME[0, :10, :10], {}, "fewer than 20"),
        (VOLUME, {"patch": 64}, "larger than the image"),
        (VOLUME[0], {"dims": 3}, "no third axis"),
        (np.full((64, 64), 7, np.uint8), {}, "look the same"),
        (nan_image(), {}, "NaN"),
        (nan_image(), {"describe": "autoencoder"}, "NaN"),
        (VOLUME, {"describe": "model"}, "trained on strokes"),
        (VOLUME, {"clusters": Grouping(kind="hdbscan", number=9999)}, "smaller number"),
        ([VOLUME] * 3, {}, "fewer than 20"),
        ([VOLUME] * 20 + [VOLUME[0]], {}, "one kind"),
    ],
)
def test_bad_input_is_one_sentence(image, changes, words) -> None:
    with pytest.raises(InputError, match=words) as caught:
        explored(image, SMALL.model_copy(update=changes))
    assert "\n" not in str(caught.value)


def test_a_model_of_other_channels_is_refused(make_ensemble) -> None:
    color = ChannelImage(RNG.normal(size=(40, 40, 3)))
    config = SMALL.model_copy(update={"describe": "model"})
    with pytest.raises(InputError, match="3 channels"):
        explored(color, config, model=make_ensemble(2))
    with pytest.raises(InputError, match="patches of 3 axes"):
        explored(VOLUME, config.model_copy(update={"dims": 2}), model=make_ensemble(3))


def test_numbers_that_do_not_vary_count_for_nothing() -> None:
    description = np.array([[1, 2.0], [1, 4.0], [1, 6.0]])
    made = standardized(description)
    assert made[:, 0].tolist() == [0, 0, 0]
    assert made[:, 1].std() == pytest.approx(1)
