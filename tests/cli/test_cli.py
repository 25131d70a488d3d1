import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

from command import exit_code as run
from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.samples.scribbles import scribble


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small volume with scribbles, and all sorts of unusable relatives."""
    folder = tmp_path_factory.mktemp("files")
    phantom = make_phantom(PhantomConfig(shape=(48, 48, 48), seed=1))
    labels = scribble(phantom.labels, phantom.image, budget=600)
    image = phantom.image.astype(np.float32)
    spoiled = image.copy()
    spoiled[3, 4, 5] = np.nan
    arrays = {
        "image": phantom.image,
        "labels": labels,
        "nan": spoiled,
        "no_labels": np.zeros_like(labels),
        "one_class": np.where(labels == 1, 1, 0).astype(np.uint8),
        "other_shape": labels[:40],
        "rgb": np.zeros((48, 48, 3), np.uint8),
        "mask": (phantom.labels > 0).astype(np.uint8),
    }
    for name, array in arrays.items():
        tifffile.imwrite(folder / f"{name}.tif", array, compression="zlib")
    (folder / "broken.tif").write_bytes(b"II*\0 this is no picture")
    return folder


@pytest.fixture(scope="module")
def model(files: Path) -> Path:
    out = files / "model"
    train = ["train", str(files / "image.tif"), str(files / "labels.tif")]
    assert run(*train, "--out", str(out), "--members", "2", "--steps", "4") == 0
    return out


def test_from_scribbles_to_fibers(
    files: Path, model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, result = str(files / "image.tif"), str(tmp_path / "p.zarr")
    mask, out = str(tmp_path / "mask.tif"), str(tmp_path / "fibers")
    assert run("predict", str(model), image, "--out", result, "--block", "32") == 0
    assert run("threshold", result, "--k", "0.5", "--t", "0.4", "--out", mask) == 0
    given = ["--image", image, "--probability", result, "--voxel-size", "20"]
    capsys.readouterr()
    assert run("fibers", mask, "--out", out, *given, "--unit", "um", "--json") == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["unit"] == "um"
    assert summary["voxel_size"] == [20, 20, 20]
    names = {path.name for path in Path(out).iterdir()}
    pictures = {"lengths.png", "directions.png", "overview.png"}
    assert names >= {"labels.tif", "fibers.csv", "summary.json"} | pictures


def test_what_is_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mask = np.zeros((8, 20, 40), np.uint8)
    mask[2:5, 2:5, 2:36] = mask[2:5, 12:15, 2:14] = 1  # 306 and 108 voxels of 8 um3
    path, out = tmp_path / "mask.npy", str(tmp_path / "fibers")
    np.save(path, mask)
    given = ["--voxel-size", "2", "--unit", "um", "--json", "--out", out]
    for volume, count in (("864", 2), ("865", 1)):
        assert run("fibers", str(path), *given, "--dust-volume", volume) == 0
        summary = json.loads(capsys.readouterr().out)
        assert summary["fibers"] == count
        assert summary["dropped"].startswith(f"under {volume} µm³")
    report = (tmp_path / "fibers/report.html").read_text("utf-8")
    assert "dropped: under 865 µm³, or not 2.5 times as long as wide" in report
    for slenderness, count in (("0", 2), ("3.5", 2), ("3.6", 1)):
        assert run("fibers", str(path), *given, "--slenderness", slenderness) == 0
        assert json.loads(capsys.readouterr().out)["fibers"] == count
    assert run("fibers", str(path), *given, "--dust-volume", "-1") == 2


@pytest.mark.parametrize("kind", ["rgb", "channels"])
def test_images_with_channels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    rng = np.random.default_rng(0)
    labels = np.zeros((40, 44) if kind == "rgb" else (6, 40, 44), np.uint8)
    labels[..., 4, 3:40], labels[..., 20, 3:40], labels[..., 33, 3:40] = 1, 2, 1
    image, mask = str(tmp_path / "image.tif"), tmp_path / "mask.tif"
    data = rng.integers(0, 99, (*labels.shape, 3)).astype(np.uint8)
    data[..., 15:25, :, 1] += 90
    if kind == "rgb":
        tifffile.imwrite(image, data, photometric="rgb")
    else:
        zcyx = np.moveaxis(data, -1, 1)
        tifffile.imwrite(image, zcyx, imagej=True, metadata={"axes": "ZCYX"})
    np.save(tmp_path / "labels.npy", labels)
    model, result = str(tmp_path / "model"), str(tmp_path / "p.zarr")
    train = ["train", image, str(tmp_path / "labels.npy"), "--out", model]
    assert run(*train, "--members", "1", "--steps", "30") == 0
    assert run("predict", model, image, "--out", result) == 0
    threshold = ["threshold", result, "--k", "0", "--t", "0.3", "--out", str(mask)]
    assert run(*threshold) == 0
    assert tifffile.imread(mask).shape == labels.shape
    fibers = ["fibers", str(mask), "--image", image, "--out", str(tmp_path / "fibers")]
    assert run(*fibers, "--dust", "0") == 0
    assert (tmp_path / "fibers" / "overview.png").exists()
    capsys.readouterr()
    gray = str(tmp_path / "gray.npy")
    np.save(gray, data[..., 1])
    assert run("predict", model, gray, "--out", str(tmp_path / "q.zarr")) == 2
    assert "3 channels, but this one has gray values" in capsys.readouterr().err


def test_coverage_uses_the_models_own_calibration(
    files: Path, model: Path, tmp_path: Path
) -> None:
    result = str(tmp_path / "p.zarr")
    assert run("predict", str(model), str(files / "image.tif"), "--out", result) == 0
    sizes = []
    for coverage in ("0.5", "0.99"):
        mask = tmp_path / f"{coverage}.tif"
        arguments = ["--coverage", coverage, "--out", str(mask), "--class", "1"]
        assert run("threshold", result, *arguments) == 0
        sizes.append(int((tifffile.imread(mask) > 0).sum()))
    assert sizes[0] != sizes[1]


def test_a_map_tells_the_classes_of_labels(files: Path, tmp_path: Path) -> None:
    labels = tifffile.imread(files / "labels.tif")
    gray = tmp_path / "gray.tif"
    tifffile.imwrite(gray, np.array([0, 127, 255], np.uint8)[labels])
    given = ["train", str(files / "image.tif"), str(gray), "--out"]
    assert run(*given, str(tmp_path / "refused")) == 2
    maps = ["--map", "127:1", "--map", "255:2"]
    few = ["--members", "1", "--steps", "1", "--threads", "1"]
    assert run(*given, str(tmp_path / "model"), *maps, *few) == 0
    record = json.loads((tmp_path / "model" / "model.json").read_text())["record"]
    assert record["label_map"] == {"127": 1, "255": 2}
    assert record["dtype"] == str(tifffile.imread(files / "image.tif").dtype)


BAD_TRAINING = [
    ("missing.tif", "labels.tif", "missing.tif"),
    ("broken.tif", "labels.tif", "broken.tif"),
    ("image.tif", "missing.tif", "missing.tif"),
    ("image.tif", "other_shape.tif", "(40, 48, 48)"),
    ("image.tif", "no_labels.tif", "paint at least two classes"),
    ("image.tif", "one_class.tif", "paint at least two classes"),
    ("nan.tif", "labels.tif", "NaN"),
    ("rgb.tif", "labels.tif", "(48, 48)"),
    ("image.tif", "rgb.tif", "(48, 48)"),
]


@pytest.mark.parametrize(("image", "labels", "told"), BAD_TRAINING)
def test_bad_input_ends_with_one_line_and_code_2(
    files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    image: str,
    labels: str,
    told: str,
) -> None:
    out = tmp_path / "model"
    capsys.readouterr()
    code = run("train", str(files / image), str(files / labels), "--out", str(out))
    errors = [x for x in capsys.readouterr().err.splitlines() if "error:" in x]
    assert code == 2
    assert len(errors) == 1
    assert told.lower() in errors[0].lower()
    assert list(tmp_path.iterdir()) == []


def test_unwritable_output_is_told_before_the_work(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = files / "image.tif" / "model"
    given = [str(files / "image.tif"), str(files / "labels.tif")]
    assert run("train", *given, "--out", str(out), "--seconds", "9999") == 2
    assert str(out) in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "mask.tif", "image.tif", "--out", "p.zarr"),
        ("predict", "MODEL", "rgb.tif", "--out", "p.zarr"),
        ("predict", "MODEL", "image.tif", "--device", "tpu", "--out", "p.zarr"),
        ("predict", "MODEL", "image.tif", "--out", "p.h5"),
        ("predict", "MODEL", "image.tif", "--out", "p.png"),
        ("threshold", "image.tif", "--out", "m.tif"),
        ("threshold", "MODEL", "--out", "m.tif"),
        ("fibers", "image.tif", "--out", "f"),
        ("fibers", "mask.tif", "--voxel-size", "1,x", "--out", "f"),
        ("fibers", "mask.tif", "--voxel-size", "1,2", "--out", "f"),
        ("fibers", "mask.tif", "--connectivity", "7", "--out", "f"),
    ],
)
def test_other_commands_refuse_bad_input(
    files: Path,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [str(files / a) if a.endswith(".tif") and a != "m.tif" else a
             for a in arguments]  # fmt: skip
    given = [str(model) if a == "MODEL" else a for a in given]
    capsys.readouterr()
    assert run(*given) == 2
    errors = [x for x in capsys.readouterr().err.splitlines() if "error:" in x]
    assert len(errors) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_training_leaves_nothing(
    files: Path, tmp_path: Path, stop: signal.Signals
) -> None:
    command = [sys.executable, "-m", "napari_sciml.cli.app", "train"]
    command += [str(files / "image.tif"), str(files / "labels.tif")]
    command += ["--out", str(tmp_path / "model"), "--seconds", "600", "--members", "1"]
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "100"}
    process = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        env=environment,
        # Where the tests run in the background of a script, SIGINT is ignored.
        preexec_fn=lambda: signal.signal(stop, signal.SIG_DFL),
    )
    assert process.stderr is not None
    try:
        seen = b""
        while b"Training" not in seen:
            seen += process.stderr.read1()
        process.send_signal(stop)
        process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 128 + stop
    assert list(tmp_path.iterdir()) == []


def test_info_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("info", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {"packages", "device", "threads", "memory_gb", "missing"} <= told.keys()


@pytest.mark.parametrize("gone", ["bioio", "nibabel", "distributed"])
def test_what_is_missing_comes_with_a_command(gone: str) -> None:
    from napari_sciml.cli.missing import missing

    complete = missing(lambda name: name)
    told = set(missing(lambda name: None if name == gone else name)) - set(complete)
    (sentence,) = told
    extra = "cluster" if gone == "distributed" else "bioio"
    assert f'pip install "napari-sciml[{extra}]"' in sentence
