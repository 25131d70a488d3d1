"""Fibers whose blocks are looked at by workers."""

import os
import signal

import numpy as np
import pytest
import tifffile

from command import run_command
from fiber_files import write_fiber_files
from napari_sciml.cluster.executor import INLINE, Workers
from napari_sciml.errors import InputError
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.io.results.block_arrays import open_written
from napari_sciml.samples.phantom import PhantomConfig, make_phantom
from napari_sciml.workflows.pipeline import measure_mask

SIZE, SHAPE = (2.0, 1.0, 1.0), (48, 60, 70)
CONFIG = FiberConfig()


@pytest.fixture(scope="module")
def mask():
    """Touching fibers that cross many blocks."""
    config = PhantomConfig.clustered(shape=SHAPE, seed=9, length_mean=60)
    return make_phantom(config).labels > 0


@pytest.fixture
def files(tmp_path, mask):
    write_fiber_files(tmp_path, mask, SIZE)
    return tmp_path


def found_in(folder):
    """Bytes of the labels and of the table."""
    files = [folder / "fibers.csv", *sorted((folder / "labels.zarr").rglob("*"))]
    return {p.relative_to(folder): p.read_bytes() for p in files if p.is_file()}


def same(files, mask, start, config=CONFIG, **options):
    here, there = (
        measure_mask(files / mask, files / name, config, block=36, **where, **options)
        for name, where in (("here", {}), ("there", {"start": start}))
    )
    assert found_in(files / "there") == found_in(files / "here")
    assert len(found_in(files / "here")) > 4
    assert here | {"folder": ""} == there | {"folder": ""}


def test_workers_find_the_same_bytes_by_a_prediction(files, start) -> None:
    same(files, "mask.zarr", start, probability=files / "p.zarr")


@pytest.mark.parametrize("split", [True, False])
def test_workers_find_the_same_bytes_of_a_mask(files, start, split) -> None:
    same(files, "mask.zarr", start, FiberConfig(split=split, connectivity=6))


def test_workers_find_the_same_bytes_of_an_image(files, mask, start) -> None:
    tifffile.imwrite(files / "mask.tif", mask[20].astype(np.uint8))
    same(files, "mask.tif", start, FiberConfig(dust=30))


def test_workers_are_asked_from_a_relative_path(files, start, monkeypatch) -> None:
    monkeypatch.chdir(files)
    same(files.relative_to(files), "mask.zarr", start)


def test_a_worker_that_is_lost_changes_nothing(client, files, start) -> None:
    lost = []

    def lose_one(share, note):
        if share > 0.2 and not lost:
            (victim, *_) = client.run(os.getpid).values()
            os.kill(victim, signal.SIGKILL)
            lost.append(victim)

    measure_mask(files / "mask.zarr", files / "here", CONFIG, block=36)
    measure_mask(
        *(files / "mask.zarr", files / "there", CONFIG),
        block=36,
        start=start,
        report=lose_one,
    )
    assert lost
    assert found_in(files / "there") == found_in(files / "here")
    client.wait_for_workers(2, timeout=60)


def test_the_command_ends_with_2_and_the_sentence_of_a_worker(
    client, files, capsys
) -> None:
    (files / "mask.zarr" / "0" / "c" / "0" / "0" / "0").write_bytes(b"nonsense")
    ended = run_command(
        capsys,
        *("fibers", str(files / "mask.zarr"), "--out", str(files / "out")),
        *("--block", "36", "--scheduler", client.scheduler.address),
    )
    assert ended.code == 2
    (sentence,) = ended.sentences
    assert "may be damaged" in sentence
    assert sorted(p.name for p in files.iterdir()) == ["mask.zarr", "p.zarr"]


def test_values_that_differ_between_workers(tmp_path, start) -> None:
    values = np.zeros((40, 40, 40), np.uint8)
    values[2, 2, 2], values[38, 38, 38] = 1, 2
    np.save(tmp_path / "mask.npy", values)
    with pytest.raises(InputError, match="more values than two"):
        measure_mask(tmp_path / "mask.npy", tmp_path / "out", CONFIG, start=start)
    with pytest.raises(InputError, match="more values than two"):
        measure_mask(
            tmp_path / "mask.npy", tmp_path / "out", CONFIG, block=16, start=start
        )


@pytest.mark.parametrize("when", [0.05, 0.4, 0.75])
def test_a_run_that_is_stopped_leaves_nothing(files, start, when) -> None:
    def stop(share, note):
        if share > when:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_mask(
            *(files / "mask.zarr", files / "out", CONFIG),
            block=36,
            start=start,
            report=stop,
        )
    assert sorted(p.name for p in files.iterdir()) == ["mask.zarr", "p.zarr"]


def test_no_sweep_on_workers(files, start) -> None:
    with pytest.raises(InputError, match="leave out --sweep"):
        measure_mask(
            *(files / "mask.zarr", files / "out", CONFIG),
            probability=files / "p.zarr",
            sweep=True,
            start=start,
        )


def test_a_worker_that_does_not_see_what_is_written(client, tmp_path) -> None:
    with pytest.raises(InputError, match=r"does not see .*gone: let all workers see"):
        open_written(tmp_path / "gone")
    large = np.zeros(INLINE, np.uint8)
    ended = Workers(client, tmp_path)(np.add, (large,), ((n,) for n in range(100)))
    assert next(one for one in ended if one != 0.0)[1].shape == large.shape
    ended.close()
    client.run(forget)
    ended = Workers(client, tmp_path)(np.add, (large,), forgotten(tmp_path))
    with pytest.raises(InputError, match=r"does not see .*: let all workers see"):
        list(ended)


def forget():
    from napari_sciml.cluster import executor

    executor._taken.cache_clear()


def forgotten(folder):
    for path in folder.iterdir():
        path.unlink()
    yield (1,)
