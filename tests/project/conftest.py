"""A small project and what goes into it."""

from datetime import UTC, datetime

import numpy as np
import pytest

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.project.checkpoint import Checkpoint
from napari_sciml.project.file import ClassEntry
from napari_sciml.project.folder import Project
from napari_sciml.project.image_identity import identify

SHAPE = (6, 40, 50)
CLASSES = (ClassEntry(name="background", color="#3d8bfd"), ClassEntry(name="fiber"))


@pytest.fixture
def small_image():
    return np.random.default_rng(0).random(SHAPE).astype(np.float32)


@pytest.fixture
def make_project(tmp_path, small_image):
    """Make a project, locked; the image has no file."""

    def make(name="project", data=small_image, **facts):
        identity = identify(data, **{"name": "a small image", **facts})
        return Project.create(tmp_path / name, identity, classes=CLASSES)

    return make


@pytest.fixture
def stroke():
    """Give the change of a revision: a line of ten voxels."""

    def make(revision, label=2):
        start = 100 * revision
        indices = np.arange(start, start + 10, dtype=np.int64)
        return LabelChange(revision, indices, np.full(10, label, np.uint8))

    return make


@pytest.fixture
def make_kept(make_ensemble):
    """Give a model of the history."""

    def make(number, score=0.5, ensemble=None, **fields):
        made = {
            **{"revision": number, "kind": "ensemble", "seconds": 3.5},
            **{"run": 1, "round": 10 * number, "record": {"seed": 0}},
            "thumbnail": np.full((4, 5, 3), number, np.uint8),
            "time": datetime(2026, 11, 25, 10, 3, tzinfo=UTC),
            **fields,
        }
        ensemble = ensemble or make_ensemble(2, members=1)
        return Checkpoint(number=number, score=score, ensemble=ensemble, **made)

    return make
