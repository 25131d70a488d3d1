"""Which process something belongs to, and whether it still runs."""

import os
import platform
import time
from pathlib import Path
from typing import Any

from napari_sciml.json_files import UnreadableError, read_object

HOLDER_LIMIT = 2**16
"""Bytes of what a process writes of itself."""
SILENCE_SECONDS = 300.0
"""On another machine, what was not touched for so long is abandoned."""


def this_process() -> dict[str, Any]:
    """Number, machine and start of this process, JSON-able."""
    return {
        "pid": os.getpid(),
        "host": platform.node(),
        "started": _started(os.getpid()),
    }


def read_process(path: Path) -> dict[str, Any] | None:
    """What a process wrote of itself; None where that cannot be read."""
    try:
        return read_object(path, limit=HOLDER_LIMIT)
    except UnreadableError:
        return None


def is_alive(holder: dict[str, Any], path: Path) -> bool:
    """Whether a process still runs.

    Parameters
    ----------
    holder
        What it wrote of itself.
    path
        Where: on another machine, how long ago it was touched tells.
    """
    if holder.get("host") != platform.node():
        try:
            return time.time() - path.stat().st_mtime < SILENCE_SECONDS
        except OSError:
            return False
    pid, started = holder.get("pid"), holder.get("started")
    if not isinstance(pid, int) or not isinstance(started, int | float):
        return False
    now = _started(pid)
    # A number may be given to another process later.
    return now is not None and abs(now - started) < 2


def _started(pid: int) -> float | None:
    """When a process was started; None when there is no such process."""
    import psutil

    try:
        process = psutil.Process(pid)
        dead = process.status() == psutil.STATUS_ZOMBIE
        return None if dead else float(process.create_time())
    except (psutil.Error, ValueError, OverflowError):
        return None
