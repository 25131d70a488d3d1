"""Numbers that nobody means: a sentence and exit code 2, from options and files."""

import json

import numpy as np
import pytest
import tifffile

from command import run_command

HUGE = "1" + "0" * 30
BIG = int(HUGE)

OPTIONS = [
    ("train", "--threads", "0"),
    ("train", "--threads", HUGE),
    ("train", "--threads", "5000"),
    ("train", "--seed", HUGE),
    ("train", "--seed", "-1"),
    ("train", "--members", HUGE),
    ("train", "--steps", HUGE),
    ("train", "--seconds", "nan"),
    ("train", "--seconds", "inf"),
    ("train", "--prior", "nan,nan"),
    ("train", "--prior", "inf,0.1"),
    ("fibers", "--voxel-size", "1e-300"),
    ("fibers", "--voxel-size", "1e300"),
    ("fibers", "--voxel-size", "1e-12,1,1e12"),
    ("fibers", "--voxel-size", "nan"),
    ("fibers", "--dust", HUGE),
    ("fibers", "--dust-volume", "nan"),
    ("fibers", "--dust-volume", "1e308"),
    ("fibers", "--slenderness", "inf"),
    ("fibers", "--block", HUGE),
    ("fill", "--seconds", "inf"),
    ("fill", "--steps", HUGE),
    ("fill", "--members", HUGE),
    ("fill", "--seed", HUGE),
    ("fill", "--center", "nan,1"),
    ("fill", "--center", "0,1e308"),
    ("fill", "--threads", "100000"),
    ("focus", "--tile", HUGE),
    ("focus", "--stride", HUGE),
    ("focus", "--channel", HUGE),
    ("focus", "--scale", "nan,1"),
    ("focus", "--scale", "0,1e308"),
    ("focus", "--threads", "100000"),
    ("focus", "--train", "--seconds", "inf"),
    ("focus", "--train", "--seed", HUGE),
    ("classify", "--coverage", "nan"),
    ("classify", "--seed", HUGE),
    ("explain", "--at", "nan,1"),
    ("explain", "--at", "1,1", "--blocks", HUGE),
    ("explain", "--at", "1,1", "--edge", HUGE),
    ("explain", "--at", "1,1", "--threads", "100000"),
    ("restore", "--seconds", "nan"),
    ("restore", "--steps", HUGE),
    ("restore", "--members", HUGE),
    ("restore", "--strength", "inf"),
    ("restore", "--seed", HUGE),
    ("predict", "--memory", "nan"),
    ("predict", "--memory", "inf"),
    ("predict", "--threads", "100000"),
    ("predict", "--block", HUGE),
    ("predict", "--level", HUGE),
    ("threshold", "--k", "1e308"),
    ("threshold", "--k", "nan"),
    ("threshold", "--t", "nan"),
    ("threshold", "--coverage", "nan"),
]

SETTINGS = [
    {"threads": 0},
    {"threads": BIG},
    {"threads": 100_000},
    {"seed": BIG},
    {"steps": BIG},
    {"patience": BIG},
    {"evaluate_every": BIG},
    {"crop": 10**9},
    {"snapshot_seconds": 1e308},
    {"spacing": [1e-300, 1e-300]},
    {"spacing": [1e300, 1e300]},
    {"spacing": [1e-9, 1e9]},
    {"sigmas": [1.0] * 10_000},
    {"loss": {"cross_entropy": 1e308}},
    {"optimizer": {"clip": 1e-308}},
    {"network": {"kind": "smsnet", "parameters": BIG}},
]


@pytest.fixture
def inputs(training_folder, monkeypatch):
    """Where the commands find what they are given by the table."""
    mask = np.zeros((8, 20, 40), np.uint8)
    mask[2:5, 2:5, 2:36] = 1
    np.save(training_folder / "mask.npy", mask)
    monkeypatch.chdir(training_folder)
    return {
        "train": ["image.tif", "labels.tif"],
        "fibers": ["mask.npy"],
        "fill": ["image.tif"],
        "focus": ["image.tif"],
        "classify": ["examples.csv", "image.tif"],
        "explain": ["model", "image.tif"],
        "restore": ["image.tif"],
        "predict": ["model", "image.tif"],
        "threshold": ["p.zarr"],
    }


@pytest.mark.parametrize("given", OPTIONS, ids=" ".join)
def test_an_option_is_refused(inputs, capsys, given):
    command, *options = given
    ended = run_command(capsys, command, *inputs[command], "--out", "o.zarr", *options)
    assert ended.code == 2
    assert len(ended.sentences) == 1
    assert "exist" not in ended.sentences[0], "refused for another reason"
    assert "Traceback" not in ended.err
    assert "Warning" not in ended.err


@pytest.mark.parametrize("settings", SETTINGS, ids=lambda s: str(s)[:40])
def test_a_setting_is_refused(inputs, capsys, tmp_path, settings):
    (tmp_path / "s.json").write_text(json.dumps(settings))
    given = [*inputs["train"], "--out", "model", "--settings", "s.json"]
    ended = run_command(capsys, "train", *given)
    assert ended.code == 2
    assert len(ended.sentences) == 1


@pytest.mark.parametrize("edge", ["1e-12", "1e12"])
def test_edges_at_the_bounds_are_measured(inputs, capsys, edge):
    given = [*inputs["fibers"], "--voxel-size", edge, "--out", "f", "--json"]
    ended = run_command(capsys, "fibers", *given)
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)["length"]["mean"]
    assert found == pytest.approx(34 * float(edge), rel=0.2)
    with tifffile.TiffFile("f/labels.tif") as file:
        assert file.is_ome  # the headers of ImageJ have no room for it


@pytest.mark.parametrize("size", [-2.0, 1e-300, 1e300])
def test_a_size_that_a_file_states(inputs, capsys, size):
    metadata = {"axes": "ZYX", "PhysicalSizeX": size}
    metadata |= {"PhysicalSizeY": 2.0, "PhysicalSizeZ": 2.0}
    tifffile.imwrite("mask.ome.tif", np.load("mask.npy"), metadata=metadata)
    ended = run_command(capsys, "fibers", "mask.ome.tif", "--out", "f", "--json")
    assert ended.code == 0
    summary = json.loads(ended.out)
    assert summary["voxel_size"] == [2, 2, 2]
    told = "a negative voxel size" if size < 0 else f"a voxel size of {size:g}"
    assert any(told in caution for caution in summary["cautions"])
