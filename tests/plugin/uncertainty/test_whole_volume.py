"""A volume of any size is predicted onto the disk, and shown as it grows."""

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.io.results.predictions import PredictionStore
from napari_sciml.prediction.blockwise import predict
from napari_sciml.workflows.prediction.run import read_plan

pytestmark = pytest.mark.gui

SHAPE = (16, 40, 300)
LAYERS = ["Whole volume fiber", "Whole volume uncertainty"]


class Volume:
    """A session with a model, whose image is a pyramid of dask arrays."""

    def __init__(self, session, viewer, train, make_ensemble) -> None:
        import dask.array as da

        from napari_sciml.plugin.state.model import Model

        values = np.random.default_rng(0).integers(0, 255, SHAPE).astype(np.uint8)
        self.values, self.session, self.viewer = values, session, viewer
        self.button = train.whole_volume.start
        self.face = train.whole_volume
        session.prediction.use(Model(make_ensemble(3, members=2)))
        lazy = da.from_array(values, chunks=(8, 20, 50))
        levels = [lazy, lazy[::2, ::2, ::2]]
        self.layer = viewer.add_image(levels, name="large", scale=(3, 2, 2))
        session.workspace.choose_image(self.layer)

    @property
    def names(self) -> list[str]:
        return [layer.name for layer in self.viewer.layers]


@pytest.fixture
def volume(session, viewer, open_dock, make_ensemble):
    return Volume(session, viewer, open_dock("Train"), make_ensemble)


def test_result_is_shown_and_equals_plain_prediction(
    volume, tmp_path, patience
) -> None:
    out = tmp_path / "p.zarr"
    volume.face.predict(out)
    assert volume.button.text() == "Stop the whole volume"
    patience(lambda: set(LAYERS) <= set(volume.names))
    patience(lambda: not volume.face.running)
    assert volume.face.status.text() == f"Done: {out}"
    layer = volume.viewer.layers[LAYERS[0]]
    np.testing.assert_array_equal(layer.scale, (3, 2, 2))
    whole = predict(volume.session.prediction.model.ensemble, volume.values)
    store = PredictionStore.open(out)
    # 300 columns are more than a screen needs at once: there is a coarser level.
    assert layer.multiscale
    assert len(layer.data) == 1 + len(store.coarser) == 2
    np.testing.assert_allclose(layer.data[0][5], whole.mean[1, 5], atol=6e-4)
    np.testing.assert_array_equal(layer.data[1][3], store.coarser[0][0][1, 3])
    assert volume.names.count(LAYERS[0]) == 1
    assert store.voxel_size == (3, 2, 2)
    np.testing.assert_allclose(store.std[1], whole.std[1], atol=6e-4)
    # Once more with the same model: there is nothing to do.
    times = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    volume.face.predict(out)
    patience(lambda: not volume.face.running)
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == times
    assert sorted(n for n in volume.names if n.startswith("Whole")) == LAYERS


def test_stopped_and_gone_on_with(volume, tmp_path, patience) -> None:
    out = tmp_path / "p.zarr"

    def stop(event: object) -> None:
        if hasattr(event, "share") and not volume.session.workspace.runner.stopping:
            volume.button.click()

    runner = volume.session.workspace.runner
    runner.yielded.connect(stop)
    volume.face.predict(out)
    patience(lambda: not volume.face.running)
    runner.yielded.disconnect(stop)
    assert "what is done is kept" in volume.face.status.text()
    assert out.exists() or read_plan(out) is not None
    volume.face.predict(out)
    patience(lambda: not volume.face.running)
    assert PredictionStore.open(out).shape == SHAPE


def test_what_fails_is_told_by_who_asked_for_it(volume, patience, tmp_path) -> None:
    told = []
    volume.session.training.failed.connect(told.append)
    volume.values = volume.values.astype(np.float32)
    volume.values[3, 4, 5] = np.nan
    broken = volume.viewer.add_image(volume.values, name="broken")
    volume.session.workspace.choose_image(broken)
    volume.face.predict(tmp_path / "p.zarr")
    patience(lambda: not volume.face.running)
    assert "NaN" in volume.face.status.text()
    assert told == []


def test_what_is_missing_is_told(volume, tmp_path) -> None:
    volume.session.prediction.model = None
    with pytest.raises(InputError, match="no model yet"):
        volume.face.predict(tmp_path / "p.zarr")


def test_images_that_are_too_large_to_paint_on(volume, patience, tmp_path) -> None:
    import dask.array as da

    from napari_sciml.plugin.layers.images import pixels

    layer = volume.viewer.add_image(
        da.zeros((2000, 2000, 2000), np.uint8, chunks=200),
        contrast_limits=(0, 1),
        name="huge",
    )
    with pytest.raises(InputError, match="Predict whole volume"):
        pixels(layer)
    assert pixels(layer, any_size=True).shape == (2000, 2000, 2000)
    volume.session.workspace.choose_image(layer)
    volume.face.predict(tmp_path / "p.zarr")
    patience(lambda: "GB to" in volume.face.status.text())
    volume.button.click()
    patience(lambda: not volume.face.running)
