"""Noise2Void of autoden on one volume; see `restore_peer.py`.

    python restore_peer_worker.py FOLDER MODEL FEATURES SECONDS

Reads ``noisy.npy``, writes ``found.npy``. An epoch of autoden is one step on all slices
at once; as many are done as fit into the seconds, by the time of the first ones.
"""

import sys
import time
from pathlib import Path

import numpy as np
import torch

FIRST = 2
MODELS = {"unet": "NetworkParamsUNet", "msd": "NetworkParamsMSD"}


def main() -> None:
    import autoden
    from autoden.models import config

    folder, kind = Path(sys.argv[1]), sys.argv[2]
    features, seconds = int(sys.argv[3]), float(sys.argv[4])
    torch.set_num_threads(1)
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002, as autoden draws from it
    noisy = np.load(folder / "noisy.npy")
    make = getattr(config, MODELS[kind])

    def train(epochs: int) -> "autoden.N2V":
        settings = {"n_features": features, "n_dims": 2}
        denoiser = autoden.N2V(model=make(**settings), verbose=False)
        ready, tested = denoiser.prepare_data(noisy, num_tst_ratio=0.2)
        denoiser.train(ready, tested, epochs=epochs)
        return denoiser

    began = time.process_time()
    train(FIRST)
    each = (time.process_time() - began) / FIRST
    epochs = max(1, int(seconds / each))
    denoiser = train(epochs)
    np.save(folder / "found.npy", denoiser.infer(noisy))
    print(epochs)


if __name__ == "__main__":
    main()
