"""Many files, one after the other: what is done, kept, done again and told."""

import csv
import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr

import napari_sciml as ns
from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.io.models.folder import save_model
from napari_sciml.io.results import fiber_files
from napari_sciml.io.results.arrays import save_mask
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.uncertainty.threshold import ThresholdConfig
from napari_sciml.workflows.batch.samples import compare_samples
from napari_sciml.workflows.pipeline import measure_mask
from napari_sciml.workflows.prediction.files import predict_image

SHAPE = (12, 24, 40)
SURE = ThresholdConfig(k=0.0, t=0.4)
SMALL = FiberConfig(dust=5)


def tubes(seed: int) -> np.ndarray:
    """Some straight fibers, 0 and 1."""
    rng = np.random.default_rng(seed)
    mask = np.zeros(SHAPE, np.uint8)
    for y in (3, 10, 17):
        first, last = rng.integers(1, 8), rng.integers(20, 39)
        mask[4:7, y : y + 3, first:last] = 1
    return mask


def write_tiff(path: Path, data: np.ndarray, edge: float) -> None:
    tifffile.imwrite(
        path,
        data,
        imagej=True,
        resolution=(1 / edge, 1 / edge),
        metadata={"axes": "ZYX", "spacing": edge, "unit": "um"},
    )


def contents(folder: Path) -> dict[str, bytes]:
    """All files by their names, without the time at which a prediction was begun."""
    return {
        str(path.relative_to(folder)): re.sub(
            rb'"time": ?"[^"]*"', b"", path.read_bytes()
        )
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def scans(tmp_path, monkeypatch, make_ensemble) -> Path:
    """Five images of three formats, one broken and one with other voxels; a model."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "scans"
    folder.mkdir()
    images = [(100 + 60 * tubes(seed)).astype(np.uint8) for seed in range(4)]
    write_tiff(folder / "s1.tif", images[0], 1.0)
    write_tiff(folder / "s2.tif", images[1], 2.0)
    np.save(folder / "s3.npy", images[2])
    zarr.save_array(str(folder / "s10.zarr"), images[3])
    broken = (folder / "s1.tif").read_bytes()
    (folder / "s4.tif").write_bytes(broken[: len(broken) // 3])
    record = {"voxel_size": [1.0, 1.0, 1.0], "unit": "micrometer"}
    save_model(make_ensemble(3, members=2), tmp_path / "model", record=record)
    return folder


@pytest.fixture
def predictions(tmp_path, monkeypatch) -> Path:
    """Three predictions, of fibers that are sure."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "pred"
    for seed, name in enumerate(("a", "b", "c")):
        fiber = np.where(tubes(seed), 0.9, 0.1).astype(np.float32)
        path = folder / f"{name}.ome.zarr"
        store = PredictionStore.create(
            path,
            SHAPE,
            ("background", "fiber"),
            (2.0 if name == "c" else 1.0,) * 3,
            "micrometer",
            "zyx",
            (12, 24, 24),
            {"plan": {"cautions": ["look twice"] if name == "b" else []}},
        )
        std = np.full((2, *SHAPE), 0.01, np.float32)
        store.write(tuple(map(slice, SHAPE)), np.stack((1 - fiber, fiber)), std)
    return folder


def test_what_is_broken_stops_nothing_and_each_is_as_alone(scans):
    said, seen = [], []
    found = ns.predict_files(
        "model", "scans", "out", threads=1, say=said.append, each=seen.append
    )
    assert [one.name for one in found] == ["s1", "s2", "s3", "s4", "s10"]
    assert [one.state for one in found] == ["done"] * 3 + ["failed", "done"]
    assert seen == list(found.files)
    assert "5 images" in said[0]
    (failed,) = found.failed
    assert "s4.tif" in failed.error
    cautions = dict(found.grouped_cautions)
    size = next(text for text in cautions if "voxels of 2 micrometer" in text)
    assert cautions[size] == ("s2",)
    assert sorted(os.listdir("out")) == [
        "batch.json",
        *(f"{name}.ome.zarr" for name in ("s1", "s10", "s2", "s3")),
    ]
    given = {"threads": 1, "report": lambda *_: None}
    for one in found.done:
        predict_image(Path("model"), one.image, Path("alone.zarr"), **given)
        alone, here = map(PredictionStore.open, ("alone.zarr", one.result))
        assert np.array_equal(alone.mean[:], here.mean[:])
        assert np.array_equal(alone.std[:], here.std[:])
        assert here.voxel_size == alone.voxel_size


class Stop:
    """A report that ends the program when a share of the work is done."""

    def __init__(self, at: float) -> None:
        self.at = at

    def __call__(self, share: float, note: str) -> None:
        assert 0 <= share <= 1
        if share >= self.at:
            raise KeyboardInterrupt


def test_stopped_twice_and_resumed_gives_the_same_bytes(scans):
    given = {"threads": 1, "block": 16}
    ns.predict_files("model", "scans", "whole", **given)
    resume = False
    for share in (0.2, 0.6):
        with pytest.raises(KeyboardInterrupt):
            ns.predict_files(
                "model", "scans", "out", **given, resume=resume, report=Stop(share)
            )
        resume = True
    found = ns.predict_files("model", "scans", "out", **given, resume=True)
    assert [one.state for one in found].count("kept") >= 1
    assert contents(Path("out")) == contents(Path("whole"))
    again = ns.predict_files("model", "scans", "out", **given, resume=True)
    assert [one.state for one in again] == ["kept"] * 3 + ["failed", "kept"]
    assert again.grouped_cautions == found.grouped_cautions
    assert contents(Path("out")) == contents(Path("whole"))


def test_a_mended_file_and_a_new_one_are_done_the_others_kept(scans):
    ns.predict_files("model", "scans", "out", threads=1)
    shutil.copy("scans/s1.tif", "scans/s4.tif")
    Path("other").mkdir()
    shutil.copy("scans/s2.tif", "other/s1.tif")
    named = ["scans", "other/*.tif"]
    found = ns.predict_files("model", named, "out", threads=1, resume=True)
    assert {one.name: one.state for one in found} == {
        **dict.fromkeys(("s1", "s2", "s3", "s10"), "kept"),
        **dict.fromkeys(("s4", "other-s1"), "done"),
    }


FOLDERS = {
    "something else": lambda out: (out / "notes.txt").write_text("mine"),
    "results of threshold": lambda out: (out / "batch.json").write_text(
        json.dumps(
            {
                "napari_sciml": {"kind": "batch", "version": 1},
                "command": "threshold",
                "files": [],
            }
        )
    ),
    "in a way": lambda out: (out / "batch.json").write_text(
        json.dumps({"napari_sciml": {"kind": "batch", "version": 2}})
    ),
    "cannot be read": lambda out: (out / "batch.json").write_text("{"),
}


@pytest.mark.parametrize("told", FOLDERS)
@pytest.mark.parametrize("insist", [{}, {"resume": True}, {"overwrite": True}])
def test_folders_of_others_are_refused(scans, told, insist):
    out = Path("out")
    out.mkdir()
    FOLDERS[told](out)
    before = contents(out)
    with pytest.raises(InputError, match=told):
        ns.predict_files("model", "scans", out, **insist)
    assert contents(out) == before


@pytest.mark.parametrize("out", ["scans", "scans/new", ".", "model", "model/new"])
def test_the_folder_is_apart_from_what_is_read(scans, out):
    before = contents(Path())
    with pytest.raises(InputError, match="choose another place"):
        ns.predict_files("model", ["scans"], out)
    assert contents(Path()) == before


def test_a_second_run_has_to_say_what_it_wants(predictions):
    ns.threshold_files("pred", "masks", SURE)
    with pytest.raises(InputError, match="3 of 3 files are done: go on with --resume"):
        ns.threshold_files("pred", "masks", SURE)
    states = {}
    for word in ("resume", "overwrite"):
        found = ns.threshold_files("pred", "masks", SURE, **{word: True})
        states[word] = {one.state for one in found}
    assert states == {"resume": {"kept"}, "overwrite": {"done"}}


def test_what_was_made_from_something_else_is_done_again(predictions):
    first = ns.threshold_files("pred", "masks", SURE)
    assert [one.cautions for one in first] == [(), ("look twice",), ()]
    Path("masks/a.tif").unlink()
    os.utime("pred/b.ome.zarr/zarr.json", (1, 1))
    found = ns.threshold_files("pred", "masks", SURE, resume=True)
    assert [one.state for one in found] == ["done", "done", "kept"]
    assert found.grouped_cautions == first.grouped_cautions
    other = SURE.model_copy(update={"t": 0.3})
    found = ns.threshold_files("pred", "masks", other, resume=True)
    assert {one.state for one in found} == {"done"}


def test_a_foreign_file_in_the_way_is_not_replaced(predictions):
    ns.threshold_files("pred", "masks", SURE)
    tifffile.imwrite("masks/b.tif", np.ones((4, 4), np.uint8))
    before = Path("masks/b.tif").read_bytes()
    found = ns.threshold_files("pred", "masks", SURE, overwrite=True)
    assert [one.state for one in found] == ["done", "failed", "done"]
    assert Path("masks/b.tif").read_bytes() == before


def test_an_error_of_ours_stops_nothing_either(predictions, monkeypatch):
    from napari_sciml.workflows.batch import masks

    real = masks.threshold_prediction

    def fails(path, *args, **given):
        if path.name.startswith("b"):
            raise RuntimeError("not so good")
        return real(path, *args, **given)

    monkeypatch.setattr(masks, "threshold_prediction", fails)
    found = ns.threshold_files("pred", "masks", SURE)
    assert [one.state for one in found] == ["done", "failed", "done"]
    assert "RuntimeError: not so good" in found.failed[0].error
    assert not Path("masks/b.tif").exists()


@pytest.fixture
def no_pictures(monkeypatch) -> None:
    """Leave out those of single files, which take longest."""
    monkeypatch.setattr(fiber_files, "_figures", lambda result: ({}, None))


@pytest.fixture
def masks(predictions, no_pictures) -> Path:
    ns.threshold_files("pred", "masks", SURE)
    return Path("masks")


def test_the_table_of_all_is_that_of_each(masks):
    (masks / "broken.tif").write_bytes(b"II*\0")
    named = ["masks", masks / "broken.tif"]
    found = ns.measure_files(named, "out", SMALL, probabilities="pred")
    assert [one.state for one in found] == ["done"] * 3 + ["failed"]
    assert "No prediction" in found.failed[0].error
    with open("out/fibers.csv", newline="") as file:
        header, *rows = csv.reader(file)
    expected = []
    for name in ("a", "b", "c"):
        alone = {"probability": Path(f"pred/{name}.ome.zarr")}
        measure_mask(masks / f"{name}.tif", Path("alone"), SMALL, **alone)
        with open("alone/fibers.csv", newline="") as file:
            columns, *more = csv.reader(file)
        assert header == ["image", *columns]
        expected += [[name, *row] for row in more]
    assert rows == expected
    assert len(rows) >= 6
    samples = pd.read_csv("out/samples.csv")
    assert list(samples["image"]) == ["a", "b", "c"]
    summary = json.loads(Path("out/c/summary.json").read_text())
    assert samples["fibers"][2] == summary["fibers"]
    mean = summary["distributions"]["length"]["mean"]
    for side, column in (("value", "length_mean"), ("low", "length_mean_low")):
        assert samples[column][2] == pytest.approx(mean[side], rel=1e-5)
    page = Path("out/report.html").read_text("utf-8")
    assert page.count("data:image/png") == 3
    assert "broken is missing: No prediction" in page
    assert any("voxels of c are 2 " in said for said in found.cautions)


def test_fibers_that_were_stopped_go_on(masks):
    whole = ns.measure_files("masks", "whole", SMALL)
    with pytest.raises(KeyboardInterrupt):
        ns.measure_files("masks", "out", SMALL, report=Stop(0.3))
    assert not Path("out/fibers.csv").exists()
    found = ns.measure_files("masks", "out", SMALL, resume=True)
    assert [one.state for one in found] == ["kept", "done", "done"]
    assert found.files[0].summary["fibers"] == whole.files[0].summary["fibers"]
    for name in ("fibers.csv", "samples.csv", "report.html", "batch.json"):
        assert Path("out", name).read_bytes() == Path("whole", name).read_bytes()


def test_predictions_that_belong_to_no_mask_are_refused(masks):
    os.rename("pred/a.ome.zarr", "q.ome.zarr")
    with pytest.raises(InputError, match="name them alike"):
        ns.measure_files("masks", "out", probabilities="q.ome.zarr")
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("units", "header", "told"),
    [
        (("nanometer", "micrometer", "micrometer"), [], "converted to µm"),
        (("pixel", "micrometer", "micrometer"), ["unit"], "cannot be compared"),
    ],
)
def test_other_units_are_converted_or_named(
    tmp_path, monkeypatch, no_pictures, units, header, told
):
    monkeypatch.chdir(tmp_path)
    results = {}
    for i, unit in enumerate(units):
        name = f"m{i}"
        size = 1000.0 if unit == "nanometer" else 1.0
        save_mask(Path(f"{name}.tif"), tubes(0), (size,) * 3, unit)
        measure_mask(Path(f"{name}.tif"), Path(name), SMALL)
        results[name] = Path(name)
    Path("out").mkdir()
    cautions = compare_samples(Path("out"), results, {})
    assert any(told in said for said in cautions)
    table = pd.read_csv("out/fibers.csv")
    assert list(table.columns[: 1 + len(header)]) == ["image", *header]
    first, other = (table[table["image"] == name] for name in ("m0", "m2"))
    columns = ["length", "volume", "curvature", "spacing", "phi_deg"]
    np.testing.assert_allclose(first[columns], other[columns], rtol=1e-4)
    samples = pd.read_csv("out/samples.csv")
    assert (samples["unit"] == "micrometer").sum() == (3 - len(header))
