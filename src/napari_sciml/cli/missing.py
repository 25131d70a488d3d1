"""What is not installed here, and the command that mends it."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import which

from napari_sciml.cli.screen import why_no_viewer

EXTRAS = {
    "bioio": (("bioio", "mrcfile", "nibabel", "nrrd", "pydicom"), "read CZI, LIF, ND2, "
              "MRC, NIfTI, NRRD and DICOM"),
    "cluster": (("distributed",), "compute on several machines"),
    "explore": (("openTSNE",), "see what is alike in a map by t-SNE"),
}  # fmt: skip
"""Modules of each extra, and what it is for."""


def missing(
    is_there: Callable[[str], object] = importlib.util.find_spec,
) -> list[str]:
    """Sentences on what is missing, each with what to type; empty = nothing.

    Parameters
    ----------
    is_there
        Tells whether a module is installed.
    """
    told = [_viewer(), _card()]
    for extra, (modules, purpose) in EXTRAS.items():
        if not all(is_there(name) for name in modules):
            told.append(f'To {purpose}: pip install "napari-sciml[{extra}]".')
    return [sentence for sentence in told if sentence]


def _viewer() -> str:
    why = why_no_viewer()
    return "" if why is None else f"No viewer can open here: {why}"


def _card() -> str:
    """A graphics card of NVIDIA that is there, but not for PyTorch."""
    import torch

    there = which("nvidia-smi") or Path("/proc/driver/nvidia/version").exists()
    if not there or torch.cuda.is_available() or sys.platform == "darwin":
        return ""
    return (
        "There is an NVIDIA card, but this PyTorch cannot use it: install the one for "
        "your driver, see https://pytorch.org/get-started/locally/."
    )
