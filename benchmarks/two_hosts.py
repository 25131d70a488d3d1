"""Two hosts, a scheduler on one, a worker on each, one of them killed on the way.

    sudo python benchmarks/two_hosts.py [--edge 160]

The hosts are network namespaces that see each other through a cable of their own
(needs Linux, ``ip`` and root). Prints whether the arrays are byte for byte those of
this process alone.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import zarr

from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.samples.scribbles import scribble

HOSTS = {"sciml-a": "10.77.0.1", "sciml-b": "10.77.0.2"}
SCHEDULER = f"tcp://{HOSTS['sciml-a']}:8786"


@contextmanager
def cable() -> Iterator[None]:
    """Two namespaces with an address each."""
    a, b = HOSTS
    try:
        for host in HOSTS:
            ip("netns", "add", host)
        ip(
            *("link", "add", "eth0", "netns", a),
            *("type", "veth", "peer", "name", "eth0", "netns", b),
        )
        for host, address in HOSTS.items():
            ip("-n", host, "addr", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", host, "link", "set", device, "up")
        yield
    finally:
        for host in HOSTS:
            subprocess.run(["ip", "netns", "del", host], check=False)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def on(host: str, *words: str) -> subprocess.Popen:
    """Start a Python module on a host."""
    return subprocess.Popen(
        ["ip", "netns", "exec", host, sys.executable, "-m", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )


def prepare(folder: Path, edge: int) -> None:
    phantom = make_phantom(PhantomConfig(shape=(edge,) * 3, seed=3))
    labels = scribble(phantom.labels, phantom.image, budget=1500, seed=1)
    np.save(folder / "image.npy", phantom.image)
    np.save(folder / "labels.npy", labels)
    train = ("train", "image.npy", "labels.npy", "--out", "model", "--steps", "20")
    cli(*train, at=folder)
    predict = ("predict", "model", "image.npy", "--out", "alone.zarr")
    cli(*predict, "--block", "64", "--threads", "1", at=folder)


def cli(*words: str, at: Path) -> None:
    command = [sys.executable, "-m", "napari_sciml.cli.app", *words]
    subprocess.run(command, cwd=at, check=True, stdout=subprocess.DEVNULL)


def predict_with_a_loss(folder: Path) -> None:
    """Workers on both hosts; the one beside the scheduler's is killed early on."""
    a, b = HOSTS
    worker = ("distributed.cli.dask_worker", SCHEDULER, "--nthreads", "1", "--no-nanny")
    address = ("--host", HOSTS[a], "--port", "8786")
    started = [on(a, "distributed.cli.dask_scheduler", *address), on(a, *worker)]
    started.append(on(b, *worker))
    client = on(
        a,
        *("napari_sciml.cli.app", "predict", "model", "image.npy", "--out", "two.zarr"),
        *("--block", "64", "--threads", "1", "--scheduler", SCHEDULER),
    )
    try:
        journal = folder / "two.zarr.unfinished" / "finished.jsonl"
        while client.poll() is None and not journal.exists():
            time.sleep(0.05)
        done = len(journal.read_text().splitlines())
        os.killpg(started[2].pid, signal.SIGKILL)
        print(f"Killed the worker of the second host after {done} blocks.")
        if client.wait():
            raise SystemExit("the prediction failed")
    finally:
        for process in (client, *started):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edge", type=int, default=160)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, cable():
        folder = Path(name)
        prepare(folder, given.edge)
        os.chdir(folder)
        predict_with_a_loss(folder)
        for part in ("mean", "std"):
            alone, two = (
                np.asarray(zarr.open_array(f"{store}.zarr/{part}/0", mode="r"))
                for store in ("alone", "two")
            )
            same = alone.tobytes() == two.tobytes()
            print(f"{part}: {'identical' if same else 'NOT identical'}")


if __name__ == "__main__":
    main()
