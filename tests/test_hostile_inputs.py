"""Hostile inputs given to the real commands: one sentence, exit code 2."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import zarr

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pipes as files")

FAR = (10**6, 10**6)


@pytest.fixture
def given(tmp_path):
    """A folder with good files, and with hostile ones beside them."""
    rng = np.random.default_rng(0)
    tifffile.imwrite(tmp_path / "image.tif", rng.normal(100, 9, (96, 96)).astype("f4"))
    labels = np.zeros((96, 96), np.uint8)
    labels[4, 2:20], labels[40, 2:20] = 1, 2
    tifffile.imwrite(tmp_path / "labels.tif", labels)
    for name, dtype in (("far.zarr", "u2"), ("far-labels.zarr", "u1")):
        chunks = (1024, 1024)
        zarr.create_array(str(tmp_path / name), shape=FAR, chunks=chunks, dtype=dtype)
    for name in ("pipe.tif", "pipe.json", "pipe.zip"):
        os.mkfifo(tmp_path / name)
    return tmp_path


COMMANDS = [
    "train far.zarr far-labels.zarr --out out",
    "train image.tif far-labels.zarr --out out",
    "train image.tif pipe.tif --out out",
    "train pipe.tif labels.tif --out out",
    "train image.tif labels.tif --settings pipe.json --out out",
    "train image.tif labels.tif --out pipe.tif",
    "predict pipe.tif image.tif --out out.zarr",
    "threshold far.zarr --out out.tif",
    "threshold pipe.tif --out out.tif",
    "fibers pipe.tif --out out",
    "fibers far.zarr --out out",
    "focus far.zarr --stride 20 --out out",
    "focus pipe.tif --out out",
    "focus image.tif --model pipe.tif --out out",
    "focus image.tif --original pipe.zip --out out",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_ends_with_one_sentence(given, command):
    done = subprocess.run(
        [sys.executable, "-m", "napari_sciml.cli.app", *command.split()],
        cwd=given, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.stderr
    assert not (given / "out").exists()
