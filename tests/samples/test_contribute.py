import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from napari.layers import Layer

from napari_sciml.samples import contribute
from napari_sciml.samples.downloads import POLYMER


@pytest.fixture(scope="module")
def layers() -> list[Layer]:
    return [Layer.create(*entry) for entry in contribute.fiber_concrete()]


def test_fiber_concrete_layers(layers: list[Layer]) -> None:
    assert [x.name for x in layers] == ["Fiber concrete", "Annotation", "True fibers"]
    assert [x.visible for x in layers] == [True, True, False]
    for layer in layers:
        assert np.allclose(layer.scale, 20)
        assert layer.axis_labels == ("z", "y", "x")
        assert {str(unit) for unit in layer.units} == {"micrometer"}
        assert layer.data.shape == (128, 128, 128)


def test_annotation_can_be_painted_on(layers: list[Layer]) -> None:
    _, annotation, truth = layers
    assert annotation.data.dtype == np.uint8
    assert annotation.metadata["class_names"] == ["background", "fiber"]
    assert np.all(truth.data[annotation.data == 2] > 0)


def test_polymer_scaffold(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tifffile

    array = tifffile.imread(shared_data / "quanfima_polymer3d" / "polymer3d_128.tif")
    array.tofile(tmp_path / POLYMER.file_name)
    monkeypatch.setattr("pooch.os_cache", lambda _: tmp_path)
    (entry,) = contribute.polymer_scaffold()
    layer = Layer.create(*entry)
    assert layer.name == "Polymer scaffold"
    assert layer.metadata["citation"].startswith("R. Shkarin")
    assert np.array_equal(layer.data, array)


def test_import_needs_neither_qt_nor_torch() -> None:
    code = (
        "import sys, napari_sciml.samples.contribute as c\n"
        "assert c.fiber_concrete\n"
        "print(sorted({'torch', 'qtpy', 'napari'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
