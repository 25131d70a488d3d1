"""Run many like tasks on the workers, a few ahead, and take what is ready."""

import asyncio
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import TimeoutError as NotYet
from itertools import islice
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.progress import Say

AHEAD = 3
"""Tasks for each thread of a worker that wait for their turn: enough to keep it busy,
few enough to stop soon and to spread over workers that come later."""

EVERY = 1.0
"""Seconds between two chances to stop."""

RETRIES = 2
"""A task that fails for a reason of the machine (disk, memory) is tried again."""


def run_tasks(
    client: Any,
    task: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    *,
    name: str,
    say: Say = lambda _: None,
) -> Iterator[tuple[int, Any] | None]:
    """Yield the number and result of each task, as they end.

    A worker that is lost costs nothing but time: Dask runs its tasks elsewhere.

    Parameters
    ----------
    client
        A ``distributed.Client``.
    task
        Function that the workers can import.
    arguments
        Of each call.
    name
        What a task is, for messages.
    say
        Called with a sentence when no worker is left.

    Yields
    ------
    tuple or None
        None every second, as a chance to stop.

    Raises
    ------
    InputError
        When a worker raised it, a task killed the workers that tried it, or they lack
        this package.
    """
    waiting = iter(enumerate(arguments))
    running: dict[Any, int] = {}
    look = _Workers(client, say).look
    try:
        while True:
            # Workers may have been lost since.
            free = max(0, _room(client) - len(running))
            for number, given in islice(waiting, free):
                future = client.submit(
                    _call, task, *given, pure=False, retries=RETRIES, priority=-number
                )
                running[future] = number
            if not running:
                return
            done = _finished(client, running)
            if not done:
                look()
                yield None
            for future in done:
                # A worker that is lost with its result costs another run of the task.
                for _ in (fetch := _Fetch(client, future)).waits():
                    look()
                    yield None
                number = running.pop(future)
                yield number, fetch.result(f"{name} {number + 1}")
    finally:
        client.cancel(list(running))


class _Workers:
    """Says once that all workers are lost, and again when it happens again."""

    def __init__(self, client: Any, say: Say) -> None:
        self._client = client
        self._say = say
        self._lost = False

    def look(self) -> None:
        lost = not self._client.nthreads()
        if lost and not self._lost:
            self._say("All workers are lost: waiting for others to come.")
        self._lost = lost


class _Fetch:
    """The result of a task that ended, on its way."""

    def __init__(self, client: Any, future: Any) -> None:
        self._coming = asyncio.run_coroutine_threadsafe(
            client.gather(future, asynchronous=True), client.loop.asyncio_loop
        )

    def waits(self) -> Generator[None, None, None]:
        """Yield every second until the result or its error is here."""
        try:
            while True:
                try:
                    self._coming.exception(timeout=EVERY)
                except NotYet:
                    yield
                else:
                    return
        finally:
            self._coming.cancel()

    def result(self, what: str) -> Any:
        return _result(self._coming, what)


def _finished(client: Any, running: dict[Any, int]) -> set[Any]:
    from distributed import wait

    try:
        with client.as_current():
            found = wait(list(running), timeout=EVERY, return_when="FIRST_COMPLETED")
    except TimeoutError:
        return set()
    return set(found.done)


def _result(future: Any, what: str) -> Any:
    from distributed import KilledWorker

    try:
        result = future.result()
    except KilledWorker as error:
        raise InputError(
            f"The workers that tried {what} were lost, one after the other, probably "
            "for want of memory: give smaller blocks or workers with more memory."
        ) from error
    except ModuleNotFoundError as error:
        raise InputError(
            f"A worker has no {error.name}: install napari-sciml there, too."
        ) from error
    if isinstance(result, InputError):
        raise result
    return result


def _call(task: Callable[..., Any], *given: Any) -> Any:
    """What is the user's to mend is not tried again, but handed back."""
    try:
        return task(*given)
    except InputError as error:
        return error


def _room(client: Any) -> int:
    threads = sum(client.nthreads().values())
    return AHEAD * max(1, threads)
