"""Restoring white noise against the Noise2Void of autoden 3.0.0, in the same seconds.

    python benchmarks/restore_peer.py [--seeds 21 31] [--seconds 120] [--python PYTHON]

Phantoms of ours with white noise, as in `restore.py`, one thread each. autoden runs
in an environment of its own, which is made when missing; its U-Net and its MSD network,
on slices, with the features that it has by default and with fewer, as its steps take
all slices at once and few of them fit into the time.
"""

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import torch
from environments import HERE, python_with
from restore import add_noise, by_auto, clean_phantom, oracle, plain_n2v, scores, words

WORKER = HERE / "restore_peer_worker.py"
PEER = ("torch==2.13.0", "auto-denoise==3.0.0")
NETWORKS = (("unet", 32), ("unet", 8), ("msd", 1))


def theirs(
    python: str, noisy: np.ndarray, network: tuple[str, int], seconds: float
) -> tuple[np.ndarray, str]:
    """What autoden makes of a volume, and in how many steps."""
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "noisy.npy", noisy.astype(np.float32))
        given = [folder, network[0], str(network[1]), str(seconds)]
        quiet = {**os.environ, "OMP_NUM_THREADS": "1", "TQDM_DISABLE": "1"}
        done = subprocess.run(
            [python, str(WORKER), *given],
            check=True,
            capture_output=True,
            text=True,
            env=quiet,
        )
        return np.load(Path(folder) / "found.npy"), done.stdout.split()[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="+", type=int, default=[21, 31])
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--python", help="of an environment with autoden")
    given = parser.parse_args()
    torch.set_num_threads(1)
    python = given.python or python_with("autoden", PEER)
    heads = [f"autoden N2V, {kind} of {n}" for kind, n in NETWORKS]
    print(
        f"| seed | noisy | oracle Gaussian | ours | plain N2V | {' | '.join(heads)} |"
    )
    print("| --- " * (5 + len(heads)) + "|")
    for seed in given.seeds:
        clean = clean_phantom(seed)
        noisy = add_noise(clean, "white", seed)
        ours = scores(by_auto(noisy, given.seconds).image, clean)
        plain = scores(plain_n2v(noisy, given.seconds), clean)
        cells = [words(scores(noisy, clean)), oracle("gaussian", noisy, clean)]
        cells += [words(ours), words(plain)]
        for network in NETWORKS:
            found, steps = theirs(python, noisy, network, given.seconds)
            cells.append(f"{words(scores(found, clean))} ({steps} steps)")
        print(f"| {seed} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
