"""Prediction of files: block by block, killed, gone on with, refused."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import zarr

from napari_sciml.errors import InputError
from napari_sciml.io.images.reading import open_volume
from napari_sciml.io.models.folder import load_model, save_model
from napari_sciml.io.results.block_grid import block_and_chunk, pyramid_steps
from napari_sciml.io.results.predictions import RECORD, PredictionStore
from napari_sciml.prediction.blockwise import predict
from napari_sciml.progress import exhaust
from napari_sciml.workflows.prediction.blocks import BlockWorker, predict_block
from napari_sciml.workflows.prediction.files import predict_image
from napari_sciml.workflows.prediction.plan import PredictionPlan, plan_prediction
from napari_sciml.workflows.prediction.run import (
    JOURNAL_FILE,
    PLAN_FILE,
    PredictionRun,
    is_finished,
    read_plan,
)

SHAPE = (20, 37, 45)


def silent(fraction: float, note: str) -> None:
    """No progress."""


@pytest.fixture
def model(tmp_path, make_ensemble) -> Path:
    save_model(make_ensemble(3, members=2), tmp_path / "model", record={"seed": 1})
    return tmp_path / "model"


@pytest.fixture
def image(tmp_path) -> Path:
    path = tmp_path / "image.zarr"
    array = zarr.create_array(str(path), shape=SHAPE, chunks=(10,) * 3, dtype="u1")
    array[:] = np.random.default_rng(0).integers(1, 255, SHAPE, np.uint8)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """All files of the arrays, without what is written of the run."""
    about = (folder, folder / RECORD)
    files = [p for p in folder.rglob("*") if p.is_file() and p.parent not in about]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


@pytest.mark.parametrize("block", [16, 20, 33])
def test_blocks_equal_the_image_in_one_piece(tmp_path, model, image, block) -> None:
    plan = plan_prediction(model, image, tmp_path / "p.zarr", block=block)
    whole = predict(load_model(model), open_volume(image).data[:])
    with PredictionRun(plan) as run:
        worker = BlockWorker(plan)
        for index in run.left:
            steps = worker.compute(index, worker.read(index))
            found = exhaust(steps)
            core = plan.blocks[index]
            np.testing.assert_allclose(found.mean, whole.mean[:, *core], atol=1e-4)
            np.testing.assert_allclose(found.std, whole.std[:, *core], atol=1e-4)
            worker.write(index, found)
            run.record(index)
        assert list(run.finish()) == []
    store = PredictionStore.open(plan.out)
    np.testing.assert_allclose(store.mean[:], whole.mean, atol=6e-4)
    np.testing.assert_allclose(store.std[:], whole.std, atol=6e-4)
    assert is_finished(plan)
    assert not plan.folder.exists()


def test_any_order_any_process_any_overlap(tmp_path, model, image) -> None:
    """One block at a time by the pure function, or a loop with threads."""
    given = {"block": 16, "report": silent}
    summary = predict_image(model, image, tmp_path / "a.zarr", **given)
    plan = plan_prediction(model, image, tmp_path / "b.zarr", block=16)
    plan = PredictionPlan.model_validate_json(plan.model_dump_json())
    with PredictionRun(plan) as run:
        for index in reversed(run.left):
            run.record(predict_block(plan, index).index)
        assert list(run.finish()) == []
    assert contents(tmp_path / "a.zarr") == contents(tmp_path / "b.zarr")
    assert summary["blocks"] == len(plan.blocks)


CHILD = """
import sys
from pathlib import Path
from napari_sciml.workflows.prediction.files import predict_image
model, image, out = map(Path, sys.argv[1:4])
told = set()
def report(share, note):
    if "left" in note and share not in told:  # once a block
        print(note, flush=True)
    told.add(share)
