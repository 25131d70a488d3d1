"""Trains DLSIA for `race_dlsia.py`, in the virtual environment that `speed.py` makes.

    race_dlsia_worker.py FOLDER SEED

Lines of JSON come in, one answer a line goes out; arrays go through the folder. Imports
only what is in that environment.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from dlsia_worker import _Absent, build
from torch import nn

MEMBERS, CROP, BORDER, RATE, MARGIN = 5, 32, 8, 1e-3, 3
TILE = {True: (1, 256, 256), False: (64, 64, 64)}


class Worker:
    """Trains and predicts with networks of DLSIA."""

    def __init__(self, folder: Path, seed: int) -> None:
        image = np.load(folder / "image.npy")
        self.folder = folder
        self.flat = len(image) == 1
        self.gray = torch.from_numpy((image - image.mean()) / (image.std() + 1e-6))
        kind = "smsnet 2d" if self.flat else "smsnet 3d"
        self.networks = [build(kind, seed * MEMBERS + n) for n in range(MEMBERS)]
        self.optimizers = [
            torch.optim.Adam(net.parameters(), lr=RATE) for net in self.networks
        ]
        self.rng = np.random.default_rng(seed)
        self.forgotten = 0.0

    def learn(self, rounds: int) -> None:
        """One crop a network and round; classes weigh alike."""
        labels = np.load(self.folder / "labels.npy")
        counts = np.bincount(labels.ravel(), minlength=3)[1:3].clip(1)
        weights = torch.tensor(counts.sum() / (2 * counts)).float()
        loss = nn.CrossEntropyLoss(weights, ignore_index=-1)
        targets = torch.from_numpy(labels.astype(np.int64) - 1)
        places = [np.argwhere(labels == value) for value in (1, 2)]
        for _ in range(rounds):
            for net, optimizer in zip(self.networks, self.optimizers, strict=True):
                net.train()
                box = self._crop(places[self.rng.integers(2)])
                x, y = self._shaped(self.gray[box], targets[box])
                optimizer.zero_grad()
                loss(net(x), y).backward()
                optimizer.step()

    def _crop(self, places: np.ndarray) -> tuple[slice, ...]:
        """A box round a painted voxel; wider in pictures, as there is less of it."""
        voxel = places[self.rng.integers(len(places))]
        edge = 4 * CROP if self.flat else CROP
        box = []
        for v, n in zip(voxel, self.gray.shape, strict=True):
            size = min(edge, n)
            offset = int(self.rng.integers(MARGIN, edge - MARGIN))
            low = int(np.clip(v - offset, 0, n - size))
            box.append(slice(low, low + size))
        return tuple(box)

    def _shaped(self, gray: Any, targets: Any) -> tuple[Any, Any]:
        """Turned over at random, as ``(batch, channel, ...)``; pictures lose z."""
        axes = (1, 2) if self.flat else (0, 1, 2)
        flips = [axis for axis in axes if self.rng.random() < 0.5]
        gray, targets = gray.flip(flips), targets.flip(flips)
        if self.flat:
            return gray[None], targets
        return gray[None, None], targets[None]

    def predict(self, start: int, stop: int) -> None:
        """Tiles with a border of slices from `start` to `stop` (-1: all)."""
        stop = len(self.gray) if stop < 0 else stop
        shape = (stop - start, *self.gray.shape[1:])
        out = np.empty((MEMBERS, *shape), np.float32)
        ends = list(zip(shape, TILE[self.flat], strict=True))
        for place in np.ndindex(*(-(-n // t) for n, t in ends)):
            core = tuple(
                slice(i * t, min((i + 1) * t, n))
                for i, (n, t) in zip(place, ends, strict=True)
            )
            out[(slice(None), *core)] = self._tile_of(core, start)
        np.save(self.folder / "found.npy", out)

    def _tile_of(self, core: tuple[slice, ...], start: int) -> np.ndarray:
        """Probabilities of each member in one tile."""
        offsets = (start, 0, 0)
        read, inner = [], []
        for part, offset, n in zip(core, offsets, self.gray.shape, strict=True):
            low = max(part.start + offset - BORDER, 0)
            high = min(part.stop + offset + BORDER, n)
            read.append(slice(low, high))
            first = part.start + offset - low
            inner.append(slice(first, first + part.stop - part.start))
        gray = self.gray[tuple(read)]
        x = gray[None] if self.flat else gray[None, None]
        found = []
        for net in self.networks:
            net.eval()
            with torch.inference_mode():
                p = torch.softmax(net(x), 1)[0, 1]
            found.append((p[None] if self.flat else p)[tuple(inner)].numpy())
        return np.stack(found)

    def answer(self, order: dict[str, Any]) -> dict[str, float]:
        """Do what one line asks."""
        if order["do"] == "learn":
            self.learn(order["rounds"])
        elif order["do"] == "predict":
            self.predict(order["start"], order["stop"])
        else:
            self.forgotten += order["seconds"]  # scoring is nobody's time
        return {"cpu": time.process_time() - self.forgotten}


def serve(answer: Callable[[dict[str, Any]], Any]) -> None:
    """Answer line by line until the input ends."""
    # What a library prints must not be taken for an answer.
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    sys.meta_path.append(_Absent())
    serve(Worker(Path(sys.argv[1]), int(sys.argv[2])).answer)
