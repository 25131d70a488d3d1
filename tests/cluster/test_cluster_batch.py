"""Many files on workers: connected once, the same bytes."""

from contextlib import contextmanager

import numpy as np
import pytest

from napari_sciml.cluster import batch
from napari_sciml.io.models.folder import save_model
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.uncertainty.threshold import ThresholdConfig
from napari_sciml.workflows.batch.masks import threshold_files
from napari_sciml.workflows.batch.predictions import predict_files

SHAPE = (10, 20, 40)


@pytest.fixture
def connected(client, monkeypatch) -> list[str]:
    """Addresses that were connected to; all are of the same workers."""
    seen = []

    @contextmanager
    def connect(address, **_):
        seen.append(address)
        yield client

    monkeypatch.setattr(batch, "connect", connect)
    return seen


def test_many_files_on_the_workers_of_one_connection(
    tmp_path, connected, make_ensemble
):
    rng = np.random.default_rng(0)
    (tmp_path / "scans").mkdir()
    for name in ("a", "b"):
        np.save(tmp_path / f"scans/{name}.npy", rng.integers(60, 180, SHAPE, np.uint8))
    (tmp_path / "scans/c.npy").write_bytes(b"nothing")
    model = tmp_path / "model"
    save_model(make_ensemble(3, members=2), model, record={})
    given = {"block": 16, "threads": 1, "device": "cpu"}
    said: list[str] = []
    found = predict_files(
        model,
        tmp_path / "scans",
        tmp_path / "there",
        **given,
        predictor=batch.predicting_on("somewhere", said.append),
    )
    here = predict_files(model, tmp_path / "scans", tmp_path / "here", **given)
    assert [one.state for one in found] == [one.state for one in here]
    assert len(found.done) == 2
    for one, other in zip(found.done, here.done, strict=True):
        stores = [PredictionStore.open(path) for path in (one.result, other.result)]
        assert np.array_equal(stores[0].mean[:], stores[1].mean[:])
    assert connected == ["somewhere"]
    config = ThresholdConfig(k=0.0, t=0.3)
    masks = [
        threshold_files(tmp_path / "here", tmp_path / place, config, workers=workers)
        for place, workers in (
            ("m-there", batch.working_on("somewhere", said.append)),
            ("m-here", batch.working_on(None, said.append)),
        )
    ]
    for one, other in zip(*masks, strict=True):
        assert one.result.read_bytes() == other.result.read_bytes()
    assert connected == ["somewhere"] * 2
