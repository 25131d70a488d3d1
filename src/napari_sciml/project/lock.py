"""Only one viewer at a time writes into a project."""

import contextlib
import json
import os
import time
import uuid
from pathlib import Path
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.io.process import is_alive, read_process, this_process

LOCK_FILE = "lock.json"
BEAT_SECONDS = 30.0
"""The lock file is touched this often."""


class ProjectLock:
    """The file ``lock.json`` of a project: process and machine that write into it.

    Parameters
    ----------
    folder
        Of the project.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / LOCK_FILE
        self._token = ""
        self._beaten = 0.0

    def acquire(self) -> None:
        """Take the lock, also from a process that is dead.

        Raises
        ------
        InputError
            When the project is open elsewhere.
        OSError
            When the folder cannot be written.
        """
        for _ in range(3):
            if self._create():
                return
            holder = read_process(self.path)
            if holder is not None and is_alive(holder, self.path):
                break
            self._remove_stale(holder)
        raise InputError(
            f"{self.path.parent} is open in another viewer ({_place(holder)}): close "
            f"it there, or delete {LOCK_FILE} in it if it is not."
        )

    def heartbeat(self) -> None:
        """Show now and then that the lock is still wanted."""
        if self._token and time.monotonic() - self._beaten > BEAT_SECONDS:
            self._beaten = time.monotonic()
            os.utime(self.path)

    def release(self) -> None:
        """Give the lock back, if it is ours."""
        holder = read_process(self.path) if self._token else None
        if holder is not None and holder.get("token") == self._token:
            self.path.unlink(missing_ok=True)
        self._token = ""

    def _create(self) -> bool:
        token = uuid.uuid4().hex
        holder = {**this_process(), "token": token}
        # Linked into place when it is whole: nobody reads half a lock.
        fresh = self.path.with_name(f".{LOCK_FILE}.partial-{token}")
        fresh.write_text(json.dumps(holder) + "\n", "utf-8")
        try:
            return self._publish(fresh, token)
        finally:
            fresh.unlink(missing_ok=True)

    def _publish(self, fresh: Path, token: str) -> bool:
        try:
            os.link(fresh, self.path)
        except FileExistsError:
            return False
        except OSError:  # a file system without links
            try:
                with open(self.path, "xb") as file:
                    file.write(fresh.read_bytes())
            except FileExistsError:
                return False
        self._token, self._beaten = token, time.monotonic()
        return True

    def _remove_stale(self, holder: dict[str, Any] | None) -> None:
        aside = self.path.with_name(f".{LOCK_FILE}.partial-{uuid.uuid4().hex}")
        try:
            os.rename(self.path, aside)
        except FileNotFoundError:
            return  # another one was faster
        if read_process(aside) != holder and not self.path.exists():
            os.rename(aside, self.path)  # it was renewed between two looks
        aside.unlink(missing_ok=True)


def is_wanted(rest: Path) -> bool:
    """Whether a hidden file is a lock that a living process is about to take."""
    if not rest.name.startswith(f".{LOCK_FILE}"):
        return False
    holder = read_process(rest)
    if holder is not None:
        return is_alive(holder, rest)
    with contextlib.suppress(FileNotFoundError):  # taken, or not yet written
        return time.time() - rest.stat().st_mtime < BEAT_SECONDS
    return False


def is_locked(folder: Path) -> bool:
    """Whether a living process writes into a project."""
    path = folder / LOCK_FILE
    holder = read_process(path)
    return holder is not None and is_alive(holder, path)


def _place(holder: dict[str, Any] | None) -> str:
    holder = holder or {}
    return f"process {holder.get('pid')} on {holder.get('host')}"
