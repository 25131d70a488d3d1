"""Whether a file that an image names lies in the folder of the image."""

import os
from pathlib import Path


def leads_away(image: Path, name: str) -> bool:
    """Whether a name in an image leads out of the folder that the image is in.

    The folder is the one that the image is given by, or where a link to it leads.
    Links beside an image were put there by who owns the folder, and may be followed.

    Parameters
    ----------
    image
        The file.
    name
        Of another file, as the image has it: relative to its folder, or absolute.
    """
    named = Path(os.path.normpath(image.absolute().parent / name))
    folders = (image.absolute().parent, image.resolve().parent)
    return not any(named.is_relative_to(os.path.normpath(one)) for one in folders)
