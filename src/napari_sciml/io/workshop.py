"""Hidden folders beside results, in which these are written until they are whole."""

import glob
import json
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from napari_sciml.io.process import is_alive, read_process, this_process

NAME = ".{}.partial-"
"""Begin of its name, from that of the result."""
RANDOM = 8
"""Signs that `tempfile` puts behind it."""

OWNER = ".owner"
"""In it: which process it is of."""
NEW_OWNER = ".owner.new"
"""The same, while it is written."""
PREVIOUS = "previous"
"""There, too: an older folder, until the new one has its name."""


def longest_name_beside(final: Path) -> int:
    """Bytes of the name of the hidden folder of a result."""
    return len(os.fsencode(NAME.format(final.name))) + RANDOM


def make_workshop(target: Path) -> Path:
    """Make the hidden folder of a result, which says whose it is.

    What killed runs left goes. Parent folders are made.

    Raises
    ------
    OSError
        When there is no room, or no right to write.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(target)
    while True:
        made = Path(
            tempfile.mkdtemp(prefix=NAME.format(target.name), dir=target.parent)
        )
        try:
            _sign(made)
        except FileNotFoundError:  # another run took it for abandoned
            continue
        except BaseException:
            remove_workshop(made)
            raise
        return made


def _sign(workshop: Path) -> None:
    """Say whose a hidden folder is, at once or not at all."""
    fresh = workshop / NEW_OWNER
    fresh.write_text(json.dumps(this_process()), "utf-8")
    os.rename(fresh, workshop / OWNER)


def remove_abandoned(target: Path) -> None:
    """Remove what runs on this machine that were killed left beside their result.

    What holds something and does not say whose it is stays: it may be of an older
    version. So does what is of another machine, as nobody can tell from here whether
    it still runs.
    """
    here = this_process()["host"]
    prefix = glob.escape(NAME.format(target.name))
    for left in target.parent.glob(f"{prefix}*"):
        owner = read_process(left / OWNER)
        if owner is None:
            _remove_unsigned(left)
        elif owner.get("host") == here and not is_alive(owner, left / OWNER):
            _end_publishing(left, target)
            remove_workshop(left)


def _remove_unsigned(left: Path) -> None:
    """Remove a hidden folder that nothing was put into.

    Where its run is alive and just signs it, one of the two fails: either this, or the
    run, which then makes another one.
    """
    with suppress(OSError):
        if {p.name for p in left.iterdir()} <= {NEW_OWNER}:
            (left / NEW_OWNER).unlink(missing_ok=True)
            left.rmdir()


def remove_workshop(folder: Path) -> None:
    """Remove a hidden folder, last what tells whose it is: a kill may come between."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.name == OWNER:
                continue
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _end_publishing(left: Path, target: Path) -> None:
    """Do the last rename for a run that was killed before it.

    Without, the old result would go with the rest while nothing has its name.
    """
    fresh = left / target.name
    if (left / PREVIOUS).exists() and fresh.exists() and not target.exists():
        os.rename(fresh, target)
