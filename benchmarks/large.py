"""Predict a volume that does not fit into the memory; kill it and go on.

    python benchmarks/large.py [--size 768] [--compare 256] [--folder DIR]
    python benchmarks/large.py --kill 10 [--size 160]

The first form writes synthetic OME-Zarr volumes chunk by chunk, trains a small ensemble
for some seconds, predicts each volume in a process of its own by the command line, and
prints the highest memory that the process held (asked: at most 2.5 GB) and the voxels a
second, in all and against the smaller volume (asked: at least 0.85); where other
programs are at work, the CPU time tells more than the clock. The second form
kills the prediction by ``kill -9`` at random moments, goes on each time, and compares
the files with those of a prediction that was left alone (asked: all the same bytes).
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

CHUNK = 128
MEMBERS = "5"
COMMAND = [sys.executable, "-m", "napari_sciml.cli.app"]


def write_volume(path: Path, size: int) -> None:
    """A phantom, mirrored and put side by side, with noise that is new everywhere."""
    import numpy as np
    import zarr

    from napari_sciml.io.results.ngff_metadata import multiscales
    from napari_sciml.samples.phantom import PhantomConfig, make_phantom

    tile = make_phantom(PhantomConfig(shape=(CHUNK,) * 3, seed=1)).image
    attributes = multiscales(path.stem, "zyx", (0.5,) * 3, "micrometer")
    group = zarr.create_group(str(path), attributes=attributes)
    array = group.create_array(
        "0", shape=(size,) * 3, chunks=(min(CHUNK, size),) * 3, dtype="uint16"
    )
    count = -(-size // CHUNK)
    for place in np.ndindex(count, count, count):
        core = tuple(slice(i * CHUNK, min(size, (i + 1) * CHUNK)) for i in place)
        shape = [part.stop - part.start for part in core]
        mirrored = tile[tuple(slice(None, None, 1 - 2 * (i % 2)) for i in place)]
        values = mirrored[tuple(map(slice, shape))].astype(np.float32)
        noise = np.random.default_rng(place).standard_normal(shape, np.float32)
        scale = float(tile.max()) / 50
        array[core] = np.clip(values + scale * noise, 0, 65535).astype(np.uint16)


def write_training(folder: Path) -> None:
    import tifffile

    from napari_sciml.samples.phantom import PhantomConfig, make_phantom
    from napari_sciml.samples.scribbles import scribble

    phantom = make_phantom(PhantomConfig(shape=(64,) * 3, seed=1))
    image = phantom.image.astype("uint16")
    labels = scribble(phantom.labels, phantom.image, budget=900)
    tifffile.imwrite(folder / "crop.tif", image)
    tifffile.imwrite(folder / "labels.tif", labels)


def prepare(folder: Path, sizes: list[int], members: str) -> None:
    """Write what is not there yet, in processes that end, so that this one is small."""
    folder.mkdir(parents=True, exist_ok=True)
    for size in sizes:
        if not (folder / f"{size}.ome.zarr").exists():
            run_self(folder, "--write", str(size))
    if not (folder / "model").exists():
        run_self(folder, "--write", "0")
        train = ["train", "crop.tif", "labels.tif", "--out", "model", "--steps", "20"]
        train += ["--members", members]
        subprocess.run([*COMMAND, *train], cwd=folder, check=True)


def run_self(folder: Path, *arguments: str) -> None:
    command = [sys.executable, __file__, "--folder", str(folder), *arguments]
    subprocess.run(command, check=True)


@dataclass(frozen=True)
class Predicted:
    """What the command said, the most memory in GB, and the time of all threads."""

    summary: dict
    memory: float
    cpu_seconds: float


def predict(
    folder: Path, image: str, out: str, *options: str, seconds: float | None = None
) -> Predicted | None:
    """Predict by the command line; nothing where it was killed after some seconds."""
    command = [*COMMAND, "predict", "model", image, "--out", out, "--json", *options]
    child = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    if seconds is not None:
        try:
            told, _ = child.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            return None
        return Predicted(json.loads(told), 0.0, 0.0)
    assert child.stdout is not None
    told = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"predict ended with {child.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    memory = usage.ru_maxrss * unit / 1e9
    return Predicted(json.loads(told), memory, usage.ru_utime + usage.ru_stime)


def measure(folder: Path, sizes: list[int], options: list[str]) -> None:
    rates, costs = [], []
    for size in sizes:
        out = f"{size}.out.zarr"
        done = predict(folder, f"{size}.ome.zarr", out, "--restart", *options)
        assert done is not None
        seconds = done.summary["seconds"]
        rates.append(size**3 / seconds)
        costs.append(done.cpu_seconds / size**3)
        files = [path for path in (folder / out).rglob("*") if path.is_file()]
        written = sum(path.stat().st_size for path in files)
        print(
            f"{size}^3: {seconds:.0f} s, {rates[-1] / 1e3:.1f} thousand voxels/s, "
            f"{costs[-1] * 1e6:.1f} CPU seconds a million voxels; of {sizes[0]}^3: "
            f"{rates[-1] / rates[0]:.2f} by the clock, {costs[0] / costs[-1]:.2f} by "
            f"CPU time; highest memory {done.memory:.2f} GB; "
            f"wrote {written / 1e9:.2f} GB in {len(files)} files; "
            f"blocks of {done.summary['block']}",
            flush=True,
        )
        shutil.rmtree(folder / out)


def kill_and_go_on(folder: Path, size: int, times: int, options: list[str]) -> None:
    image = f"{size}.ome.zarr"
    options = [*options, "--block", "64"]
    started = time.monotonic()
    alone = predict(folder, image, "whole.zarr", "--restart", *options)
    assert alone is not None
    summary = alone.summary
    start_up = time.monotonic() - started - summary["seconds"]
    print(f"left alone: {summary['blocks']} blocks in {summary['seconds']} s")
    killed = 0
    rng = random.Random(0)
    while killed < times:
        # From before the first block to after some; never long enough to get through.
        seconds = rng.uniform(0.8 * start_up, start_up + summary["seconds"] / 6)
        going = ("--resume", *options)
        if predict(folder, image, "killed.zarr", *going, seconds=seconds) is not None:
            print(f"finished before kill {killed + 1}")
            break
        killed += 1
        journal = folder / "killed.zarr.unfinished" / "finished.jsonl"
        lines = journal.read_text().count("\n") if journal.exists() else 0
        print(f"kill {killed} after {seconds:.1f} s: {lines} blocks done", flush=True)
    predict(folder, image, "killed.zarr", "--resume", *options)
    same = arrays(folder / "whole.zarr") == arrays(folder / "killed.zarr")
    print(f"killed {killed} times; the files are {'the same' if same else 'DIFFERENT'}")
    if not same:
        raise SystemExit(1)


def arrays(out: Path) -> dict[str, bytes]:
    """All files but the one that tells when it was made."""
    files = [p for p in out.rglob("*") if p.is_file() and p != out / "zarr.json"]
    return {p.relative_to(out).as_posix(): p.read_bytes() for p in files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=None)
    parser.add_argument("--compare", type=int, default=256)
    parser.add_argument("--kill", type=int, default=0)
    parser.add_argument("--members", default=MEMBERS)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--threads", default="2")
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--block")
    parser.add_argument("--write", type=int, default=None, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write is not None:
        if given.write:
            write_volume(given.folder / f"{given.write}.ome.zarr", given.write)
        else:
            write_training(given.folder)
        return
    folder = (given.folder or Path(tempfile.mkdtemp(prefix="large-"))).resolve()
    options = ["--threads", given.threads, *(["--half"] if given.half else [])]
    if given.kill:
        size = given.size or 160
        prepare(folder, [size], given.members)
        kill_and_go_on(folder, size, given.kill, options)
        return
    options += ["--block", given.block] if given.block else []
    sizes = list(dict.fromkeys([given.compare, given.size or 768]))
    prepare(folder, sizes, given.members)
    measure(folder, sizes, options)


if __name__ == "__main__":
    main()
