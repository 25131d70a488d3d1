"""Shared fixtures. Threads are limited before torch is imported anywhere."""

import json
import os
import shutil
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("QT_QPA_PLATFORM", "xcb")
os.environ["NAPARI_CONFIG"] = ""

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)
"""For busy machines: --hypothesis-profile patient."""

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real volumes beside the checkout; tests that need them skip without."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real volumes in {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(autouse=True)
def projects_folder(tmp_path, monkeypatch):
    """Where autosave makes projects, so that tests leave the user's alone."""
    monkeypatch.setenv("NAPARI_SCIML_PROJECTS", str(tmp_path / "projects"))
    return tmp_path / "projects"


@pytest.fixture(autouse=True)
def one_thread_again():
    """What takes all cores for itself leaves torch so: the tests after it pay."""
    yield
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture
def make_ensemble():
    """Build an untrained ensemble, its weights drawn from the members' numbers."""
    from napari_sciml.images.intensity import IntensityScale
    from napari_sciml.networks.config import GraphLaw, SMSNetConfig
    from napari_sciml.networks.ensemble import Ensemble
    from napari_sciml.networks.scale_space import ScaleSpace
    from napari_sciml.networks.sparse.smsnet import build_smsnet

    def make(dims, members=3, sigmas=(1.0,), classes=("background", "fiber")):
        config = SMSNetConfig(
            law=GraphLaw(nodes=3, dilations=(1, 2)), width=4, parameters=None
        )
        front = ScaleSpace(dims, sigmas)
        return Ensemble(
            [
                build_smsnet(
                    config,
                    in_channels=front.channels,
                    classes=len(classes),
                    dims=dims,
                    seed=seed,
                )
                for seed in range(members)
            ],
            front=front,
            intensity=IntensityScale(offset=100.0, scale=0.02),
            class_names=classes,
        )

    return make


@pytest.fixture(scope="session")
def grow_trees():
    """Grow trees from an image and its labels."""
    import torch

    from napari_sciml.annotation.scribbles import as_scribbles
    from napari_sciml.images.intensity import estimate_intensity
    from napari_sciml.progress import exhaust
    from napari_sciml.training.trees import TreeGrower

    def grow(image, labels, *, classes=2, spacing=None, seed=0, correcting=1.0):
        grower = TreeGrower(
            image,
            estimate_intensity(image),
            classes=classes,
            spacing=spacing,
            seed=seed,
            device=torch.device("cpu"),
        )
        return exhaust(grower.grow(as_scribbles(labels), correcting=correcting))

    return grow


@pytest.fixture(scope="session")
def fibers():
    """Bright tubes in noise, and strokes (1 beside them, 2 inside): for trees."""
    import numpy as np

    def make(dims, noise=25.0, seed=0):
        edge, rng = {2: 96, 3: 36}[dims], np.random.default_rng(seed)
        place = np.indices((edge,) * dims)
        truth = np.zeros(place.shape[1:], bool)
        for center in np.linspace(0.15, 0.85, 4) * edge:
            slope = rng.normal(0, 0.25, dims - 1).reshape(-1, *[1] * dims)
            middle = center + slope * (place[-1] - edge / 2)
            truth |= ((place[:-1] - middle) ** 2).sum(0) < 3**2
        image = 100 + 60 * truth + noise * rng.normal(size=truth.shape)
        labels = np.zeros(truth.shape, np.uint8)
        for x in range(4, edge - 4, edge // 8):
            line = (..., x) if dims == 2 else (..., edge // 2 + x // 4 - edge // 8, x)
            labels[line] = np.where(rng.random(edge) < 0.7, 1 + truth[line], 0)
        for z in np.argwhere(truth & (rng.random(truth.shape) < 0.01)):
            labels[tuple(z)] = 2
        return image.astype(np.float32), labels, truth

    return make


@pytest.fixture
def training_folder(tmp_path):
    """A folder with an image of a bright bar, and labels of bar and background."""
    import numpy as np
    import tifffile

    rng = np.random.default_rng(0)
    image = rng.normal(100, 10, (48, 48)).astype(np.float32)
    image[:, 20:28] += 60
    labels = np.zeros(image.shape, np.uint8)
    for row in (4, 14, 24, 34, 44):
        labels[row, 21:27], labels[row, 2:12] = 2, 1
    tifffile.imwrite(tmp_path / "image.tif", image)
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    return tmp_path


@pytest.fixture
def as_version_1():
    """Make of a prediction what was written before its root was an image."""

    def change(path):
        root, record = path / "zarr.json", path / "record" / "zarr.json"
        metadata = json.loads(root.read_text("utf-8"))
        attributes = metadata["attributes"]
        attributes |= json.loads(record.read_text("utf-8"))["attributes"]
        attributes["napari_sciml"]["version"] = 1
        del attributes["ome"]
        root.write_text(json.dumps(metadata), "utf-8")
        shutil.rmtree(path / "record")
        for name in ("mean", "std"):
            group = path / name / "zarr.json"
            metadata = json.loads(group.read_text("utf-8"))
            del metadata["attributes"]["ome"]["omero"]
            group.write_text(json.dumps(metadata), "utf-8")

    return change
