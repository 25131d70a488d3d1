"""Strokes arrive whole and in order in another thread."""

import threading

import numpy as np

from napari_sciml.annotation.changes import LabelChange, merged
from napari_sciml.annotation.feed import LabelFeed


def change(revision: int, *places: int, value: int = 1) -> LabelChange:
    indices = np.array(sorted(places), np.int64)
    return LabelChange(revision, indices, np.full(len(indices), value, np.uint8))


def test_everything_arrives_once_and_in_order() -> None:
    feed, seen = LabelFeed(change(0, 1), ("a", "b")), []

    def listen() -> None:
        while not seen or seen[-1] < 500:
            assert feed.wait(10)
            seen.extend(item.revision for item in feed.take())

    listener = threading.Thread(target=listen)
    listener.start()
    for revision in range(1, 501):
        feed.put(change(revision, revision))
    listener.join(20)
    assert seen == list(range(501))
    assert not feed.waiting


def test_an_empty_annotation_brings_nothing() -> None:
    feed = LabelFeed(None, ("a", "b"))
    assert not feed.wait(0)
    assert feed.take() == []


def test_the_last_change_of_a_voxel_counts() -> None:
    both = merged([change(1, 3, 5), change(2, 5, 7, value=2), change(3, 7, value=0)])
    assert both.revision == 3
    assert both.indices.tolist() == [3, 5, 7]
    assert both.values.tolist() == [1, 2, 0]
    labels = np.zeros((2, 5), np.uint8)
    both.apply_to(labels)
    assert labels.ravel().tolist() == [0, 0, 0, 1, 0, 2, 0, 0, 0, 0]
