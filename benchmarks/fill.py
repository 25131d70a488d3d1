"""Fill gaps that were moved to where the truth is known, on images of others.

    python benchmarks/fill.py [--seconds 60] [--only NAME] [--no-biharmonic]

Data: ../shared/data/musclex_pilatus_saxs and ../shared/data/sasdata_bam_saxs. The rules
of the symmetric fill were tried out on Mn23 and P1, and a few were set with p60, BAM
and P40 in view; MnC22 and Prep24 decided nothing. Each row is the mean over two
positions of the gaps that nothing was chosen by.
Networks learn from the image itself, without the hidden pixels.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage

from napari_sciml.filling.config import FillConfig
from napari_sciml.filling.gaps import find_gaps
from napari_sciml.filling.methods import Method, Recipe, all_of_symmetry
from napari_sciml.filling.network import train_filler
from napari_sciml.filling.scores import Calibration, ceiling, coverage, score
from napari_sciml.filling.symmetry import across_gap
from napari_sciml.filling.trial import choose, make_trials
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
        scores.append(score(frame.image, filled, trial.hidden, radius))
    spent = (time.process_time() - start) / len(trials)
    row(name, method, scores, spent)


def by_recipe(name, method, trials, recipe, extra=0.0):
    """Score a recipe; tell how well its deviations hold in the last trial."""
    start = time.process_time()
    values = [exhaust(trial.fill(recipe))[0] for trial in trials]
    spent = extra + (time.process_time() - start) / len(trials)
    pairs = list(zip(trials, values, strict=True))
    row(name, method, [t.score(v) for t, v in pairs[1:]], spent)
    learned = Calibration([t.squares(v) for t, v in pairs[:-1]])
    last, filled = pairs[-1]
    held = coverage(last.squares(filled, learned.spread(filled)))
    print(
        " " * 30 + f"std holds {held['within_1_std']:.0%}, {held['within_2_std']:.0%}"
    )


def measure(name, seconds, with_biharmonic):
    """All rows of an image."""
    image, gaps = read(name)
    config = FillConfig(seconds=seconds, members=1)
    work = FillWork(image[None], gaps[None], config)
    work.find(None, "auto")
    frame = work.frames[0]
    trials = make_trials(frame, gaps)
    if name in SECOND:
        other = tifffile.imread(SAXS / SECOND[name]).astype(np.float32)
        reach = [ceiling(image[t.hidden], other[t.hidden]) for t in trials[1:]]
        print(f"{name:16s} ceiling      {np.mean(reach):8.4f}")
    by_function(name, "nearest", trials[1:], nearest)
    if with_biharmonic:
        by_function(name, "biharmonic", trials[1:2], biharmonic)
    by_function(name, "around", trials[1:], across_gap)
    symmetric = exhaust(choose(all_of_symmetry(True), [trials]))
    by_recipe(name, "symmetry", trials, symmetric)
    start = time.process_time()
    known = frame.known & ~np.any([t.hidden for t in trials], axis=0)
    model = exhaust(train_filler([image], [known], gaps, config))
    trained = time.process_time() - start
    network = Recipe(Method.NETWORK, model=model)
    by_recipe(name, "network", trials, network, trained)
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
    for name in IMAGES:
        if name.startswith(given.only):
            measure(name, given.seconds, not given.no_biharmonic)


if __name__ == "__main__":
    main()
