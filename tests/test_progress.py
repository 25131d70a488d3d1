"""Work that calls back, as steps that can be watched and stopped."""

import threading

import pytest

from napari_sciml.progress import watched


def test_tells_in_order_and_returns_the_result() -> None:
    def work(tell):
        for number in range(5):
            tell(number)
        return "done"

    heard = []

    def kept(steps):
        heard.append((yield from steps))

    assert [one for one in kept(watched(work)) if one is not None] == list(range(5))
    assert heard == ["done"]


def test_silence_is_a_chance_to_stop() -> None:
    quiet = threading.Event()

    def work(tell):
        quiet.wait(10)

    steps = watched(work)
    assert next(steps) is None
    quiet.set()
    assert [one for one in steps if one is not None] == []


def test_what_goes_wrong_in_the_work_goes_wrong_here() -> None:
    def work(tell):
        tell(1)
        raise OSError("no space")

    steps = watched(work)
    with pytest.raises(OSError, match="no space"):
        list(steps)


def test_closed_it_ends_the_work_at_its_next_word_and_waits_for_it() -> None:
    left, going = [], threading.Event()

    def work(tell):
        try:
            while True:
                going.set()
                tell("word")
        except Exception:  # a file's error, which others survive
            left.append("survived")
        finally:
            left.append("cleaned")

    steps = watched(work)
    assert next(steps) == "word"
    assert going.wait(10)
    steps.close()
    assert left == ["cleaned"]
