"""Standard output that takes nothing, and files that others are to read."""

import ctypes
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from command import run_command

INFO = [sys.executable, "-m", "napari_sciml.cli.app", "info"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_full_device(more):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*INFO, *more], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: The summary cannot be printed (no space left on device), but all "
        "files are written; print it to another place."
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGPIPE")
def test_a_reader_that_has_gone():
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(INFO, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert done.returncode == 128 + signal.SIGPIPE
    assert done.stderr == b""


@pytest.mark.skipif(sys.platform == "win32", reason="needs modes of files")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640)])
def test_files_follow_the_umask(training_folder, monkeypatch, capsys, umask, mode):
    monkeypatch.chdir(training_folder)
    few = ["--members", "1", "--steps", "2", "--threads", "1"]
    before = os.umask(umask)
    try:
        given = ["train", "image.tif", "labels.tif", "--out", "m", *few]
        assert run_command(capsys, *given).code == 0
    finally:
        os.umask(before)
    files = {path.name: path.stat().st_mode for path in Path("m").iterdir()}
    assert {stat.S_IMODE(found) for found in files.values()} == {mode}, files
    assert "training.safetensors" in files


MANY = """
import sys
from napari_sciml.cli import app as cli
for given in {commands}:
    sys.argv = ["napari-sciml", *given]
    try:
        cli.main()
    except SystemExit as ended:
        print(ended.code, flush=True)
"""
MAY_READ_ALL = (1, 2)
"""Capabilities by which root reads the files of others."""


def drop_rights() -> None:
    """Make root, as which tests may run, one user among others."""
    for capability in MAY_READ_ALL:
        if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
            raise OSError("prctl")


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="needs another user"
)
def test_what_another_user_may_not_read(training_folder):
    (training_folder / "images").mkdir(mode=0o700)
    os.chown(training_folder / "images", 65534, 65534)
    (training_folder / "model").mkdir()
    for name in ("focus.json", "model.json", "training.json"):
        path = training_folder / "model" / name
        path.touch(mode=0o600)
        os.chown(path, 65534, 65534)
    image, model = str(training_folder / "image.tif"), str(training_folder / "model")
    out = ["--out", str(training_folder / "o")]
    commands = [
        ["focus", str(training_folder / "images/a.tif"), *out],
        ["focus", image, "--model", model, *out],
        ["predict", model, image, "--out", str(training_folder / "o.zarr")],
        ["train", image, image, "--out", model, "--resume"],
    ]
    done = subprocess.run(
        [sys.executable, "-c", MANY.format(commands=commands)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=drop_rights,
    )
    told = [line for line in done.stderr.splitlines() if "error: " in line]
    assert done.stdout.split() == ["2"] * len(commands), done.stderr
    assert len(told) == len(commands), done.stderr
    assert all("permission denied" in line.lower() for line in told), told


@pytest.mark.parametrize(
    ("command", "spare"),
    [("train", 17), ("train", 27), ("predict", 28), ("threshold", 10), ("fibers", 17)],
)
def test_names_too_long_for_what_is_made_beside(
    training_folder, monkeypatch, capsys, command, spare
):
    monkeypatch.chdir(training_folder)
    name = "x" * (255 - spare - len(".zarr")) + ".zarr"
    given = {"train": ["image.tif", "labels.tif"], "predict": ["m", "image.tif"]}
    inputs = given.get(command, ["image.tif"])
    ended = run_command(capsys, command, *inputs, "--out", name)
    assert ended.code == 2
    assert "name that is too long" in ended.sentences[0]


@pytest.mark.parametrize(
    "name", ["x" * 300 + ".npy", "x" * 300 + ".tif", "x" * 300, "a/" * 3000 + "b.tif"]
)
def test_inputs_of_names_that_cannot_be(tmp_path, capsys, name):
    ended = run_command(capsys, "fibers", name, "--out", str(tmp_path / "f"))
    assert ended.code == 2
    assert len(ended.sentences) == 1


def test_no_advice_to_load_unsafely(tmp_path, capsys):
    for content in (b"abc", b"\x93NUMPY\1\0", b"PK\3\4", b""):
        path = tmp_path / "a.npy"
        path.write_bytes(content)
        ended = run_command(capsys, "fibers", str(path), "--out", str(tmp_path / "f"))
        assert ended.code == 2
        assert len(ended.sentences) == 1
        assert "pickle" not in ended.err
