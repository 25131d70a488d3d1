"""A model can be made again from the strokes that are in its project."""

from datetime import UTC, datetime

import numpy as np
import pytest
import torch

from napari_sciml.annotation.changes import LabelChange
from napari_sciml.annotation.feed import LabelFeed
from napari_sciml.errors import InputError
from napari_sciml.io.models.folder import load_model
from napari_sciml.prediction.viewport import ViewportMailbox
from napari_sciml.project.checkpoint import Checkpoint
from napari_sciml.project.file import ClassEntry
from napari_sciml.project.folder import Project
from napari_sciml.project.image_identity import identify
from napari_sciml.project.journal import JournalEntry
from napari_sciml.project.replay import (
    _check_rounds,
    replay_project,
    replay_schedule,
)
from napari_sciml.project.runs import Run, RunStarted, RunTook
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.events import LabelsUpdated, ModelReady, TrainingStep
from napari_sciml.workflows.training.live import learn

NOW = datetime(2026, 11, 25, 10, 3, tzinfo=UTC)
NAMES = ("background", "fiber")
SHAPE = (48, 48)


def change(revision, indices, values):
    indices = np.asarray(indices, np.int64)
    return LabelChange(revision, indices, np.asarray(values, np.uint8))


def run_that_took(*taken):
    return Run(RunStarted(1, NOW, {}, NAMES, 0, 1), tuple(taken))


@pytest.fixture
def journal(make_project):
    """Revisions 3 (the first that was saved) to 7; 6 replaces everything."""
    project = make_project()
    entries = [
        JournalEntry(change(3, [1, 2, 3], [1, 1, 1]), NOW, whole=True),
        JournalEntry(change(4, [3, 4], [2, 2]), NOW),
        JournalEntry(change(5, [4], [0]), NOW),
        JournalEntry(change(6, [9], [1]), NOW, whole=True),
        JournalEntry(change(7, [10], [2]), NOW),
    ]
    project.append_strokes(entries)
    return project


def in_short(schedule):
    return [
        (
            round_,
            revision,
            dict(zip(c.indices.tolist(), c.values.tolist(), strict=True)),
        )
        for round_, revision, c in schedule
    ]


def test_the_schedule_merges_what_was_taken_at_once(journal) -> None:
    run = run_that_took((0, 4), (12, 5), (30, 7))
    assert in_short(replay_schedule(journal, run)) == [
        (0, 4, {1: 1, 2: 1, 3: 2, 4: 2}),
        (12, 5, {4: 0}),
        (30, 7, {1: 0, 2: 0, 3: 0, 9: 1, 10: 2}),
    ]
    assert in_short(replay_schedule(journal, run, 5))[-1] == (12, 5, {4: 0})
    # Every step leads to the labels of its revision.
    labels = np.zeros(journal.description.labels_shape, np.uint8)
    for _, revision, taken in replay_schedule(journal, run):
        taken.apply_to(labels)
        assert taken.revision == revision
        assert np.array_equal(labels, journal.labels(revision))


@pytest.mark.parametrize(
    ("taken", "revision", "match"),
    [
        (((0, 4), (9, 8)), None, "has lost strokes: they end with revision 7"),
        (((0, 4), (9, 6)), 5, "never took revision 5"),
        ((), None, "never took"),
        (((0, 2),), 2, "begin after revision 2"),
    ],
)
def test_what_cannot_be_scheduled(journal, taken, revision, match) -> None:
    with pytest.raises(InputError, match=match):
        replay_schedule(journal, run_that_took(*taken), revision)


@pytest.mark.parametrize(
    "rounds", [[0, 10**12], [0, 30, 30 + 10**12], [0, 30, 29], [-1, 5], [0, -1]]
)
def test_rounds_that_no_training_takes_are_refused(rounds) -> None:
    with pytest.raises(InputError, match="cannot be made again"):
        _check_rounds(rounds)


def strokes():
    """Three changes of an annotation of a bright bar."""
    labels = np.zeros(SHAPE, np.uint8)
    for rows in ((4, 14, 24), (34,), (44,)):
        before = labels.copy()
        for row in rows:
            labels[row, 21:27], labels[row, 2:12] = 2, 1
        places = np.flatnonzero(labels != before)
        yield places, labels.reshape(-1)[places]


