"""Fill gaps that were moved to where the truth is known, on images of others.

    python benchmarks/fill.py [--seconds 60] [--only NAME] [--no-biharmonic]

Data: ../shared/data/musclex_pilatus_saxs and ../shared/data/sasdata_bam_saxs. The rules
of the symmetric fill were tried out on Mn23 and P1, and a few were set with p60, BAM
and P40 in view; MnC22 and Prep24 decided nothing. Each row is the mean over the places
of the gaps that nothing was chosen by.
*network* learns from the image itself, without the hidden pixels; *of others* has
learned from other samples only: for MnC22 and P40 from Mn23, P1, Prep24 and p60.
"""

import argparse
import time
from functools import cache
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage

from napari_sciml.filling.config import FillConfig
from napari_sciml.filling.gaps import find_gaps
from napari_sciml.filling.methods import Method, Recipe, all_of_symmetry
from napari_sciml.filling.network import train_filler
from napari_sciml.filling.place import Place
from napari_sciml.filling.scores import Calibration, ceiling, coverage
from napari_sciml.filling.symmetry import across_gap
from napari_sciml.filling.trial import CHOOSING, choose, make_trials
from napari_sciml.filling.work import FillWork
from napari_sciml.progress import exhaust

DATA = Path(__file__).parents[2] / "shared" / "data"
SAXS = DATA / "musclex_pilatus_saxs"
IMAGES = {
    "Mn23 (tried on)": "Mn23-1_30umThick_20umStep_1s_diffScan_0167.tif",
    "P1 (tried on)": "P1_F1_tet_1_100_005_0001.tif",
    "MnC22": "MnC22-5_30umThick_50umStep_1sExp_diffScan_0608.tif",
    "P40": "P40_1_3_00000.tif",
    "p60 (seen)": "p60_1_rest.tif",
    "Prep24": "Prep24-1-1-Con.tif",
    "BAM (seen)": "",
}
SECOND = {
    "P1 (tried on)": "P1_F1_tet_1_100_005_0002.tif",
    "P40": "P40_1_3_00001.tif",
    "Mn23 (tried on)": "Mn23-1_30umThick_20umStep_1s_diffScan_0169.tif",
}
OTHERS = ("Mn23-*.tif", "P1_*.tif", "Prep24*.tif", "p60*.tif")
TESTED = ("MnC22", "P40")
"""Images of which none of the others is a sample."""
COLUMNS = ("cc", "cc7", "mae", "photons", "ring_error")


def read(name):
    """Image and gaps."""
    if name == "BAM (seen)":
        with np.load(DATA / "sasdata_bam_saxs" / "BAM_2D.npz") as file:
            return file["I"].astype(np.float32), file["mask"]
    image = tifffile.imread(SAXS / IMAGES[name])
    return image.astype(np.float32), find_gaps(image)


def nearest(image, known):
    """Each pixel takes the nearest known one."""
    places = ndimage.distance_transform_edt(
        ~known, return_distances=False, return_indices=True
    )
    return image[tuple(places)]


def biharmonic(image, known):
    """As scikit-image does, of log(1 + counts)."""
    from skimage.restoration import inpaint_biharmonic

    logs = np.log1p(np.maximum(np.where(known, image, 0), 0))
    return np.expm1(inpaint_biharmonic(logs, ~known, split_into_regions=True))


def row(name, method, scores, seconds):
    """Print a line of the table."""
    numbers = " ".join(f"{np.mean([s[c] for s in scores]):8.4f}" for c in COLUMNS)
    print(f"{name:16s} {method:12s} {numbers} {seconds:8.1f}", flush=True)


def by_function(name, method, trials, function):
    """Score a function of image and mask."""
    start, scores = time.process_time(), []
    for trial in trials:
        frame = trial.frame
        filled = function(frame.image, frame.known & ~trial.hidden)
        radius = frame.grid.radius
        place = Place.of(frame.image, filled, trial.hidden, radius)
        scores.append(place.figures)
    spent = (time.process_time() - start) / len(trials)
    row(name, method, scores, spent)


def by_recipe(name, method, trials, recipe, extra=0.0):
    """Score a recipe; tell how well its deviations hold in the last trial."""
    start = time.process_time()
    values = [exhaust(trial.fill(recipe))[0] for trial in trials]
    spent = extra + (time.process_time() - start) / len(trials)
    pairs = list(zip(trials, values, strict=True))
    scores = [t.place(v).figures for t, v in pairs[CHOOSING:]]
    row(name, method, scores, spent)
    learned = Calibration([t.squares(v) for t, v in pairs[:-1]])
    last, filled = pairs[-1]
    held = coverage(last.squares(filled, learned.spread(filled)))
    print(
        " " * 30 + f"std holds {held['within_1_std']:.0%}, {held['within_2_std']:.0%}"
    )


def frame_of(image, gaps, config):
    """The image with its center and beamstop."""
    work = FillWork(image[None], gaps[None], config)
    work.find(None, "auto")
    return work.frames[0]


def model_of_others(config):
    """Networks that never saw the samples that are tested."""
    files = [file for pattern in OTHERS for file in sorted(SAXS.glob(pattern))]
    images = [tifffile.imread(file).astype(np.float32) for file in files]
    gaps = [find_gaps(image) for image in images]
    frames = [frame_of(i, g, config) for i, g in zip(images, gaps, strict=True)]
    known = [frame.known for frame in frames]
    centers = [frame.center for frame in frames]
    return exhaust(train_filler(images, known, centers, gaps[0], config))


def measure(name, seconds, with_biharmonic, others):
    """All rows of an image."""
    image, gaps = read(name)
    config = FillConfig(seconds=seconds, members=1)
    frame = frame_of(image, gaps, config)
    trials = make_trials(frame, gaps)
    held = trials[CHOOSING:]
    if name in SECOND:
        other = tifffile.imread(SAXS / SECOND[name]).astype(np.float32)
        reach = [ceiling(image[t.hidden], other[t.hidden]) for t in held]
        print(f"{name:16s} ceiling      {np.mean(reach):8.4f}")
    by_function(name, "nearest", held, nearest)
    if with_biharmonic:
        by_function(name, "biharmonic", held[:1], biharmonic)
    by_function(name, "around", held, across_gap)
    symmetric = exhaust(choose(all_of_symmetry(True), [trials]))
    by_recipe(name, "symmetry", trials, symmetric)
    start = time.process_time()
    known = frame.known & ~np.any([t.hidden for t in trials], axis=0)
    steps = train_filler([image], [known], [frame.center], gaps, config)
    model = exhaust(steps)
    trained = time.process_time() - start
    network = Recipe(Method.NETWORK, model=model)
    by_recipe(name, "network", trials, network, trained)
    if name in TESTED:
        by_recipe(name, "of others", trials, Recipe(Method.NETWORK, model=others()))
    both = Recipe(Method.MEAN, symmetric.rule, model)
    best = exhaust(choose([symmetric, network, both], [trials]))
    by_recipe(name, "auto", trials, best, trained)
    print(" " * 30 + f"auto chose {best.words}")


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", help="Images whose name begins so.", default="")
    parser.add_argument("--no-biharmonic", action="store_true")
    given = parser.parse_args()
    header = " ".join(f"{name:>8s}" for name in (*COLUMNS, "CPU s"))
    print(f"{'image':16s} {'method':12s} {header}")
    config = FillConfig(seconds=given.seconds, members=1)
    others = cache(lambda: model_of_others(config))
    for name in IMAGES:
        if name.startswith(given.only):
            measure(name, given.seconds, not given.no_biharmonic, others)


if __name__ == "__main__":
    main()
