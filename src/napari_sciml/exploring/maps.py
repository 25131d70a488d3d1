"""From many numbers a patch to a place in a plane."""

import importlib.util
from collections.abc import Callable, Generator
from functools import partial
from typing import Any

import numpy as np

from napari_sciml.errors import InputError
from napari_sciml.exploring.config import LEAST_PATCHES, MapKind
from napari_sciml.progress import watched

MOST_FITTED = 20_000
"""Patches that a map is made of; others are placed among them."""
CHUNK = 5_000
PERPLEXITY = 30.0
ITERATIONS = 750
"""Of t-SNE, of which the first third exaggerates."""
EVERY = 10
NO_TSNE = (
    "openTSNE is not installed, so the map is a plain PCA, which tells less apart: "
    'pip install "napari-sciml[explore]".'
)
_NEEDED = {
    "tsne": ("openTSNE", "napari-sciml[explore]"),
    "umap": ("umap", "umap-learn"),
}


def choose_map(
    kind: MapKind, is_there: Callable[[str], object] = importlib.util.find_spec
) -> tuple[MapKind, str]:
    """Tell which map is made, and a sentence where it is not the best one.

    Parameters
    ----------
    kind
        What is asked for.
    is_there
        Tells whether a module is installed.

    Raises
    ------
    InputError
        When what was asked for by its name is not installed.
    """
    if kind == "auto":
        return ("tsne", "") if is_there("openTSNE") else ("pca", NO_TSNE)
    module, package = _NEEDED.get(kind, ("", ""))
    if module and not is_there(module):
        raise InputError(
            f"The map {kind} needs a package that is not installed: pip install "
            f'"{package}", or take the map pca.'
        )
    return kind, ""


def map_kinds(
    is_there: Callable[[str], object] = importlib.util.find_spec,
) -> tuple[MapKind, ...]:
    """Give the maps that can be made here, the best first."""
    kinds: tuple[MapKind, ...] = ("tsne", "pca", "umap")
    return tuple(kind for kind in kinds if kind == "pca" or is_there(_NEEDED[kind][0]))


def project_steps(
    latent: np.ndarray, *, kind: MapKind = "auto", seed: int = 0
) -> Generator[float, None, np.ndarray]:
    """Map descriptions to a plane; the same seed gives the same map, bit for bit.

    Of more than 20,000 patches as many, chosen by the seed, make the map; the others
    are placed among them.

    Parameters
    ----------
    latent
        ``(n, d)``, to scale; see `napari_sciml.exploring.scaling`.
    kind
        See `choose_map`.
    seed
        Of what is random.

    Yields
    ------
    float
        Share that is done.

    Returns
    -------
    ndarray
        ``(n, 2)`` float32.

    Raises
    ------
    InputError
        When there are fewer than 20, or the method is not installed.

    References
    ----------
    Poličar, Stražar & Zupan, openTSNE, J. Stat. Softw. 109 (2024) 3.
    """
    if latent.ndim != 2 or len(latent) < LEAST_PATCHES:
        raise InputError(
            f"A map needs at least {LEAST_PATCHES} rows of numbers, not an array of "
            f"the shape {latent.shape}."
        )
    chosen, _ = choose_map(kind)
    if chosen == "pca":
        yield 0.0
        return pca(latent)
    fitted = fitted_rows(len(latent), seed)
    make = _tsne if chosen == "tsne" else _umap
    plane = yield from make(np.ascontiguousarray(latent), fitted, seed)
    return np.asarray(plane, np.float32)


def project_latent(
    latent: np.ndarray, *, kind: MapKind = "auto", seed: int = 0
) -> np.ndarray:
    """Map descriptions to a plane at once; see `project_steps`."""
    from napari_sciml.progress import exhaust

    return exhaust(project_steps(np.asarray(latent), kind=kind, seed=seed))


def fitted_rows(count: int, seed: int) -> np.ndarray:
    """Which patches make the map, ascending."""
    if count <= MOST_FITTED:
        return np.arange(count)
    chosen = np.random.default_rng(seed).choice(count, MOST_FITTED, replace=False)
    return np.sort(chosen)


def pca(latent: np.ndarray, axes: int = 2) -> np.ndarray:
    """Project to the directions of the most variance, signs fixed.

    Returns
    -------
    ndarray
        ``(n, axes)`` float32; axes that there are not are 0.
    """
    centered = latent.astype(np.float64) - latent.mean(0, dtype=np.float64)
    _, vectors = np.linalg.eigh(centered.T @ centered)
    vectors = vectors[:, ::-1][:, :axes]
    strongest = np.abs(vectors).argmax(0)
    vectors = vectors * np.sign(vectors[strongest, np.arange(vectors.shape[1])])
    plane = np.zeros((len(latent), axes), np.float32)
    plane[:, : vectors.shape[1]] = centered @ vectors
    return plane


def _tsne(
    latent: np.ndarray, fitted: np.ndarray, seed: int
) -> Generator[float, None, Any]:
    placed = _parts(np.setdiff1d(np.arange(len(latent)), fitted))
    share = 0.8 if placed else 1.0
    fit = watched(lambda tell: _fit(latent[fitted], seed, tell))
    map_ = yield from _counted(fit, high=share)
    plane = np.empty((len(latent), 2))
    plane[fitted] = np.asarray(map_)
    for done, rows in enumerate(placed, start=1):
        now = share + (1 - share) * done / len(placed)
        place = watched(partial(_place, map_, latent[rows]))
        plane[rows] = np.asarray((yield from _counted(place, now, now)))
    return plane


def _fit(latent: np.ndarray, seed: int, tell: Callable[[Any], None]) -> Any:
    """Fit t-SNE.

    With one thread: the sums of several come in another order on another machine, and
    on two cores they were not faster.
    """
    from openTSNE import TSNE

    last, fitting = 0, True

    def heard(iteration: int, error: float, embedding: Any) -> None:
        nonlocal last
        last += EVERY
        if fitting:  # it is also called for what is placed later
            tell(min(1.0, last / ITERATIONS))

    perplexity = min(PERPLEXITY, (len(latent) - 1) / 3)
    model = TSNE(
        perplexity=perplexity,
        initialization="pca",
        n_jobs=1,
        random_state=seed,
        callbacks=heard,
        callbacks_every_iters=EVERY,
    )
    found = model.fit(latent)
    fitting = False
    return found


def _place(map_: Any, latent: np.ndarray, _: object) -> Any:
    return map_.transform(latent)


def _umap(
    latent: np.ndarray, fitted: np.ndarray, seed: int
) -> Generator[float, None, Any]:
    def work(_: Any) -> np.ndarray:
        from umap import UMAP

        model = UMAP(random_state=seed, n_jobs=1).fit(latent[fitted])
        plane = np.empty((len(latent), 2))
        plane[fitted] = model.embedding_
        for rows in _parts(np.setdiff1d(np.arange(len(latent)), fitted)):
            plane[rows] = model.transform(latent[rows])
        return plane

    return (yield from _counted(watched(work)))


def _parts(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[i : i + CHUNK] for i in range(0, len(rows), CHUNK)]


def _counted(
    events: Generator[Any, None, Any], low: float = 0.0, high: float = 1.0
) -> Generator[float, None, Any]:
    """Repeat the last share where there is only a chance to stop."""
    done = low
    while True:
        try:
            event = next(events)
        except StopIteration as finished:
            return finished.value
        done = done if event is None else low + event * (high - low)
        yield done
