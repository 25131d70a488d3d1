"""The images of `race.py`, their truth, and which of them anything was tuned on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

import numpy as np
import phantoms
import tifffile

EDGE, FLAT_EDGE = 96, 512
TUNED_ON = frozenset({"polymer", "glass", "sfrp", "retina-01L", "neurons-102"})
"""Cases that somebody has looked at while choosing something. All else is reported."""

RETINA = ("01L", "03R", "06L")
NEURONS = ("102", "26", "59")
SEEDS = (10, 11)
OWN = ("default", "clustered", "thin")
OWN_SEED = 201


@dataclass(frozen=True)
class Case:
    """An image and what is in it; pictures are volumes of one slice.

    Attributes
    ----------
    image, truth
        ``(z, y, x)``; truth is True where fibers are.
    known
        Where the truth is known: painted and scored is nowhere else.
    """

    name: str
    image: np.ndarray
    truth: np.ndarray
    known: np.ndarray

    @property
    def tuned(self) -> bool:
        """Whether something was chosen on this very image."""
        return self.name in TUNED_ON

    @property
    def flat(self) -> bool:
        """Whether it is a picture."""
        return len(self.image) == 1

    @property
    def slices(self) -> np.ndarray:
        """Those that have a truth."""
        return np.flatnonzero(self.known.any((1, 2)))


Loader = Callable[[], Case]


def cases(data: Path, wanted: list[str]) -> Iterator[Case]:
    """Cases whose names match, one after the other; missing ones say so and are left.

    Parameters
    ----------
    data : Path
        The folder of the data sets.
    wanted : list of str
        Names or patterns (``retina-*``).
    """
    known = loaders(data)
    for pattern in wanted:
        if not any(fnmatch(name, pattern) for name in known):
            print(f"no case is called {pattern}: there are {', '.join(known)}")
    for name, load in known.items():
        if not any(fnmatch(name, pattern) for pattern in wanted):
            continue
        try:
            yield load()
        except FileNotFoundError as missing:
            print(f"skipped {name}: {missing.filename} is not there", flush=True)


def loaders(data: Path) -> dict[str, Loader]:
    """All that there is, by name; nothing is read yet."""
    found: dict[str, Loader] = {
        name: partial(
            volume,
            name,
            data / f"phantoms_other_make/{name}.tif",
            data / f"phantoms_other_make/{name}_fibers.tif",
        )
        for name in ("polymer", "glass")
    }
    place = "z430-558_y60-188_x420-548.tif"
    sfrp = data / "sfrp_simulated"
    found["sfrp"] = partial(
        volume, "sfrp", sfrp / f"volume_{place}", sfrp / f"instances_{place}"
    )
    for eye in RETINA:
        stem = str(data / "chase_db1_retina" / f"Image_{eye}")
        found[f"retina-{eye}"] = partial(picture, f"retina-{eye}", stem)
    for number in NEURONS:
        stem = str(data / "pfc_neurons_cc0" / f"Img_{number}")
        found[f"neurons-{number}"] = partial(picture, f"neurons-{number}", stem)
    found["axons"] = partial(axons, data / "trailmap_axons")
    for kind in phantoms.KINDS:
        for seed in SEEDS:
            found[f"{kind}-{seed}"] = partial(independent, kind, seed)
    return found | {f"own-{preset}": partial(own, preset) for preset in OWN}


def whole(name: str, image: np.ndarray, truth: np.ndarray) -> Case:
    """A case whose truth is known everywhere."""
    if image.ndim == 2:
        image, truth = image[None], truth[None]
    return Case(name, image, truth, np.ones(truth.shape, bool))


def volume(name: str, image: Path, labels: Path) -> Case:
    """The first 96 voxels along each axis of a volume."""
    corner = (slice(EDGE),) * 3
    return whole(
        name, tifffile.imread(image)[corner], tifffile.imread(labels)[corner] > 0
    )


def picture(name: str, stem: str) -> Case:
    """512 x 512 pixels of a photograph: its green channel, and a mask."""
    from skimage.io import imread

    for file in (f"{stem}.jpg", f"{stem}_mask.png"):
        if not Path(file).exists():
            raise FileNotFoundError(2, "missing", file)
    corner = (slice(FLAT_EDGE),) * 2
    mask = imread(f"{stem}_mask.png")
    mask = mask if mask.ndim == 2 else mask[..., 0]
    return whole(name, imread(f"{stem}.jpg")[..., 1][corner], mask[corner] > 127)


def axons(folder: Path) -> Case:
    """Human labels on three slices; the rim that a program drew (4) is no truth."""
    labels = tifffile.imread(folder / "train_labels_sparse.tif")
    known = (labels > 0) & (labels < 4)
    image = tifffile.imread(folder / "train_volume.tif")
    return Case("axons", image, labels == 2, known)


def independent(kind: str, seed: int) -> Case:
    """A phantom of `phantoms.py`."""
    image, labels = phantoms.make(kind, seed, EDGE)
    return whole(f"{kind}-{seed}", image, labels > 0)


def own(preset: str) -> Case:
    """A phantom of the package: the recipe was once tuned to its like."""
    from napari_sciml.samples.phantom import PhantomConfig, make_phantom

    presets = {
        "default": PhantomConfig,
        "clustered": PhantomConfig.clustered,
        "thin": PhantomConfig.thin,
    }
    made = make_phantom(presets[preset](shape=(EDGE,) * 3, seed=OWN_SEED))
    return whole(f"own-{preset}", made.image, made.labels > 0)
