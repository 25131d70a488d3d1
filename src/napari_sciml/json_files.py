"""Read JSON, which anybody may have written: bounded, and refused in one sentence."""

import json
import math
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from napari_sciml.errors import InputError
from napari_sciml.special_files import special_kind

LARGEST = 2**24
"""Bytes of a JSON file, unless the caller knows better: ours have 1 MB at most."""
DEEPEST = 64
"""Levels of nesting. What is nested deeper breaks most that is done with it later."""
IMPOSSIBLE = re.compile("[\0\ud800-\udc7f\udd00-\udfff]")
LONGEST_NUMBER = 40
"""Digits of a whole number; the state of a random generator takes 39."""


class UnreadableError(InputError):
    """A file that cannot be read, or holds something else than it should.

    Parameters
    ----------
    path
        Of the file.
    reason
        In a few words that begin with a small letter, for another sentence as well.
    missing
        Whether there is no such file.
    """

    def __init__(self, path: Path, reason: str, *, missing: bool = False) -> None:
        super().__init__(f"{path} cannot be read: {reason}.")
        self.reason, self.missing = reason, missing


def read_object(
    path: str | Path, *, limit: int = LARGEST, nan: bool = False
) -> dict[str, Any]:
    """Read a file that holds one JSON object.

    Parameters
    ----------
    path
        Of the file.
    limit
        Bytes that it may have.
    nan
        Whether NaN and Infinity are numbers in it.

    Raises
    ------
    UnreadableError
        Tells why it cannot be used.
    """
    path = Path(path)
    content = read_file(path, limit=limit)
    try:
        return parse_object(content, nan=nan)
    except ValueError as error:
        raise UnreadableError(path, str(error)) from error


def read_file(path: str | Path, *, limit: int = LARGEST) -> bytes:
    """Read a whole regular file, unless it is larger than it may be.

    A pipe would be waited for, and a device never ends.

    Raises
    ------
    UnreadableError
        Tells why it cannot be used.
    """
    path = Path(path)
    size = check_regular(path, limit=limit)
    try:
        with path.open("rb") as file:
            content = file.read(size + 1)  # as much is allocated, so no more
    except OSError as error:
        raise _unreadable(path, error) from error
    if len(content) > size:
        raise UnreadableError(path, "it is being written right now")
    return content


def check_regular(path: str | Path, *, limit: int | None = None) -> int:
    """Make sure that a path is a regular file that is not too large; give its size.

    Raises
    ------
    UnreadableError
        When it is missing, a folder, a pipe or a device, or larger than the limit.
    """
    path = Path(path)
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:  # no path has the character 0
        raise _unreadable(path, error) from error
    if not stat.S_ISREG(found.st_mode):
        kind = special_kind(path) or "a folder"
        raise UnreadableError(path, f"it is {kind}, not a file")
    if limit is not None and found.st_size > limit:
        raise UnreadableError(path, _too_large(limit))
    return found.st_size


def parse_object(content: bytes | str, *, nan: bool = False) -> dict[str, Any]:
    """Parse one JSON object.

    Raises
    ------
    ValueError
        In a few words, what is wrong with it.
    """
    text = content if isinstance(content, str) else _decoded(content)
    refuse = None if nan else _refuse_constant
    try:
        value = json.loads(
            text,
            parse_int=_whole_number,
            parse_float=float if nan else _finite,
            parse_constant=refuse,
        )
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ValueError(f"it is no JSON ({error.msg.lower()}, {place})") from error
    except RecursionError as error:
        raise ValueError(_too_deep()) from error
    if not isinstance(value, dict):
        raise ValueError("it holds no JSON object")
    _check_nodes(value, texts="\\u" in text)
    return value


def _decoded(content: bytes) -> str:
    try:
        # Editors on Windows save UTF-16, and UTF-8 with a mark at the beginning.
        return content.decode(json.detect_encoding(content))
    except UnicodeDecodeError as error:
        raise ValueError("it is no text in UTF-8") from error


def _whole_number(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"it holds a number of {len(text)} digits")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"it holds a number that is too large ({text[:20]})")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is no number in JSON")


def _check_nodes(value: Any, *, texts: bool) -> None:
    """Refuse what is nested too deep, and texts that cannot be written again."""
    level = [value]
    for _ in range(DEEPEST):
        if texts:
            _check_texts(level)
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise ValueError(_too_deep())


def _children(node: Any) -> Iterable[Any]:
    """Keys count as children, too."""
    if isinstance(node, dict):
        return (*node.keys(), *node.values())
    return node if isinstance(node, list) else ()


def _check_texts(nodes: Iterable[Any]) -> None:
    """Escapes may make texts that are no Unicode, or have the character 0.

    What Python makes of the bytes of a name of no encoding is let through.
    """
    for node in nodes:
        if isinstance(node, str) and IMPOSSIBLE.search(node):
            raise ValueError("it holds a text with characters that do not exist")


def _too_deep() -> str:
    return f"it is nested deeper than {DEEPEST} levels"


def _too_large(limit: int) -> str:
    size = f"{limit // 2**20} MB" if limit >= 2**20 else f"{limit} bytes"
    return f"it is larger than {size}"


def _unreadable(path: Path, error: Exception) -> UnreadableError:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return UnreadableError(path, "there is no such file", missing=True)
    reason = (getattr(error, "strerror", None) or str(error)).lower()
    advice = ", ask its owner to share it" if isinstance(error, PermissionError) else ""
    return UnreadableError(path, reason + advice)