def live_project(folder, image, config, before):
    """Paint and train as in a viewer, and keep all that comes."""
    classes = [ClassEntry(name=name) for name in NAMES]
    project = Project.create(folder, identify(image, name="bar"), classes=classes)
    changes = [change(r, *both) for r, both in enumerate(strokes(), start=1)]
    feed = LabelFeed(changes[0], NAMES)
    settings = config.model_dump(mode="json")
    begun = RunStarted(1, NOW, settings, NAMES, config.seed, 1, before=before)
    project.append_runs([begun])
    project.append_strokes([JournalEntry(c, NOW) for c in changes])
    due = {8: changes[1], 25: changes[2]}
    last, kept = 0, set()
    for event in learn(image, feed, config, view=ViewportMailbox(), before=before):
        if isinstance(event, LabelsUpdated):
            project.append_runs([RunTook(1, event.round, event.revision)])
        elif isinstance(event, ModelReady) and (event.kind, event.revision) not in kept:
            kept.add((event.kind, event.revision))
            project.models.add(as_kept(event))
        elif isinstance(event, TrainingStep):
            last = event.step
        if last in due:
            feed.put(due.pop(last))
        if ("ensemble", 3) in kept:
            break
    project.unlock()
    return project


def as_kept(ready):
    return Checkpoint(
        **{"number": ready.number, "time": NOW, "revision": ready.revision},
        **{"kind": ready.kind, "score": None, "seconds": ready.seconds, "run": 1},
        **{"round": ready.round, "thumbnail": None, "ensemble": ready.ensemble},
        record={},
    )


@pytest.fixture(params=[None, 1])
def live(request, tmp_path, monkeypatch):
    # The networks count early, or the test would take minutes.
    monkeypatch.setattr("napari_sciml.training.teacher.LEARNED", 20)
    rng = np.random.default_rng(0)
    image = rng.normal(100, 10, SHAPE).astype(np.float32)
    image[:, 20:28] += 60
    config = TrainingConfig.model_validate(
        {
            **{"members": 2, "device": "cpu", "threads": 1, "crop": 24},
            **{"evaluate_every": 5, "sigmas": (1.0,), "snapshot_seconds": 1e-9},
            **{"half": False, "seconds": 600, "holdout": 0},
            "network": {"kind": "msdnet", "layers": 2, "width": 4},
        }
    )
    threads = torch.get_num_threads()
    yield live_project(tmp_path / "live", image, config, request.param), image
    torch.set_num_threads(threads)


def test_models_are_made_again(live, tmp_path) -> None:
    project, image = live
    np.save(tmp_path / "image.npy", image)
    entries = {entry.kind: entry for entry in project.models.entries()}
    assert set(entries) == {"trees", "ensemble"}
    assert {entry.revision for entry in project.models.entries()} >= {1, 3}
    assert entries["ensemble"].round > 25
    for kind, entry in entries.items():
        summary = replay_project(
            project.folder,
            entry.number,
            image=tmp_path / "image.npy",
            out=tmp_path / f"again-{kind}",
            report=lambda *_: None,
        )
        assert summary["same_weights"], summary
        assert summary["largest_difference"] == 0
        assert summary["labels_taken"] == entry.revision
        again = load_model(tmp_path / f"again-{kind}").state_dict()
        for name, value in entry.load().state_dict().items():
            assert torch.equal(value, again[name])


def test_what_is_missing_is_named(live, tmp_path) -> None:
    project, image = live
    report = print
    with pytest.raises(InputError, match="which is not here"):
        replay_project(project.folder, report=report)
    np.save(tmp_path / "other.npy", image + 1)
    with pytest.raises(InputError, match="is not the image"):
        replay_project(project.folder, image=tmp_path / "other.npy", report=report)
    with pytest.raises(InputError, match="no model 99"):
        replay_project(project.folder, 99, report=report)


def test_a_training_that_left_strokes_out_is_refused(live, tmp_path) -> None:
    project, image = live
    np.save(tmp_path / "image.npy", image)
    project.append_runs([RunTook(1, 90, 3, left_out=True)])
    assert project.runs()[1].left_out
    with pytest.raises(InputError, match="left out strokes"):
        replay_project(project.folder, image=tmp_path / "image.npy", report=print)
