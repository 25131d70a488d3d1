"""Train the focus weights that ship with the program, or models to judge them by.

    python benchmarks/focus_weights.py FOLDER ... --out src/napari_sciml/focus/weights
    python benchmarks/focus_weights.py FOLDER ... --out fold1 --leave-out 1

FOLDERs hold the images that focus_training.json lists. Tiles are made once, as many
of each instrument, and what the networks see of them is kept in ``--cache``; training
passes over them several times. ``--leave-out`` leaves out every instrument of a fold:
what such a model says of them is the honest estimate for an unknown instrument.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from focus_images import PHOTOS, Photograph, photographs
from torch import Tensor, nn

from napari_sciml.focus.config import FocusTrainingConfig
from napari_sciml.focus.model import FocusModel
from napari_sciml.focus.networks.network import SpectrumNet, make_network, tile_features
from napari_sciml.focus.rating.features import BINS
from napari_sciml.focus.training.session import fit
from napari_sciml.focus.training.synthesis import TileMaker
from napari_sciml.focus.training.textures import texture

MADE_UP = "made-up images"
CHUNK = 64


class Pool:
    """Features of tiles made before, drawn evenly from the instruments.

    Parameters
    ----------
    parts
        Features and levels of each instrument.
    weights
        How often each instrument is drawn.
    generator
        Where all that is random comes from.
    """

    def __init__(
        self,
        parts: list[tuple[Tensor, Tensor]],
        weights: list[float],
        generator: torch.Generator,
    ) -> None:
        self.parts, self.generator = parts, generator
        self.weights = torch.tensor(weights)

    def batch(self, size: int) -> tuple[Tensor, Tensor]:
        """Give features ``(size, 86)`` and levels of tiles."""
        chosen = torch.multinomial(
            self.weights, size, replacement=True, generator=self.generator
        )
        drawn = []
        for part, count in zip(*chosen.unique(return_counts=True), strict=True):
            features, levels = self.parts[int(part)]
            where = torch.randint(len(levels), (int(count),), generator=self.generator)
            drawn.append((features[where], levels[where]))
        return torch.cat([f for f, _ in drawn]), torch.cat([k for _, k in drawn])


class Head(nn.Module):
    """The part of a network behind its features, to be trained on them."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, features: Tensor) -> Tensor:
        """Features ``(n, 86)`` to log-odds."""
        if isinstance(self.network, SpectrumNet):
            return self.network.head(features[:, :BINS])
        return self.network.judges(features)


def made_features(
    name: str, images: Callable[[], list[np.ndarray]], options: argparse.Namespace
) -> tuple[Tensor, Tensor]:
    """Make tiles of an instrument and keep what networks see of them, or read it."""
    path = options.cache / f"{''.join(c if c.isalnum() else '_' for c in name)}.npz"
    if not path.exists():
        generator = torch.Generator().manual_seed(len(name))
        maker = TileMaker(images(), generator, noise=not options.no_noise)
        pairs = [maker.batch(CHUNK) for _ in range(options.tiles // CHUNK)]
        options.cache.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            features=np.concatenate([tile_features(t)[0].numpy() for t, _ in pairs]),
            levels=np.concatenate([k.numpy() for _, k in pairs]),
        )
    held = np.load(path)
    return torch.from_numpy(held["features"]), torch.from_numpy(held["levels"])


def textures(count: int) -> list[np.ndarray]:
    """Made-up images, the same ones every time."""
    rng = np.random.default_rng(0)
    return [texture(rng) for _ in range(count)]


def pool(options: argparse.Namespace) -> tuple[Pool, list[Photograph]]:
    """All tiles to train on, and the photographs they come from."""
    seen = [
        p
        for p in photographs(options.folders)
        # Weights that leave out a fold are never shipped.
        if p.fold not in options.leave_out and (p.ship or options.leave_out)
    ]
    names = list(dict.fromkeys(p.instrument for p in seen))
    images = {n: [p.image for p in seen if p.instrument == n] for n in names}
    parts = [made_features(n, partial(images.get, n, []), options) for n in names]
    # An instrument of many pictures has more to teach than one of a single picture.
    weights = [0.0 if n == PHOTOS else len(images[n]) ** 0.5 for n in names]
    whole = sum(weights) / (1 - options.made_up - options.photos)
    weights = [options.photos * whole if n == PHOTOS else w
               for n, w in zip(names, weights, strict=True)]  # fmt: skip
    parts.append(made_features(MADE_UP, partial(textures, options.textures), options))
    weights.append(options.made_up * whole)
    return Pool(parts, weights, torch.Generator().manual_seed(options.seed)), seen


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--leave-out", type=int, nargs="*", default=[])
    parser.add_argument("--cache", type=Path, default=Path("focus-tiles"))
    parser.add_argument("--tiles", type=int, default=4800, help="Per instrument.")
    parser.add_argument("--textures", type=int, default=160)
    parser.add_argument("--made-up", type=float, default=0.2, help="Share of tiles.")
    parser.add_argument("--photos", type=float, default=0.25, help="Share of tiles.")
    parser.add_argument("--network", default="focusnet")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-noise", action="store_true")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument(
        "--temperature", type=float, default=0.5, help="Log-odds are divided by it."
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    config = FocusTrainingConfig(
        network=options.network, steps=options.steps, batch=options.batch,
        seed=options.seed, learning_rate=options.rate, held_out=0, device="cpu",
        noise=not options.no_noise,
    )  # fmt: skip
    source, seen = pool(options)
    torch.manual_seed(options.seed)
    network = make_network(options.network).train()
    said = 0.0
    for event in fit(Head(network), source, config):
        if time.monotonic() - said > 10:
            said = time.monotonic()
            print(f"{event.step} {event.seconds:.0f} s {event.loss:.3f}", flush=True)
    card = {
        "trained_on": {
            "photographs": [p.name for p in seen],
            "instruments": sorted({p.instrument for p in seen}),
            "made_up_images": options.textures,
        },
        "settings": config.model_dump(),
    }
    if options.network == "focusnet":
        network.judges.temperature.fill_(options.temperature)
    FocusModel(network, options.network, card).save(options.out)


if __name__ == "__main__":
    main()
