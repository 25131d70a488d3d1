"""The paper's shapes, and whether maps of patches show what one looks for.

    python benchmarks/explore.py [--full] [--only NAME ...]

Names: shapes, fibers, annotator, scribbles, frames, voids, classes, microscopes, speed.
Shapes and concrete are our own makings, so these figures are hints; those of
../shared/data are of others.
By steps, so that the figures do not depend on what else the machine does; --full lets
autoencoders learn longer. Times are CPU seconds, too, for the same reason.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage
from scipy.spatial import ConvexHull, Delaunay, cKDTree
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from napari_sciml.exploring.config import ExploreConfig
from napari_sciml.exploring.encoding import encode, train_encoder
from napari_sciml.exploring.front import describe_front
from napari_sciml.exploring.maps import project_latent
from napari_sciml.exploring.middles import middle_voxels
from napari_sciml.exploring.oddness import neighbor_distance
from napari_sciml.exploring.patches import PatchGrid, WholeImages
from napari_sciml.exploring.scaling import centered, standardized
from napari_sciml.progress import exhaust
from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.samples.scribbles import scribble
from napari_sciml.samples.shapes import ShapesConfig, make_shapes
from napari_sciml.workflows.classifying.patches import classify
from napari_sciml.workflows.exploring.arrays import embed
from napari_sciml.workflows.live_session import LiveSession

DATA = Path(__file__).parents[2] / "shared" / "data"
FAMILIES = ("Mn", "P1", "P40")
MAKERS = ("AS_", "ExampleFly", "ExampleVitra", "infocus_BBBC006", "P1_POS")


def leave_one_out(points, kinds, neighbors=10, groups=None):
    """Share of points that most of their neighbors agree with."""
    away = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(away, np.inf)
    if groups is not None:
        away[groups[:, None] == groups[None]] = np.inf
    near = np.argsort(away, axis=1)[:, :neighbors]
    votes = [np.bincount(row, minlength=kinds.max() + 1) for row in kinds[near]]
    return float((np.argmax(votes, axis=1) == kinds).mean())


def lasso_purity(plane, kinds):
    """Of the hull of each kind without its outermost 5 %, what share is of the kind."""
    shares = []
    for kind in np.unique(kinds):
        own = plane[kinds == kind]
        away = np.linalg.norm(own - np.median(own, axis=0), axis=1)
        kept = own[away <= np.quantile(away, 0.95)]
        hull = Delaunay(kept[ConvexHull(kept).vertices])
        inside = hull.find_simplex(plane) >= 0
        shares.append((kinds[inside] == kind).mean())
    return float(np.mean(shares))


def shapes(steps):
    """DLSIA section IV-C: four shapes by eight numbers."""
    train = make_shapes(ShapesConfig(count=2000, noise=0, seed=1)).images
    test = make_shapes(ShapesConfig(count=1000, noise=0, seed=2))
    config = ExploreConfig(
        describe="autoencoder", latent=8, patch=64, stride=64, steps=steps
    )
    grid = PatchGrid.of(train, patch=64, stride=64, dims=2)
    learned = exhaust(train_encoder(grid, config))
    unseen = PatchGrid.of(test.images, patch=64, stride=64, dims=2)
    latent, _ = exhaust(encode(learned.model, unseen))
    cc = reconstruction(learned.model, test.images)
    plane = project_latent(centered(latent))
    print(f"shapes   {learned.steps} steps, CC of unseen shapes {cc:.4f} (asked 0.98)")
    knn = leave_one_out(plane, test.kinds)
    print(f"shapes   kNN-10 in the plane {knn:.3f} (asked 0.97)")
    print(f"shapes   purity of lassos {lasso_purity(plane, test.kinds):.3f} (0.95)")


def reconstruction(model, images):
    """Pearson correlation of images with what the autoencoder makes of them."""
    made = model.apply(images[:, None]).mean[:, 0]
    return float(np.corrcoef(made.ravel(), images.ravel())[0, 1])


def auc(train, wanted, test, truth):
    """Of a logistic regression and of the nearest neighbors, on other patches."""
    models = LogisticRegression(max_iter=3000), KNeighborsClassifier(10)
    found = []
    for model in models:
        steps = make_pipeline(StandardScaler(), model).fit(train, wanted)
        found.append(roc_auc_score(truth, steps.predict_proba(test)[:, 1]))
    return " / ".join(f"{value:.2f}" for value in found)


def fibers(steps):
    """Patches with a fiber in their middle, of another phantom than the labeled one."""
    first, second = (make_phantom(PhantomConfig(seed=seed)) for seed in (11, 12))
    grids, kinds = [], []
    for phantom in (first, second):
        grid = PatchGrid.of(phantom.image, patch=32, stride=8, dims=2)
        grids.append(grid)
        kinds.append(has_middle(grid, phantom.labels > 0))
    labeled = np.random.default_rng(0).choice(len(grids[0]), 300, replace=False)

    def judge(name, described):
        train, test = described
        found = auc(train[labeled], kinds[0][labeled], test, kinds[1])
        print(f"fibers   {name}: AUC {found} (logistic / kNN-10)")

    print(
        f"fibers   300 of {len(grids[0])} labeled, {kinds[0].mean():.0%} with a fiber"
    )
    judge("front", [exhaust(describe_front(grid)) for grid in grids])
    config = ExploreConfig(describe="autoencoder", steps=steps)
    learned = exhaust(train_encoder(grids[0], config))
    latents = [exhaust(encode(learned.model, grid))[0] for grid in grids]
    judge(f"autoencoder, CC {learned.correlation:.2f}", latents)


def has_middle(grid, mask):
    """Whether anything of a mask lies in the middle third of each patch."""
    found = np.empty(len(grid), bool)
    for index in range(len(grid)):
        region = grid.region(index)
        middle = tuple(
            slice(s.start + (s.stop - s.start) // 3, s.stop - (s.stop - s.start) // 3)
            for s in region
        )
        found[index] = mask[middle].any()
    return found


def scribbles(_):
    """Part the two scribbled classes of real slices of InSegt."""
    for name in ("carbon", "glass"):
        folder = DATA / "insegt_fibre_scribbles"
        image = np.asarray(Image.open(folder / f"{name}.png"))
        labels = np.asarray(Image.open(folder / f"{name}_labels.png"))
        grid = PatchGrid.of(image, patch=9, stride=1, dims=2)
        at = grid.places().astype(int)
        own = labels[tuple(at.T)]
        rows = np.flatnonzero(own)
        left = at[rows, 1] < np.median(at[rows, 1])
        numbers = exhaust(describe_front(grid))[rows]
        found = auc(
            numbers[left], own[rows][left] == 2, numbers[~left], own[rows][~left] == 2
        )
        print(f"scribbles {name}: {len(rows)} strokes' pixels, AUC {found}")


def frames(_):
    """Scattering frames of three samples: tiles of other frames are nearest."""
    tiles, kinds, groups = [], [], []
    paths = sorted((DATA / "musclex_pilatus_saxs").glob("*.tif"))
    images = {path.name: tifffile.imread(path).astype(np.float32) for path in paths}
    with np.load(DATA / "sasdata_bam_saxs" / "BAM_2D.npz") as file:
        images["BAM"] = np.where(file["mask"], 0, file["I"]).astype(np.float32)
    for number, (name, image) in enumerate(images.items()):
        counts = np.log1p(np.clip(np.nan_to_num(image), 0, None))
        edge = min(counts.shape) // 2
        for y in (0, counts.shape[0] - edge):
            for x in (0, counts.shape[1] - edge):
                tiles.append(counts[y : y + edge, x : x + edge])
                family = [name.startswith(f) for f in FAMILIES]
                kinds.append(family.index(True) if any(family) else -1)
                groups.append(number)
    numbers = standardized(exhaust(describe_front(WholeImages(tiles))))
    kinds, groups = np.array(kinds), np.array(groups)
    known = kinds >= 0
    found = leave_one_out(numbers[known], kinds[known], 3, groups[known])
    count = known.sum()
    print(f"frames   {count} quarters of {len(images)} frames: kNN-3 {found:.3f}")


def voids(_):
    """Air voids of cement among the odd ones."""
    image = tifffile.imread(DATA / "qim3d_examples" / "cement_128x128x128.tif")
    grid = PatchGrid.of(image, patch=16, stride=8, dims=2)
    dark = np.array([(grid.read(i) < 50).mean() for i in range(len(grid))])
    numbers = standardized(exhaust(describe_front(grid)))
    odd = exhaust(neighbor_distance(numbers))
    best = np.argsort(-odd)[:50]
    score = roc_auc_score(dark > 0.05, odd)
    print(
        f"voids    {len(grid)} patches, {np.mean(dark > 0.05):.0%} with a void; of the "
        f"50 oddest {np.mean(dark[best] > 0.05):.0%}; AUC of the oddness {score:.2f}"
    )


def classes(_):
    """Patches of cement with and without a void, from a few examples.

    What the held-out examples promise, against what is right in all other patches.
    """
    image = tifffile.imread(DATA / "qim3d_examples" / "cement_128x128x128.tif")
    explored = embed(image, config=ExploreConfig(patch=16, stride=8, map="pca"))
    grid = PatchGrid.of(image, patch=16, stride=8, dims=2)
    dark = np.array([(grid.read(i) < 50).mean() for i in range(len(grid))]) > 0.05
    for count in (8, 20, 60):
        rows = [sorted_by(explored, dark, count, seed) for seed in range(5)]
        told, low, high, right, sets, alone = np.mean(rows, axis=0)
        inside = np.mean([r[1] <= r[3] <= r[2] for r in rows])
        print(
            f"classes  {count} examples each: held out {told:.3f} ({low:.2f} to "
            f"{high:.2f}), right {right:.3f}, in the interval {inside:.0%}; 90% sets "
            f"hold the truth {sets:.3f}, {alone:.0%} of one class"
        )


def sorted_by(explored, truth, count, seed):
    """Held-out share and interval, share right, coverage and sets of one class."""
    rng = np.random.default_rng(seed)
    examples = {
        name: rng.choice(np.flatnonzero(truth == kind), count, replace=False)
        for name, kind in (("paste", False), ("void", True))
    }
    found = classify(explored, examples, seed=seed)
    others = np.setdiff1d(np.arange(len(truth)), np.concatenate([*examples.values()]))
    held_out, own = found.model.held_out, truth[others].astype(int)
    right = (found.found.best[others] == own).mean()
    sets = found.found.sets[others]
    covered = sets[np.arange(len(own)), own].mean()
    alone = (sets.sum(1) == 1).mean()
    return held_out.figures.accuracy, *held_out.interval, right, covered, alone


def microscopes(_):
    """Find whole pictures of microscopes next to those of the same maker."""
    images, kinds = [], []
    for path in sorted((DATA / "in_focus_microscopy").glob("*.*")):
        kind = [maker in path.name for maker in MAKERS]
        if path.suffix.lower() not in (".tif", ".png"):
            continue
        read = tifffile.imread if path.suffix.lower() == ".tif" else np.asarray
        image = read(path if read is tifffile.imread else Image.open(path))
        images.append(image.astype(np.float32))
        kinds.append(kind.index(True) if any(kind) else -1)
    numbers = standardized(exhaust(describe_front(WholeImages(images))))
    kinds = np.array(kinds)
    known = np.isin(kinds, [k for k in set(kinds) if k >= 0 and (kinds == k).sum() > 1])
    found = leave_one_out(numbers[known], kinds[known], 1)
    print(f"microscopes {known.sum()} pictures, nearest of the same kind: {found:.3f}")


def speed(_):
    """10,000 patches of a volume of 256 voxels."""
    rng = np.random.default_rng(0)
    image = rng.normal(size=(256, 256, 256)).astype(np.float32)
    grid = PatchGrid.of(image, patch=32, stride=11, dims=2)
    for what, asked in (("described", 60), ("mapped", 40)):
        start, cpu = time.perf_counter(), time.process_time()
        if what == "described":
            numbers = standardized(exhaust(describe_front(grid)))
        else:
            project_latent(numbers)
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
        print(
            f"speed    {len(grid)} patches {what} in {wall:.1f} s, {cpu:.1f} CPU s "
            f"(asked {asked})"
        )


def annotator(_):
    """Label by lassos what strokes label else, and train on either for as long.

    The annotator sees what is in the middle of patches: one lasso where most are
    fibers, six where none is.
    """
    place = "z430-558_y60-188_x420-548.tif"
    folder = DATA / "sfrp_simulated"
    cases = {}
    for seed in (11, 21, 31):
        phantom = make_phantom(PhantomConfig(seed=seed))
        cases[f"concrete {seed}"] = phantom.image, phantom.labels
    if folder.exists():
        names = f"volume_{place}", f"instances_{place}"
        cases["sfrp"] = tuple(tifffile.imread(folder / name) for name in names)
    for name, (image, truth) in cases.items():
        strokes = scribble(truth, image, seed=0)
        lassos = by_lassos(image, truth > 0)
        both = np.where(strokes > 0, strokes, np.where(lassos == 1, 1, 0))
        found = " ".join(
            f"{kind} {dice_after(image, labels.astype(np.uint8), truth > 0):.3f}"
            for kind, labels in (
                ("strokes", strokes),
                ("lassos", lassos),
                ("strokes and background lassos", both),
            )
        )
        count = sum(ndimage.label(strokes == k, np.ones((3, 3, 3)))[1] for k in (1, 2))
        print(f"annotator {name}: Dice by {found}; {count} strokes, 7 lassos")


def by_lassos(image, fiber):
    """Labels of seven lassos in the map of an image."""
    grid = PatchGrid.of(image, patch=9, stride=6, dims=2)
    rng = np.random.default_rng(0)
    rows = np.sort(rng.choice(len(grid), min(len(grid), 4000), replace=False))
    plane = project_latent(standardized(exhaust(describe_front(grid)))[rows])
    places, tree = grid.places()[rows], cKDTree(plane)
    middles = [middle_voxels(place[None], grid.size, image.shape) for place in places]
    share = np.array([fiber.ravel()[voxels].mean() for voxels in middles])
    most = share[tree.query(plane, 40)[1]].mean(1).argmax()
    none = np.flatnonzero(share[tree.query(plane, 60)[1]].max(1) == 0)
    labels = np.zeros(image.shape, np.uint8)
    for middle in rng.choice(none, min(6, len(none)), replace=False):
        for index in tree.query(plane[middle], 60)[1]:
            labels.ravel()[middles[index]] = 1
    for index in tree.query(plane[most], 40)[1]:
        labels.ravel()[middles[index]] = 2
    return labels


def dice_after(image, labels, fiber):
    """Dice of what is more likely fiber, after forty steps of each network."""
    session = LiveSession(image, seed=0, threads=1)
    session.update(labels)
    session.advance(40)
    found = session.predict().mean[1] > 0.5
    return 2 * (found & fiber).sum() / (found.sum() + fiber.sum())


PARTS = {
    part.__name__: part
    for part in (
        speed,
        scribbles,
        frames,
        voids,
        classes,
        microscopes,
        fibers,
        annotator,
        shapes,
    )
}
STEPS = {"shapes": (500, 1300), "fibers": (300, 2000)}
"""Of an autoencoder: by default, and with --full."""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    asked = parser.parse_args()
    for name in asked.only:
        PARTS[name](STEPS.get(name, (0, 0))[asked.full])


if __name__ == "__main__":
    main()
