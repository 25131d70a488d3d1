"""Where the blocks of a long computation are done: in this process, or elsewhere."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

R = TypeVar("R")
T = TypeVar("T")

Ended = Iterator[tuple[int, R] | None]
"""Number and result of each block, in the order in which they end; None is a chance to
stop. Closing it ends what is under way."""


class Executor(Protocol):
    """Calls a function for each block."""

    def __call__(
        self,
        task: Callable[..., R],
        common: tuple[Any, ...],
        arguments: Iterable[tuple[Any, ...]],
        *,
        name: str = "block",
    ) -> Ended[R]:
        """Do all blocks, no more at a time than there is room for.

        Parameters
        ----------
        task
            Function of a module, without side effects, as a block may be done twice.
            Its arguments are `common` and then those of the block.
        common
            What all blocks need; it can be pickled.
        arguments
            Of each block.
        name
            What a block is, for messages.
        """


def here(
    task: Callable[..., R],
    common: tuple[Any, ...],
    arguments: Iterable[tuple[Any, ...]],
    *,
    name: str = "block",
) -> Ended[R]:
    """Do one block after the other, when it is asked for; see `Executor`."""
    for number, given in enumerate(arguments):
        yield number, task(*common, *given)


def in_order(ended: Ended[R]) -> Ended[R]:
    """Keep what ends too early until it is its turn."""
    early: dict[int, R] = {}
    turn = 0
    for one in ended:
        if one is None:
            yield None
            continue
        early[one[0]] = one[1]
        while turn in early:
            yield turn, early.pop(turn)
            turn += 1


def shares(ended: Iterator[T | None], total: int) -> Iterator[tuple[float, T | None]]:
    """Tell with each block which share of all is done with it."""
    done = 0
    for one in ended:
        done += one is not None
        yield done / total, one
