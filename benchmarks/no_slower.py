"""Is a command slower than in another checkout? Paired times on the same good input.

    git worktree add /tmp/reference COMMIT
    python benchmarks/no_slower.py /tmp/reference [--rounds 5]

Each round runs each command, as a user types it, once in either checkout, in changing
order; the table has the median over the rounds of the ratio of the CPU seconds, here to
there. The checkouts may be of any age, as only their command lines are used.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import numpy as np
import tifffile

HERE = Path(__file__).resolve().parents[1]
RUN = """
import importlib, sys
module, name = sys.argv.pop(1).split(":")
sys.argv[0] = "napari-sciml"
getattr(importlib.import_module(module), name)()
"""
COMMANDS = {
    "train": "train image.tif labels.tif --out model --steps 20 --members 2 --seed 0",
    "predict": "predict model image.tif --out p.zarr",
    "threshold": "threshold p.zarr --out mask.tif",
    "fibers": "fibers truth.tif --out fibers",
    "focus": "focus plane.tif --out focus",
}


def write_inputs(folder: Path, edge: int) -> None:
    """A phantom with scribbles, and a plane of noise for the focus."""
    from napari_sciml.samples.phantom import PhantomConfig, make_phantom
    from napari_sciml.samples.scribbles import scribble

    phantom = make_phantom(PhantomConfig(shape=(edge,) * 3, seed=0))
    tifffile.imwrite(folder / "image.tif", phantom.image)
    truth = (phantom.labels > 0).astype(np.uint8)
    tifffile.imwrite(folder / "truth.tif", truth)
    tifffile.imwrite(folder / "labels.tif", scribble(phantom.labels, seed=0))
    plane = np.random.default_rng(0).integers(0, 4096, (504, 504)).astype(np.uint16)
    tifffile.imwrite(folder / "plane.tif", plane)


def seconds(checkout: Path, command: str, folder: Path) -> float:
    """CPU seconds of one run in a new process, with the code of a checkout."""
    script = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    entry = script["scripts"]["napari-sciml"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", RUN, entry, *command.split()],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(checkout / "src"),
            "OMP_NUM_THREADS": "1",
        },
        capture_output=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reference", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--edge", type=int, default=96, help="of the volume, in voxels")
    given = parser.parse_args()
    checkouts = [HERE, given.reference.resolve()]
    ratios: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as place:
        inputs = Path(place) / "inputs"
        inputs.mkdir()
        write_inputs(inputs, given.edge)
        for number in range(given.rounds):
            folders = [Path(place) / f"{side}{number}" for side in ("here", "there")]
            for folder in folders:
                shutil.copytree(inputs, folder)
            for name, command in COMMANDS.items():
                took = [0.0, 0.0]
                for k in (0, 1) if number % 2 else (1, 0):
                    took[k] = seconds(checkouts[k], command, folders[k])
                ratios[name].append(took[0] / took[1])
                print(f"{name:10} {took[0]:6.1f} s, there {took[1]:6.1f} s", flush=True)
    for name, found in ratios.items():
        print(f"{name:10} {statistics.median(found):.2f}")


if __name__ == "__main__":
    main()
