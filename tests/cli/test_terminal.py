"""What a terminal or a file of another encoding than UTF-8 does to the commands."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest
import tifffile

from napari_sciml.cli.terminal import accept_any_text, print_summary
from napari_sciml.io.images.reading import open_volume


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_any_text_can_be_printed(monkeypatch, encoding):
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding))
    accept_any_text()
    print_summary(
        {"size": "2 \N{MULTIPLICATION SIGN} 1 µm", "name": "测试\udcff"}, False
    )
    sys.stdout.flush()
    assert b"size: 2 " in raw.getvalue()


def test_units_of_any_alphabet_on_a_terminal_without_them(tmp_path):
    mask = np.zeros((8, 20, 40), np.uint8)
    mask[2:5, 2:5, 2:36] = 1
    np.save(tmp_path / "mask.npy", mask)
    words = [
        "fibers",
        "mask.npy",
        "--voxel-size",
        "2,1,1",
        "--unit",
        "µm",
        "--out",
        "o",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "napari_sciml.cli.app", *words],
        cwd=tmp_path,
        env={
            "PYTHONIOENCODING": "iso8859-5",
            "LC_ALL": "C",
            "PYTHONPATH": ":".join(sys.path),
        },
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"?m" in done.stdout
    assert json.loads((tmp_path / "o/summary.json").read_text("utf-8"))["unit"] == "µm"
    assert "µm" in (tmp_path / "o/report.html").read_text("utf-8")
    with tifffile.TiffFile(tmp_path / "o/labels.tif") as file:
        assert file.imagej_metadata["unit"] == "um"
    labels = open_volume(tmp_path / "o/labels.tif")
    assert (labels.voxel_size, labels.unit) == ((2, 1, 1), "micrometer")
