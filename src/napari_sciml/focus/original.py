"""The network of Yang et al. (2018), from the files that its authors gave out.

Those files do not come with this program; where you have the Fiji model or the
checkpoint, `load_original` reads it without TensorFlow and makes sure that it is
the genuine one.
"""

import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import google_crc32c
import numpy as np
import torch
from torch import Tensor, nn

from napari_sciml.errors import InputError, first_line
from napari_sciml.focus.levels import LEVELS
from napari_sciml.focus.model import FocusModel
from napari_sciml.special_files import refuse_special

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Stored:
    """Where a tensor lies in the Fiji data file, and its checksum."""

    shape: tuple[int, ...]
    offset: int
    crc: int


TENSORS: Mapping[str, Stored] = {
    "conv1/b": Stored((32,), 0, 0x5E0BE9AD),
    "conv1/w": Stored((5, 5, 1, 32), 128, 0xC9C232AE),
    "conv2/b": Stored((64,), 3328, 0x8035C365),
    "conv2/w": Stored((5, 5, 32, 64), 3584, 0xD3CC6E10),
    "fc3/b": Stored((1024,), 208384, 0x2ED3FDD9),
    "fc3/w": Stored((28224, 1024), 212480, 0xEF929C57),
    "fc4/b": Stored((11,), 115817984, 0x10586209),
    "fc4/w": Stored((1024, 11), 115818028, 0xDC97A6B1),
}
FIJI_SIZE = 115_863_084
DATA = ".data-00000-of-00001"


class OriginalNet(nn.Module):
    """The network of 2018: 29 million weights, tiles scaled to 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 5, padding=2)
        self.conv2 = nn.Conv2d(32, 64, 5, padding=2)
        self.fc3 = nn.Linear(21 * 21 * 64, 1024)
        self.fc4 = nn.Linear(1024, LEVELS)

    def forward(self, tiles: Tensor) -> Tensor:
        """Rate tiles ``(n, 1, 84, 84)``."""
        x = nn.functional.max_pool2d(torch.relu(self.conv1(tiles)), 2)
        x = nn.functional.max_pool2d(torch.relu(self.conv2(x)), 2)
        # TensorFlow flattens with the channels last.
        x = x.permute(0, 2, 3, 1).flatten(1)
        return cast("Tensor", self.fc4(torch.relu(self.fc3(x))))


def load_original(path: str | Path) -> FocusModel:
    """Load the model of 2018 from a file that you have.

    Parameters
    ----------
    path
        The Fiji ``.zip``, the unpacked folder, or the data file in it
        (``….data-00000-of-00001``).

    Returns
    -------
    FocusModel
        Rates like any other; it wants 16-bit counts, or a stated scale.

    Raises
    ------
    InputError
        When there is no such file, or a checksum shows that it is another.
    """
    return _load(path, TENSORS)


def _load(path: str | Path, tensors: Mapping[str, Stored]) -> FocusModel:
    data = _find(Path(path))
    arrays = {name: _read(data, name, stored) for name, stored in tensors.items()}
    network = OriginalNet()
    with torch.no_grad():
        for layer in ("conv1", "conv2", "fc3", "fc4"):
            module = cast("nn.Conv2d | nn.Linear", getattr(network, layer))
            weights = arrays[f"{layer}/w"]
            order = (3, 2, 0, 1) if weights.ndim == 4 else (1, 0)
            module.weight.copy_(torch.from_numpy(weights.transpose(order).copy()))
            cast("Tensor", module.bias).copy_(torch.from_numpy(arrays[f"{layer}/b"]))
    card = {"trained_on": "Yang et al. 2018, BMC Bioinformatics 19:77"}
    return FocusModel(network, "yang2018", card, fixed_scale=True)


def _find(path: Path) -> Any:
    """Raw bytes of the data file."""
    if not path.exists():
        raise InputError(f"{path} does not exist; check the path.")
    refuse_special(path)
    if path.suffix == ".zip":
        return _from_zip(path)
    if path.is_dir():
        found = sorted(path.rglob(f"*{DATA}"))
        if not found:
            raise _refuse(f"{path} holds no file that ends in {DATA}")
        path = found[0]
    if not path.is_file() or path.suffix != DATA or path.stat().st_size != FIJI_SIZE:
        raise _refuse(f"{path} is no data file of the right size")
    return np.memmap(path, dtype=np.uint8, mode="r")


def _from_zip(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            found = [m for m in archive.infolist() if ".data-" in m.filename]
            if [member.file_size for member in found] != [FIJI_SIZE]:
                raise _refuse(f"{path} does not hold one data file of the right size")
            with archive.open(found[0]) as member:
                # The size above is only a claim: what unpacks to more is cut off.
                data = member.read(FIJI_SIZE + 1)
    except InputError:
        raise
    except Exception as error:  # encrypted, damaged, or packed in an unusual way
        reason = first_line(error)
        raise _refuse(f"{path} is no zip file that can be read ({reason})") from error
    if len(data) != FIJI_SIZE:
        raise _refuse(f"{path} unpacks to another size than it claims")
    return np.frombuffer(data, dtype=np.uint8)


def _read(data: Any, name: str, stored: Stored) -> Array:
    length = 4 * math.prod(stored.shape)
    raw = bytes(data[stored.offset : stored.offset + length])
    if len(raw) != length or _masked_crc32c(raw) != stored.crc:
        raise _refuse(f"The checksum of {name} is another")
    return np.frombuffer(raw, dtype="<f4").reshape(stored.shape).astype(np.float32)


def _masked_crc32c(data: bytes) -> int:
    """CRC-32C as TensorFlow stores it: rotated, with a constant added."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _refuse(reason: str) -> InputError:
    return InputError(
        f"{reason}: this is not the focus model of Yang et al. (2018); give the Fiji "
        "microscope-image-quality-model.zip, or what is in it."
    )
