"""Train the focus weights that ship with the program.

    python benchmarks/focus_weights.py --out src/napari_sciml/focus/weights

Learns from made-up images (napari_sciml.focus.textures); add ``--images FOLDER``
for photographs whose license allows shipping weights derived from them.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from skimage import io

from napari_sciml.focus.config import FocusTrainingConfig
from napari_sciml.focus.textures import texture
from napari_sciml.focus.training import FocusStep, FocusTrained, train_focus


def main() -> None:
    """Train and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--images", type=Path, nargs="*", default=[])
    parser.add_argument("--textures", type=int, default=160)
    parser.add_argument("--network", default="focusnet")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--no-noise", action="store_true")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--steps", type=int)
    parser.add_argument(
        "--go-on", action="store_true", help="Begin with the shipped weights."
    )
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    images = [texture(rng) for _ in range(options.textures)]
    photographs = [io.imread(path) for path in options.images]
    # A photograph counts as several images that were made.
    images += photographs * (1 if not options.textures else 8)
    config = FocusTrainingConfig.model_validate(
        {
            "network": options.network, "seconds": options.seconds,
            "seed": options.seed, "threads": 1, "held_out": 0.0,
            "noise": not options.no_noise, "device": "cpu",
            "learning_rate": options.rate, "steps": options.steps,
            "from_pretrained": options.go_on,
        }
    )  # fmt: skip
    said = 0.0
    for event in train_focus(images, config):
        if isinstance(event, FocusStep) and time.monotonic() - said > 10:
            said = time.monotonic()
            print(
                f"{event.step} {event.seconds:.0f} s loss {event.loss:.3f}", flush=True
            )
        if isinstance(event, FocusTrained):
            card = event.model.card
            card["trained_on"] = {
                "made_up_images": options.textures,
                "photographs": [path.name for path in options.images],
            }
            event.model.save(options.out)


if __name__ == "__main__":
    main()
