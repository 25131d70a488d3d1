import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_sciml.samples.phantom import PhantomConfig
from napari_sciml.training.config import TrainingConfig
from napari_sciml.workflows.demo import run_demo


def test_the_demo_writes_all_that_it_promises(tmp_path: Path) -> None:
    stages = []

    @contextmanager
    def stage(title: str) -> Iterator[object]:
        stages.append(title)
        yield lambda fraction, note: None

    summary = run_demo(
        tmp_path / "demo",
        training=TrainingConfig(steps=6, members=2),
        stage=stage,
        config=PhantomConfig(shape=(64, 64, 64), seed=2),
    )
    assert len(stages) == 5
    assert summary["scores"]["labeled_voxels"] <= 2000
    assert 0 <= summary["scores"]["fiber_dice"] <= 1
    folder = tmp_path / "demo"
    written = {path.name for path in folder.iterdir() if path.name[0] != "."}
    assert written == {
        "image.tif", "scribbles.tif", "model", "probabilities.ome.zarr", "mask.tif",
        "fibers", "summary.json",
    }  # fmt: skip
    assert json.loads((folder / "summary.json").read_text())["scores"]
