"""Blocks of any stage on workers, as `napari_sciml.executor` has them here."""

import pickle
import threading
import uuid
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from napari_sciml.cluster.client import connect
from napari_sciml.cluster.tasks import run_tasks
from napari_sciml.executor import Ended, Executor, Start, Task, not_seen
from napari_sciml.progress import Say, exhaust

R = TypeVar("R")

INLINE = 2**16
"""Bytes that travel with each block; more is read from a file, once by a worker."""

_LOADING = threading.Lock()
"""Threads of a worker share what they load."""


@dataclass(frozen=True)
class Workers:
    """The executor that does blocks on the workers of a cluster.

    A worker that is lost costs nothing but time: its blocks are done again elsewhere.
    Workers read files and send back what they found; only this process writes.

    Attributes
    ----------
    client
        A ``distributed.Client``.
    folder
        Where all workers can read: what all blocks need lies there if it is large;
        whoever gives it removes it. None = it travels with each block.
    say
        Called with what a person should know.
    """

    client: Any
    folder: Path | None = None
    say: Say = lambda _: None

    def __call__(
        self,
        task: Task[R],
        common: tuple[Any, ...],
        arguments: Iterable[tuple[Any, ...]],
        *,
        name: str = "block",
    ) -> Ended[R]:
        """See `napari_sciml.executor.Executor`.

        Raises
        ------
        InputError
            As the task; or when workers were lost as `run_tasks` tells, or do not see
            the files.
        """
        held = _hold(common, self.folder)
        given = [(held, task, *one) for one in arguments]
        ended = run_tasks(self.client, _do, given, name=name, say=self.say)
        yield from (0.0 if one is None else one for one in ended)


def on_workers(scheduler: str | None, say: Say) -> Start | None:
    """Do the blocks on the workers of a cluster.

    Parameters
    ----------
    scheduler
        Address as of `connect`; None = there is none.
    say
        Called with what a person should know.

    Returns
    -------
    Start or None
        Entering it raises InputError as `connect`. Nothing needs a GPU.
    """
    if scheduler is None:
        return None

    @contextmanager
    def start(folder: Path | None) -> Iterator[Executor]:
        with connect(scheduler, gpu=False) as client:
            yield Workers(client, folder, say)

    return start


@dataclass(frozen=True)
class _Held:
    """What all blocks need: how it is pickled, or in which file."""

    token: str
    pickled: bytes | None
    file: str


def _hold(common: tuple[Any, ...], folder: Path | None) -> _Held:
    token, pickled = uuid.uuid4().hex, pickle.dumps(common, protocol=5)
    if folder is None or len(pickled) <= INLINE:
        return _Held(token, pickled, "")
    file = folder.absolute() / token
    file.write_bytes(pickled)
    return _Held(token, None, str(file))


def _do(held: _Held, task: Task[Any], *given: Any) -> Any:
    with _LOADING:
        common = _taken(held)
    found = task(*common, *given)
    return exhaust(found) if isinstance(found, Generator) else found


@lru_cache(maxsize=2)
def _taken(held: _Held) -> tuple[Any, ...]:
    pickled = held.pickled
    if pickled is None:
        try:
            pickled = Path(held.file).read_bytes()
        except FileNotFoundError as error:
            raise not_seen(held.file) from error
    return tuple(pickle.loads(pickled))
