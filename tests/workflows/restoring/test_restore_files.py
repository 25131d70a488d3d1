"""From file to file: written whole, resumed, marked, and refused in one sentence."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from command import exit_code
from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.results.outputs import kind_of
from napari_sciml.networks.config import TUNetConfig
from napari_sciml.restoration.config import RestoreConfig
from napari_sciml.workflows.restoring import files as restoring_files
from napari_sciml.workflows.restoring.arrays import restore
from napari_sciml.workflows.restoring.files import restore_file

SHAPE = (10, 48, 56)
SMALL = RestoreConfig(
    network=TUNetConfig(depth=2, base=4), steps=4, device="cpu", members=2
)
FILTER = RestoreConfig(method="gaussian", device="cpu")


def make(kind: str = "white", seed: int = 0, sd: float = 300.0) -> np.ndarray:
    clean = np.full(SHAPE, 4000.0)
    clean[..., 20:26] += 2000
    noise = np.random.default_rng(seed).normal(size=SHAPE)
    noise = ndimage.gaussian_filter(noise, {"white": 0, "3d": 1}[kind])
    return np.rint(clean + sd * noise / noise.std()).astype(np.uint16)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.tif"
    metadata = {"axes": "ZYX", "spacing": 3.0, "unit": "um"}
    tifffile.imwrite(path, make(), imagej=True, resolution=(2, 2), metadata=metadata)
    return path


def run(*given: object, **settings: object) -> dict:
    return restore_file(*given, report=lambda *_: None, threads=1, **settings)


@pytest.mark.parametrize("name", ["out.tif", "out.zarr"])
def test_a_file_is_restored_as_the_array_is(scan, tmp_path, name):
    out = tmp_path / name
    summary = run(scan, out, SMALL)
    image, found = open_volume(scan), open_volume(out)
    assert summary["method"] == "pixel"
    expected = restore(image.data, config=SMALL)
    values = np.asarray(found.data[...])
    np.testing.assert_allclose(values, expected.image, rtol=1e-5)
    assert values.mean() == pytest.approx(make().mean(), rel=1e-3)
    assert (found.voxel_size, found.unit) == (image.voxel_size, image.unit)
    std = open_volume(out.with_name(f"out_std{out.suffix}"))
    np.testing.assert_allclose(np.asarray(std.data[...]), expected.std, atol=1e-2)
    assert not list(tmp_path.glob("*.unfinished"))


@pytest.mark.parametrize("name", ["out.tif", "out.zarr"])
def test_a_restored_image_says_so_to_who_works_on_it(scan, tmp_path, name):
    out = tmp_path / name
    run(scan, out, FILTER)
    assert kind_of(out) == "restored"
    assert any("is a restored image" in said for said in open_volume(out).cautions)
    assert not open_volume(scan).cautions


@pytest.mark.parametrize("config", [SMALL, FILTER])
def test_an_interrupted_one_goes_on(scan, tmp_path, monkeypatch, config):
    whole, out = tmp_path / "whole.tif", tmp_path / "out.tif"
    small = (3, 20, 30)
    for kind in ("NetworkRestorer", "FilterRestorer"):
        monkeypatch.setattr(
            f"napari_sciml.restoration.restorers.{kind}.edges", lambda *_: small
        )
    run(scan, whole, config)
    told = []

    def interrupt(share: float, words: str) -> None:
        told.append(words)
        if words.startswith("restored") and len(set(told)) > 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restore_file(scan, out, config, threads=1, report=interrupt)
    assert not out.exists()
    with pytest.raises(InputError, match="--resume"):
        run(scan, out, config)
    with pytest.raises(InputError, match="other settings"):
        run(scan, out, config.model_copy(update={"seed": 5}), resume=True)
    words: list[str] = []
    summary = restore_file(
        scan, out, config, threads=1, resume=True, report=lambda _, w: words.append(w)
    )
    assert summary["resumed"]
    assert not any("network" in said or "strength" in said for said in words)
    np.testing.assert_array_equal(tifffile.imread(out), tifffile.imread(whole))
    again = run(scan, out, config, resume=True)
    assert again["resumed"] == "it was whole already"


def test_networks_are_kept_and_used_again(scan, tmp_path):
    model, first, second = (tmp_path / n for n in ("model", "a.tif", "b.tif"))
    run(scan, first, SMALL, model_out=model)
    summary = run(scan, second, RestoreConfig(device="cpu"), model=model)
    assert summary["method"] == "pixel"
    np.testing.assert_allclose(
        tifffile.imread(first), tifffile.imread(second), rtol=1e-5
    )


def test_a_type_that_cannot_hold_the_values_is_refused(tmp_path):
    image = make(sd=30000.0 / 12)
    image = np.where(image > 5500, 65535, image).astype(np.uint16)
    tifffile.imwrite(tmp_path / "scan.tif", image)
    shown = RestoreConfig(method="gaussian", strength=0.5, device="cpu")
    summary = run(tmp_path / "scan.tif", tmp_path / "a.tif", shown, dtype="same")
    assert summary["dtype"] == "uint16"
    assert tifffile.imread(tmp_path / "a.tif").dtype == np.uint16


def test_overflow_asks_for_float32_and_keeps_what_is_done(tmp_path, monkeypatch):
    scan, out = tmp_path / "scan.tif", tmp_path / "out.tif"
    tifffile.imwrite(scan, make())

    def too_bright(*given: object) -> np.ndarray:
        return np.full(SHAPE, 70000, np.float32) + np.indices(SHAPE)[2] * 9000

    place = "napari_sciml.restoration.restorers.apply_filter"
    monkeypatch.setattr(place, too_bright)
    config = RestoreConfig(method="gaussian", strength=1.0, device="cpu")
    with pytest.raises(InputError, match=r"uint16 cannot hold.*--dtype float32"):
        run(scan, out, config, dtype="same")
    assert not out.exists()
    run(scan, out, config, resume=True)
    assert tifffile.imread(out).dtype == np.float32


def test_the_command_prints_its_summary(scan, tmp_path, capsys):
    out = tmp_path / "out.tif"
    given = ["--method", "tv", "--strength", "1", "--threads", "1", "--json"]
    assert exit_code("restore", str(scan), "--out", str(out), *given) == 0
    summary = json.loads(capsys.readouterr().out)
    assert summary["method"] == "tv"
    assert "independent from voxel to voxel" in summary["noise"]
    assert summary["removed"]
    assert out.exists()


BAD = {
    "constant": (lambda: np.full(SHAPE, 9, np.uint16), [], "constant"),
    "smooth": (lambda: make(sd=2.0), ["--method", "tv"], "nothing to remove"),
    "two slices": (
        lambda: make()[:2],
        ["--method", "slice", "--axis", "z"],
        "2 slices along z only",
    ),
    "rgb": (lambda: np.zeros((48, 56, 3), np.uint8), [], "one channel at a time"),
    "nan": (lambda: np.where(make() > 5000, np.nan, 1), [], "NaN"),
    "correlated": (lambda: make("3d"), [], "no method that learns"),
    "no second": (make, ["--method", "pairs"], "learns from a second scan"),
    "other shape": (make, ["--second", "short.tif"], "same shape"),
    "shifted": (make, ["--second", "moved.tif"], "shifted against the image by"),
    "the same": (make, ["--second", "scan.tif"], "same as the image"),
    "not there": (make, ["--second", "nowhere.tif"], "does not exist"),
    "both": (make, ["--second", "other.tif", "--clean", "other.tif"], "not both"),
    "no model": (make, ["--model", "other.tif"], "not a model folder"),
    "kept filter": (
        make,
        ["--method", "tv", "--model-out", "kept"],
        "no model that could be kept",
    ),
    "over the input": (make, ["--out", "scan.tif"], "is the input"),
    "over a foreign file": (make, ["--out", "other.tif"], "not written by this"),
    "suffix": (make, ["--out", "out.png"], "no extension"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_one_sentence(case, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    image, options, words = BAD[case]
    photometric = "rgb" if case == "rgb" else "minisblack"
    tifffile.imwrite("scan.tif", image(), photometric=photometric)
    tifffile.imwrite("other.tif", make(seed=1))
    tifffile.imwrite("short.tif", make(seed=1)[:, :-4])
    tifffile.imwrite("moved.tif", np.roll(make(seed=1), 3, 2))
    out = [] if "--out" in options else ["--out", "out.tif"]
    code = exit_code("restore", "scan.tif", *out, *options, "--steps", "2")
    said = [x for x in capsys.readouterr().err.splitlines() if "rror: " in x]
    assert code == 2
    assert len(said) == 1
    assert words in said[0]
    assert not Path("out.tif").exists()
    assert not list(tmp_path.glob("*.unfinished"))


def test_nothing_of_another_kind_is_thrown_away(scan, tmp_path):
    folder = tmp_path / "out.tif.unfinished"
    folder.mkdir()
    (folder / "diary.txt").write_text("dear diary")
    with pytest.raises(InputError, match="diary"):
        run(scan, tmp_path / "out.tif", FILTER)
    assert (folder / "diary.txt").exists()


def test_shares_of_the_progress_never_go_back(scan, tmp_path):
    shares: list[float] = []
    restore_file(
        scan,
        tmp_path / "out.zarr",
        SMALL,
        threads=1,
        report=lambda share, _: shares.append(share),
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert restoring_files.RESTORING < 1
