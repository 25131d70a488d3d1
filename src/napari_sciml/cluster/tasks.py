"""Run many like tasks on the workers, a few ahead, and take what is ready."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from napari_sciml.errors import InputError

AHEAD = 3
"""Tasks for each thread of a worker that wait for their turn: enough to keep it busy,
few enough to stop soon and to spread over workers that come later."""

RETRIES = 2
"""A task that fails for a reason of the machine (disk, memory) is tried again."""


def run_tasks(
    client: Any,
    task: Callable[..., Any],
    arguments: Sequence[tuple[Any, ...]],
    *,
    name: str,
) -> Iterator[tuple[int, Any]]:
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
        What the dashboard calls them.

    Raises
    ------
    InputError
        When a worker raised it, a task killed the workers that tried it, or they lack
        this package.
    """
    from distributed import KilledWorker, as_completed

    waiting = iter(enumerate(arguments))
    running: dict[Any, int] = {}

    def submit(numbered: Iterator[tuple[int, tuple[Any, ...]]]) -> list[Any]:
        futures = []
        for number, given in numbered:
            future = client.submit(
                _call, task, *given, pure=False, retries=RETRIES, priority=-number
            )
            running[future] = number
            futures.append(future)
        return futures

    completed = as_completed(submit(islice(waiting, _room(client))))
    try:
        for future in completed:
            number = running.pop(future)
            try:
                result = future.result()
            except KilledWorker as error:
                raise InputError(
                    f"The workers that tried {name} {number + 1} were lost, one after "
                    "the other, most likely for want of memory: give smaller blocks "
                    "or workers with more memory."
                ) from error
            except ModuleNotFoundError as error:
                raise InputError(
                    f"A worker has no {error.name}: install napari-sciml there, too."
                ) from error
            if isinstance(result, InputError):
                raise result
            free = max(0, _room(client) - len(running))  # workers may have been lost
            completed.update(submit(islice(waiting, free)))
            yield number, result
    finally:
        client.cancel(list(running))


def _call(task: Callable[..., Any], *given: Any) -> Any:
    """What is the user's to mend is not tried again, but handed back."""
    try:
        return task(*given)
    except InputError as error:
        return error


def _room(client: Any) -> int:
    threads = sum(client.nthreads().values())
    return AHEAD * max(1, threads)