predict_image(model, image, out, block=16, resume=True, threads=1, report=report)
"""


def start_child(*paths: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, *map(str, paths)],
        **{"stdout": subprocess.PIPE, "text": True},
    )


def test_killed_and_gone_on_with(tmp_path, model, image) -> None:
    """The files are the same, byte by byte, as those of a run that was left alone."""
    predict_image(model, image, tmp_path / "whole.zarr", block=16, report=silent)
    out = tmp_path / "killed.zarr"
    for blocks in (1, 3):
        child = start_child(model, image, out)
        for _ in range(blocks):
            assert child.stdout.readline()
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=60)
        assert not out.exists()
    assert read_plan(out) is not None
    summary = predict_image(model, image, out, block=16, resume=True, report=silent)
    assert summary["resumed_at_block"] >= 4
    assert contents(out) == contents(tmp_path / "whole.zarr")
    assert {p.name for p in tmp_path.glob("*killed*")} == {"killed.zarr"}


def begun(
    model: Path, image: Path, out: Path, done: int = 3, **given
) -> PredictionPlan:
    """A prediction that stopped after some blocks."""
    plan = plan_prediction(model, image, out, block=16)
    with PredictionRun(plan) as run:
        for index in run.left[:done]:
            run.record(predict_block(plan, index).index)
    return plan


def test_what_is_lost_of_the_journal_is_done_again(tmp_path, model, image) -> None:
    plan = begun(model, image, tmp_path / "p.zarr")
    journal = plan.folder / JOURNAL_FILE
    journal.write_bytes(journal.read_bytes()[:-9])
    (plan.store / "mean" / "0" / "x.partial").write_bytes(b"left by a killed writer")
    with PredictionRun(plan, resume=True) as run:
        assert run.left == list(range(2, len(plan.blocks)))
    assert not list(plan.store.rglob("*.partial"))


def test_what_an_older_version_has_begun_is_gone_on_with(
    tmp_path, model, image, as_version_1
) -> None:
    predict_image(model, image, tmp_path / "whole.zarr", block=16, report=silent)
    out = tmp_path / "p.zarr"
    as_version_1(begun(model, image, out).store)
    summary = predict_image(model, image, out, block=16, resume=True, report=silent)
    assert summary["resumed_at_block"] == 3
    expected, found = contents(tmp_path / "whole.zarr"), contents(out)
    assert found.keys() == expected.keys()
    assert all(found[p] == expected[p] for p in expected if "/c/" in p)
    again = predict_image(model, image, out, block=16, resume=True, report=silent)
    assert again["seconds"] == 0


def test_another_model_image_or_setting_is_refused(
    tmp_path, model, image, make_ensemble
) -> None:
    out = tmp_path / "p.zarr"
    begun(model, image, out)
    before = contents(read_plan(out).folder)
    save_model(make_ensemble(3, members=1), tmp_path / "other", record={})
    array = open_volume(image).data[:]
    np.save(tmp_path / "other.npy", array + 1)
    goes_on = {"resume": True, "report": silent}
    for given, changed, word in [
        ((tmp_path / "other", image), {}, "another model"),
        ((model, tmp_path / "other.npy"), {}, "another image"),
        ((model, image), {"block": 20}, "another size of the blocks"),
        ((model, image), {"intensity": "image"}, "another intensity scale"),
    ]:
        with pytest.raises(InputError, match=word) as caught:
            predict_image(*given, out, **goes_on, **changed)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"3 blocks.*--resume.*--restart"):
        predict_image(model, image, out, block=16, report=silent)
    assert contents(read_plan(out).folder) == before
    # The same image by another name goes on.
    np.save(tmp_path / "copy.npy", array)
    summary = predict_image(model, tmp_path / "copy.npy", out, **goes_on)
    assert summary["resumed_at_block"] == 3
    assert summary["block"] == 16


def test_restart_throws_away_and_keeps_the_older_result(tmp_path, model, image) -> None:
    out = tmp_path / "p.zarr"
    predict_image(model, image, out, block=20, report=silent)
    older = contents(out)
    plan = begun(model, image, out)
    assert contents(out) == older
    (plan.folder / PLAN_FILE).write_text("{")
    with pytest.raises(InputError, match="--restart"):
        predict_image(model, image, out, block=16, report=silent)
    predict_image(model, image, out, block=16, restart=True, report=silent)
    assert contents(out) != older
    assert sorted(p.name for p in tmp_path.glob("*p.zarr*")) == ["p.zarr"]


def test_going_on_with_what_is_finished_does_nothing(tmp_path, model, image) -> None:
    out = tmp_path / "p.zarr"
    given = {"block": 16, "report": silent, "resume": True}
    predict_image(model, image, out, **given)
    times = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    assert predict_image(model, image, out, **given)["seconds"] == 0
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == times


def test_killed_between_the_last_two_steps(tmp_path, model, image) -> None:
    """An older result was moved away, the new one does not have its name yet."""
    out = tmp_path / "p.zarr"
    predict_image(model, image, out, block=20, report=silent)
    plan = begun(model, image, out, done=99)
    out.rename(plan.folder / "previous")
    predict_image(model, image, out, block=16, resume=True, report=silent)
    assert is_finished(plan)
    assert not plan.folder.exists()


def test_killed_after_the_last_step(tmp_path, model, image) -> None:
    """The result has its name, and the folder of the run is still there."""
    out = tmp_path / "p.zarr"
    plan = begun(model, image, out, done=99)
    kept = {p: (plan.folder / p).read_bytes() for p in (PLAN_FILE, JOURNAL_FILE)}
    given = {"block": 16, "resume": True, "report": silent}
    predict_image(model, image, out, **given)
    plan.folder.mkdir()
    for name, content in kept.items():
        (plan.folder / name).write_bytes(content)
    assert predict_image(model, image, out, **given)["seconds"] == 0
    assert not plan.folder.exists()


def test_two_at_once_are_refused(tmp_path, model, image) -> None:
    plan = begun(model, image, tmp_path / "p.zarr")
    with (
        PredictionRun(plan, resume=True),
        pytest.raises(InputError, match="Another process is predicting"),
    ):
        PredictionRun(plan, restart=True)


def test_a_foreign_folder_in_the_way(tmp_path, model, image) -> None:
    plan = plan_prediction(model, image, tmp_path / "p.zarr", block=16)
    plan.folder.mkdir()
    (plan.folder / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match=r"thesis\.txt"):
        PredictionRun(plan, restart=True)
    assert (plan.folder / "thesis.txt").exists()


FULL = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from napari_sciml.workflows.prediction.files import predict_image
from napari_sciml.errors import InputError
model, image, out = map(Path, sys.argv[1:4])
def full_soon(share, note):
    if share:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, resource.RLIM_INFINITY))
try:
    predict_image(model, image, out, block=16, threads=1, report=full_soon)
except InputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of a process")
def test_a_full_disk_is_a_clean_stop(tmp_path, model, image) -> None:
    out = tmp_path / "p.zarr"
    command = [sys.executable, "-c", FULL, str(model), str(image), str(out)]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "free some space" in told
    assert "go on with --resume" in told
    assert told.count("\n") == 1
    summary = predict_image(model, image, out, resume=True, report=silent)
    assert 0 < summary["resumed_at_block"] < summary["blocks"]
    predict_image(model, image, tmp_path / "whole.zarr", block=16, report=silent)
    assert contents(out) == contents(tmp_path / "whole.zarr")


def test_a_corrupt_chunk_is_told_and_nothing_is_lost(tmp_path, model, image) -> None:
    plan = begun(model, image, tmp_path / "p.zarr")
    worker = BlockWorker(plan)
    chunk = image / "c" / "1" / "3" / "4"
    good = chunk.read_bytes()
    chunk.write_bytes(b"no chunk")
    with pytest.raises(InputError, match=r"image\.zarr cannot be read at z") as caught:
        worker.read(len(plan.blocks) - 1)
    assert "\n" not in str(caught.value)
    given = {"block": 16, "resume": True, "report": silent}
    with pytest.raises(InputError, match=r"image\.zarr cannot be read"):
        predict_image(model, image, plan.out, **given)
    chunk.write_bytes(good)
    assert predict_image(model, image, plan.out, **given)["resumed_at_block"] == 3


def test_missing_chunks_are_zeros_and_told(tmp_path, model, image) -> None:
    (image / "c" / "1" / "3" / "4").unlink()
    said: list[str] = []
    given = {"block": 32, "say": said.append, "report": silent}
    predict_image(model, image, tmp_path / "p.zarr", **given)
    (line,) = (s for s in said if "are not stored" in s)
    assert line.startswith("1 of 40 chunks of image.zarr are not stored")


def test_costs_and_gray_values_are_told_beforehand(tmp_path, model, image) -> None:
    data = open_volume(image).data[:]
    np.save(tmp_path / "dim.npy", data.astype(np.float32) / 255)
    said: list[str] = []
    given = {"block": 32, "say": said.append, "report": silent}
    out = tmp_path / "p.zarr"
    summary = predict_image(model, tmp_path / "dim.npy", out, **given)
    assert "needs 0." in said[0]
    assert "GB of memory" in said[0]
    voxels = int(np.prod(SHAPE))
    assert f"writes up to {voxels * 2 * 4 / 1e6:.1f} MB" in said[0]
    assert "--intensity image" in said[1]
    assert summary["gray_values"]["far"]
    said.clear()
    by_image = {"intensity": "image", "restart": True, **given}
    summary = predict_image(model, tmp_path / "dim.npy", out, **by_image)
    assert len(said) == 1
    assert summary["gray_values"]["used"] == "image"


def test_the_block_is_made_small_enough(tmp_path, model, image) -> None:
    out = tmp_path / "p.zarr"
    need = plan_prediction(model, image, out, block=33).memory
    assert need is not None
    assert plan_prediction(model, image, out, memory=need + 1e9).block == 128
    with pytest.raises(InputError, match="GB of memory for even a small block"):
        plan_prediction(model, image, out, memory=1e8)
    with pytest.raises(InputError, match="give a smaller --block"):
        plan_prediction(model, image, out, block=33, memory=1e8)


def test_image_that_does_not_fit(tmp_path, model, make_ensemble) -> None:
    np.save(tmp_path / "flat.npy", np.zeros((40, 40), np.uint8))
    np.save(tmp_path / "color.npy", np.zeros((9, 40, 40, 3), np.uint8))
    for name, match in [("flat", "3D images and cannot"), ("color", "3 channels")]:
        with pytest.raises(InputError, match=match):
            plan_prediction(model, tmp_path / f"{name}.npy", tmp_path / "p.zarr")
    assert not list(tmp_path.glob("p.zarr*"))


def test_pyramid(tmp_path, model) -> None:
    shape = (9, 40, 301)
    np.save(tmp_path / "long.npy", np.random.default_rng(0).integers(0, 255, shape))
    out = tmp_path / "p.zarr"
    predict_image(model, tmp_path / "long.npy", out, block=64, report=silent)
    fine, coarse = (open_volume(out / "mean", level=n) for n in (0, 1))
    assert coarse.shape == (9, 40, 151)
    assert coarse.voxel_size == (1, 1, 2)
    full = fine.data[:].astype(np.float32)
    halves = full[:, :, :300].reshape(9, 40, 150, 2, 2).mean(3)
    np.testing.assert_allclose(coarse.data[:, :, :150], halves, atol=1e-3)
    np.testing.assert_array_equal(coarse.data[:, :, 150], fine.data[:, :, 300])
    ome = json.loads((out / "mean" / "zarr.json").read_text())["attributes"]["ome"]
    steps = ome["multiscales"][0]["datasets"][1]["coordinateTransformations"]
    assert steps[1] == {"type": "translation", "translation": [0, 0, 0, 0.5]}
    with pytest.raises(InputError, match="levels 0 to 1"):
        open_volume(out / "mean", level=2)


@pytest.mark.parametrize(
    ("shape", "last"),
    [
        ((256, 256, 256), (1, 1, 1)),
        ((2048,) * 3, (8, 8, 8)),
        ((9, 999, 999), (1, 4, 4)),
    ],
)
def test_pyramid_steps(shape, last) -> None:
    assert pyramid_steps(shape)[-1] == last


@pytest.mark.parametrize("edge", [16, 63, 64, 65, 96, 127, 128, 130, 131, 512])
@pytest.mark.parametrize("dims", [2, 3])
def test_blocks_are_whole_chunks(edge, dims) -> None:
    block, chunk = block_and_chunk(edge, dims)
    assert edge - 8 <= block <= edge
    assert block % chunk == 0
    assert block_and_chunk(block, dims) == (block, chunk)


def test_a_run_that_is_stopped_keeps_what_it_has_predicted(
    tmp_path, model, image
) -> None:
    from napari_sciml.workflows.prediction.files import run_to_end

    plan = plan_prediction(model, image, tmp_path / "p.zarr", block=16)
    with PredictionRun(plan) as run:
        steps = run_to_end(run, silent)
        next(s for s in steps if s is not None)
        steps.close()
    with PredictionRun(plan, resume=True) as run:
        assert 1 <= len(plan.blocks) - len(run.left) <= 3
