"""Where the blocks of a long computation are done: in this process, or elsewhere."""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from napari_sciml.errors import InputError
from napari_sciml.progress import Steps

R = TypeVar("R")

Task = Callable[..., R | Steps[R]]
"""Function of a module, without side effects, as a block may be done twice. One that
takes long yields the share that is done."""

Ended = Iterator[tuple[int, R] | float]
"""Number and result of each block, in the order in which they end; and, as a chance to
stop, the share of the block under way that is done. Closing it ends what is under way.
"""


class Executor(Protocol):
    """Calls a function for each block."""

    def __call__(
        self,
        task: Task[R],
        common: tuple[Any, ...],
        arguments: Iterable[tuple[Any, ...]],
        *,
        name: str = "block",
    ) -> Ended[R]:
        """Do all blocks, no more at a time than there is room for.

        Parameters
        ----------
        task
            Gets `common` and then the arguments of the block.
        common
            What all blocks need; it can be pickled.
        arguments
            Of each block.
        name
            What a block is, for messages.
        """


Start = Callable[[Path | None], AbstractContextManager[Executor]]
"""Gives what does the blocks, for as long as it is entered: a driver does that once its
inputs are checked. What all blocks need may be put into a folder, which is removed."""


def here(
    task: Task[R],
    common: tuple[Any, ...],
    arguments: Iterable[tuple[Any, ...]],
    *,
    name: str = "block",
) -> Ended[R]:
    """Do one block after the other, when it is asked for; see `Executor`."""
    for number, given in enumerate(arguments):
        found = task(*common, *given)
        if isinstance(found, Generator):
            found = yield from found
        yield number, found


@contextmanager
def in_this_process(folder: Path | None) -> Iterator[Executor]:
    """Do the blocks `here`; see `Start`."""
    yield here


def in_order(ended: Ended[R]) -> Ended[R]:
    """Keep what ends too early until it is its turn."""
    early: dict[int, R] = {}
    turn = 0
    for one in ended:
        if isinstance(one, float):
            yield one
            continue
        early[one[0]] = one[1]
        while turn in early:
            yield turn, early.pop(turn)
            turn += 1


def shares(ended: Ended[R], total: int) -> Iterator[tuple[float, tuple[int, R] | None]]:
    """Tell which share of all is done, with each block and in between."""
    done = 0
    for one in ended:
        if isinstance(one, float):
            yield (done + one) / total, None
        else:
            done += 1
            yield done / total, one


def not_seen(path: Path | str) -> InputError:
    """Say that another process does not see what this one has written."""
    return InputError(
        f"A worker does not see {path}: let all workers see the file system that the "
        "command writes to."
    )
