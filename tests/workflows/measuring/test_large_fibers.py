"""`fibers` by blocks gives the labels and the table of one piece."""

import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from fiber_files import write_fiber_files
from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.fibers.geometry.measure import measure_fibers
from napari_sciml.fibers.segmentation.instances import label_fibers
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.results.arrays import save_mask
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.workflows import pipeline
from napari_sciml.workflows.measuring.files import chunk_and_block
from napari_sciml.workflows.pipeline import measure_mask

SIZE = (2.0, 1.0, 1.0)
SHAPE = (48, 90, 100)


@pytest.fixture(scope="module")
def mask():
    """Touching fibers that cross many blocks."""
    config = PhantomConfig.clustered(shape=SHAPE, seed=9, length_mean=80)
    return make_phantom(config).labels > 0


@pytest.fixture
def files(tmp_path, mask):
    write_fiber_files(tmp_path, mask, SIZE)
    return tmp_path


def read(folder: Path):
    return open_volume(folder / "labels.zarr").data[:]


@pytest.mark.parametrize(
    ("block", "split", "extend"),
    [
        (16, True, True),
        (37, True, True),
        (37, False, True),
        (37, True, False),
        (300, True, True),
    ],
)
def test_same_as_in_one_piece(files, mask, block, split, extend):
    config = FiberConfig(split=split, extend=extend)
    summary = measure_mask(
        files / "mask.zarr",
        files / "out",
        config,
        probability=files / "p.zarr",
        block=block,
    )
    known = PredictionStore.open(files / "p.zarr").mean[1].astype(np.float32)
    expected = label_fibers(
        mask, **config.model_dump(), voxel_size=SIZE, probability=known
    )
    np.testing.assert_array_equal(read(files / "out"), expected)
    assert np.any(expected[~mask]) == extend
    table = measure_fibers(expected, voxel_size=SIZE, probability=known)
    found = pd.read_csv(files / "out" / "fibers.csv")
    pd.testing.assert_frame_equal(found, table, check_dtype=False, rtol=1e-5, atol=1e-5)
    assert summary["fibers"] == expected.max()
    written = json.loads((files / "out" / "summary.json").read_text())
    assert written["unit"] == "micrometer"
    assert {p.name for p in (files / "out").iterdir()} >= {
        "report.html",
        "overview.png",
        "autocorrelation.svg",
    }
    assert not (files / "out" / "labels.tif").exists()
    assert sorted(p.name for p in files.iterdir()) == ["mask.zarr", "out", "p.zarr"]


@pytest.mark.parametrize("split", [True, False])
def test_an_image(tmp_path, mask, split):
    tifffile.imwrite(tmp_path / "mask.tif", mask[20].astype(np.uint8))
    config = FiberConfig(split=split, dust_volume=30)
    measure_mask(tmp_path / "mask.tif", tmp_path / "out", config, block=24)
    expected = label_fibers(mask[20], **config.model_dump())
    np.testing.assert_array_equal(read(tmp_path / "out"), expected)


def test_blocks_are_taken_where_memory_is_short(files, monkeypatch):
    monkeypatch.setattr(pipeline, "fits_in_memory", lambda shape: False)
    seen = []
    measure_mask(
        files / "mask.zarr",
        files / "out",
        FiberConfig(),
        report=lambda share, note: seen.append(share),
    )
    assert (files / "out" / "labels.zarr").exists()
    assert seen == sorted(seen)
    assert 0 <= seen[0] < 0.1 < 0.9 < seen[-1] <= 1


@pytest.mark.parametrize("values", [np.zeros, np.ones])
def test_an_empty_and_a_solid_mask(tmp_path, values):
    save_mask(tmp_path / "mask.zarr", values((40, 40, 40)), (1, 1, 1))
    summary = measure_mask(
        tmp_path / "mask.zarr", tmp_path / "out", FiberConfig(), block=16
    )
    assert summary["fibers"] == values(1).sum()


def test_specks(tmp_path):
    mask = np.random.default_rng(0).random((70, 70, 70)) > 0.97
    save_mask(tmp_path / "mask.zarr", mask, (1, 1, 1))
    config = FiberConfig(dust=0)
    measure_mask(tmp_path / "mask.zarr", tmp_path / "out", config, block=32)
    expected = label_fibers(mask, **config.model_dump())
    np.testing.assert_array_equal(read(tmp_path / "out"), expected)


def test_blocks_are_whole_chunks():
    assert chunk_and_block(16, 3) == (16, 16)
    assert chunk_and_block(37, 3) == (36, 36)
    assert chunk_and_block(128, 3) == (128, 128)
    assert chunk_and_block(300, 3) == (100, 300)
    assert chunk_and_block(2048, 2) == (1024, 2048)


def damaged(files, how):
    file = files / "mask.zarr" / "0" / "c" / "0" / "0" / "0"
    if how == "missing":
        file.unlink()
    else:
        file.write_bytes(b"\x00nonsense")


@pytest.mark.parametrize("block", [None, 24])
@pytest.mark.parametrize(
    ("how", "message"), [("missing", "lacks 1 of its"), ("corrupt", "may be damaged")]
)
def test_damage_is_one_sentence_and_the_old_result_stays(files, block, how, message):
    out = files / "out"
    measure_mask(files / "mask.zarr", out, FiberConfig(), block=block)
    before = (out / "fibers.csv").read_bytes()
    damaged(files, how)
    with pytest.raises(InputError, match=message) as told:
        measure_mask(files / "mask.zarr", out, FiberConfig(), block=block)
    assert "\n" not in str(told.value)
    assert (out / "fibers.csv").read_bytes() == before
    assert sorted(p.name for p in files.iterdir()) == ["mask.zarr", "out", "p.zarr"]


def test_more_values_than_two(tmp_path):
    values = np.zeros((40, 40, 40), np.uint8)
    values[2, 2, 2], values[38, 38, 38] = 1, 2
    np.save(tmp_path / "mask.npy", values)
    with pytest.raises(InputError, match="more values than two"):
        measure_mask(tmp_path / "mask.npy", tmp_path / "out", FiberConfig(), block=16)
    assert not (tmp_path / "out").exists()


def test_wrong_axes(tmp_path):
    np.save(tmp_path / "mask.npy", np.zeros((5, 20, 20, 20), np.uint8))
    with pytest.raises(InputError, match="is not an image or a volume"):
        measure_mask(tmp_path / "mask.npy", tmp_path / "out", FiberConfig(), block=16)


def test_no_sweep_by_blocks(files):
    with pytest.raises(InputError, match="leave out --sweep"):
        measure_mask(
            files / "mask.zarr",
            files / "out",
            FiberConfig(),
            probability=files / "p.zarr",
            sweep=True,
            block=32,
        )


def test_a_disk_that_runs_full(tmp_path, files):
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.system(f"mount -t tmpfs -o size=300k tmpfs {folder} 2>/dev/null"):
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(InputError, match=r"no space left on device.*free some"):
            measure_mask(files / "mask.zarr", folder / "out", FiberConfig(), block=32)
        assert list(folder.iterdir()) == []
    finally:
        os.system(f"umount {folder}")


def test_a_read_only_disk(tmp_path, files):
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.system(f"mount -t tmpfs -o ro tmpfs {folder} 2>/dev/null"):
        pytest.skip("mounting is not allowed here")
    try:
        with pytest.raises(InputError, match="cannot be written"):
            measure_mask(files / "mask.zarr", folder / "out", FiberConfig(), block=32)
    finally:
        os.system(f"umount {folder}")
