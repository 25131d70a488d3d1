"""A trained focus model: rate images, save, load."""

import json
from collections.abc import Callable, Generator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from napari_sciml.errors import InputError
from napari_sciml.focus.levels import TILE
from napari_sciml.focus.networks.network import make_network
from napari_sciml.focus.rating.emptiness import resized
from napari_sciml.focus.rating.rate import TilesRated, rating_steps
from napari_sciml.focus.rating.result import FocusResult
from napari_sciml.json_files import UnreadableError, read_file, read_object
from napari_sciml.networks.device import resolve_device

Array = np.ndarray[Any, np.dtype[Any]]
Progress = Callable[[float], Any]
WEIGHTS, CARD = "focus.safetensors", "focus.json"
WEIGHTS_LIMIT = 2**30
"""Bytes; the largest network has some 10 MB."""


class FocusModel:
    """Rates the focus of image tiles.

    Parameters
    ----------
    network
        Tiles ``(n, 1, y, x)`` to log-odds ``(n, 11)``.
    kind
        Name of the network.
    card
        What it was trained on and how well it does.
    fixed_scale
        Whether values must be scaled by their range (the 2018 model); the others
        do not depend on gain and offset.
    """

    def __init__(
        self,
        network: nn.Module,
        kind: str,
        card: dict[str, Any] | None = None,
        *,
        fixed_scale: bool = False,
    ) -> None:
        self.network, self.kind, self.card = network.eval(), kind, card or {}
        self.fixed_scale = fixed_scale

    def rate(
        self,
        image: Any,
        *,
        tile: int = TILE,
        stride: int = TILE,
        scale: tuple[float, float] | None = None,
        batch: int = 256,
        device: str = "auto",
        progress: Progress | None = None,
    ) -> FocusResult:
        """Rate every tile of an image or stack.

        Parameters
        ----------
        image
            ``(…, y, x)`` of any real dtype, numpy or lazy; planes are read one by
            one, very large ones in parts. NaN and infinite values make a tile blank.
        tile, stride
            Edge of a tile and distance from one to the next, in pixels. A last
            row and column are moved back to the edge of the image. Tiles of other
            edges than 84 are resized to 84, so levels count in the resized pixels.
        scale
            Values that mean 0 and 1; the range of an integer dtype if not given.
            Only the 2018 model depends on it.
        batch
            Tiles at a time; the result does not depend on it.
        device
            auto, cpu, cuda or mps.
        progress
            Called with the share done, 0 to 1, after every batch; what it raises
            stops the rating.

        Raises
        ------
        InputError
            When the image is smaller than a tile, not of numbers, or has no scale
            where the model needs one.
        """
        for event in self.rating_steps(
            image, tile=tile, stride=stride, scale=scale, batch=batch, device=device
        ):
            if isinstance(event, FocusResult):
                return event
            if progress:
                progress(event.fraction)
        raise AssertionError("a rating ends with its result")

    def rating_steps(
        self,
        image: Any,
        *,
        tile: int = TILE,
        stride: int = TILE,
        scale: tuple[float, float] | None = None,
        batch: int = 64,
        device: str = "auto",
    ) -> Generator[TilesRated | FocusResult, None, None]:
        """Rate as `rate` does, as a generator that can be closed.

        Yields
        ------
        TilesRated or FocusResult
            After every batch, and the result at the end.
        """
        scale = self._check(image, tile, stride, scale)
        target = resolve_device(device)
        self.network.to(target)
        yield from rating_steps(
            lambda tiles: self._probabilities(tiles, batch, target),
            image,
            tile=tile,
            stride=stride,
            scale=scale,
            batch=batch,
        )

    def _check(
        self, image: Any, tile: int, stride: int, scale: tuple[float, float] | None
    ) -> tuple[float, float] | None:
        shape, dtype = tuple(image.shape), np.dtype(image.dtype)
        if len(shape) < 2 or dtype.kind not in "biuf":
            raise InputError("Focus needs an image (…, y, x) of numbers.")
        if tile < 16 or stride < 1:
            raise InputError(
                "A tile needs 16 pixels or more and a stride of 1 or more."
            )
        if scale is not None and not scale[1] > scale[0]:
            raise InputError("The second value of the scale must be above the first.")
        if self.fixed_scale and scale is None:
            if dtype != np.uint16:
                raise InputError(
                    "The 2018 model was trained on 16-bit counts; give scale=(lowest, "
                    "highest) for other values."
                )
            scale = (0.0, 65535.0)
        return scale

    @torch.inference_mode()
    def _probabilities(self, tiles: Array, batch: int, device: torch.device) -> Array:
        parts = []
        for first in range(0, len(tiles), batch):
            x = torch.from_numpy(np.ascontiguousarray(tiles[first : first + batch]))
            x = resized(x).to(device)[:, None]
            parts.append(torch.softmax(self.network(x), dim=1).cpu().numpy())
        return np.concatenate(parts)

    def save(self, folder: str | Path) -> None:
        """Write ``focus.safetensors`` and the model card ``focus.json``."""
        from safetensors.torch import save

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {k: v.contiguous().cpu() for k, v in self.network.state_dict().items()}
        # Not save_file: what that writes is its owner's alone, whatever the umask.
        (folder / WEIGHTS).write_bytes(save(state))
        version = getattr(self.network, "version", 1)
        card = {**self.card, "kind": self.kind, "version": version}
        (folder / CARD).write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")


def load_focus(folder: str | Path) -> FocusModel:
    """Load a model that `FocusModel.save` has written.

    Raises
    ------
    InputError
        When the folder holds no focus model, or a damaged one.
    """
    from safetensors.torch import load

    folder = Path(folder)
    try:
        card = read_object(folder / CARD, nan=True)
        network = make_network(card["kind"], card.get("version", 1))
        network.load_state_dict(load(read_file(folder / WEIGHTS, limit=WEIGHTS_LIMIT)))
    except UnreadableError as error:
        raise _no_model(folder, f" ({error.reason})") from error
    except InputError:
        raise
    except Exception as error:  # whatever a broken file leads the readers to
        raise _no_model(folder) from error
    return FocusModel(network, card["kind"], card)


def _no_model(folder: Path, reason: str = "") -> InputError:
    return InputError(
        f"{folder} holds no focus model that can be read{reason}; train one with "
        "napari-sciml focus --train."
    )


def pretrained() -> FocusModel:
    """Load the weights that come with the program; read its ``card``."""
    return load_focus(_shipped())


@cache
def _shipped() -> Path:
    return Path(str(files("napari_sciml.focus"))) / "weights"
