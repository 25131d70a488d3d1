"""Do what may be impossible, and say why it is."""

from collections.abc import Callable
from typing import Any

from pydantic import ValidationError

from napari_sciml.errors import InputError, one_line


def attempt(
    action: Callable[..., object], *args: Any, tell: Callable[[str], object]
) -> bool:
    """Do something, or tell in one sentence why it cannot be done.

    Parameters
    ----------
    action, args
        What to do, and with what.
    tell
        Shows a sentence; called with an empty one first.

    Returns
    -------
    bool
        Whether it was done.
    """
    tell("")
    try:
        action(*args)
    except (InputError, ValidationError) as error:
        tell(one_line(error))
        return False
    return True
