"""What is no regular file: reading it may never begin or never end."""

import os
import stat
from pathlib import Path

from napari_sciml.errors import InputError

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def refuse_special(path: str | Path) -> None:
    """Refuse a pipe, a socket or a device, which libraries would wait for.

    Parameters
    ----------
    path
        Links are followed. What does not exist, or cannot be looked at, is left to
        whoever opens it.

    Raises
    ------
    InputError
        Names what it is.
    """
    kind = special_kind(path)
    if kind:
        raise InputError(
            f"{path} is {kind}, not a file, and reading it might never end; save what "
            "it gives to a file first."
        )


def special_kind(path: str | Path) -> str:
    """What a path is in words, where it is no file and no folder; else empty."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):  # no path has the character 0
        return ""
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "")
