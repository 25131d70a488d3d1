import numpy as np
import pytest
from skimage.io import imsave

from napari_sciml.annotation.classes import ClassTable
from napari_sciml.annotation.store import LabelStore
from napari_sciml.errors import InputError
from napari_sciml.io.labels.export import (
    load_annotation,
    load_classes,
    save_annotation,
    save_classes,
)
from napari_sciml.io.labels.painted_before import KEY, strokes_before
from napari_sciml.workflows.label_files import (
    LabelsWritten,
    export_labels,
    import_labels,
)

TWO = ClassTable.of(["background", "fiber"])


def painted(shape=(5, 6, 7)):
    labels = np.zeros(shape, np.uint8)
    labels[..., 1], labels[..., 3] = 1, 2
    return labels


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".zarr"])
@pytest.mark.parametrize("shape", [(6, 7), (5, 6, 7)])
def test_labels_go_out_and_come_back(tmp_path, suffix, shape):
    store = LabelStore(shape)
    store.read_all(painted(shape))
    path = tmp_path / f"labels{suffix}"
    size = (0.5,) * len(shape)
    [written] = export_labels(path, store.snapshot(), shape, size, "micrometer")
    assert written == LabelsWritten(path)
    assert np.array_equal(load_annotation(path, shape, TWO).data, painted(shape))


def with_strokes(number):
    labels = np.zeros((5, 6, 7), np.uint8)
    labels[:number, 2, 1:4] = np.arange(number)[:, None] % 2 + 1
    return labels


SIZES = {"a.tif": (2, 1, 1), "ome.tif": (1, 1e-12, 1), "a.zarr": (1, 1, 1)}


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("before", [None, 0, 4])
def test_files_keep_how_many_strokes_came_before_a_prediction(tmp_path, name, before):
    store, path = LabelStore((5, 6, 7)), tmp_path / name
    store.read_all(with_strokes(5))
    snapshot = store.snapshot()
    [written] = export_labels(
        path, snapshot, store.shape, SIZES[name], "micrometer", before
    )
    assert written.caution == ""
    assert strokes_before(path) == before
    [read] = import_labels(path, store.shape, TWO, snapshot)
    assert read.before == before


def test_a_file_that_cannot_keep_it_says_so(tmp_path):
    store, path = LabelStore((5, 6, 7)), tmp_path / "a.npy"
    store.read_all(with_strokes(5))
    given = (store.snapshot(), store.shape, (1, 1, 1), "pixel")
    [written] = export_labels(path, *given, 4)
    assert "that 4 of its strokes" in written.caution
    assert "--before 4" in written.caution
    assert strokes_before(path) is None
    for before in (None, 5, 9):  # all of them, as in a file that tells nothing
        [written] = export_labels(path, *given, before)
        assert written.caution == ""


def test_more_strokes_than_there_are_are_all(tmp_path):
    path = tmp_path / "a.tif"
    save_annotation(path, with_strokes(5), (1, 1, 1), before=9)
    [read] = import_labels(path, (5, 6, 7), TWO, LabelStore((5, 6, 7)).snapshot())
    assert read.before is None


@pytest.mark.parametrize("number", ["true", '"4"', "-1", "4.5", "null", "[4]"])
def test_a_number_that_is_none_is_not_believed(tmp_path, number):
    save_annotation(tmp_path / "a.zarr", painted(), (1, 1, 1), before=4)
    place = tmp_path / "a.zarr" / "zarr.json"
    text = place.read_text()
    assert f'"{KEY}": 4' in text
    place.write_text(text.replace(f'"{KEY}": 4', f'"{KEY}": {number}'))
    assert strokes_before(tmp_path / "a.zarr") is None


def test_files_of_others_tell_nothing(tmp_path):
    (tmp_path / "no.tif").write_bytes(b"no TIFF")
    imsave(tmp_path / "a.png", painted()[0], check_contrast=False)
    for name in ("no.tif", "a.png", "missing.tif", "."):
        assert strokes_before(tmp_path / name) is None


def test_an_import_tells_where_it_differs(tmp_path):
    path = tmp_path / "labels.npy"
    np.save(path, painted())
    store = LabelStore((5, 6, 7))
    mine = painted()
    mine[0, 0] = (0, 2, 0, 2, 0, 1, 0)
    store.read_all(mine)
    [read] = import_labels(path, store.shape, TWO, store.snapshot())
    assert read.indices.tolist() == [1, 5]
    assert read.values.tolist() == [1, 0]
    assert np.array_equal(read.labels, painted())
    store.write(read.indices, read.values)
    assert np.array_equal(store.dense(), painted())


def test_an_import_tells_what_to_know_of_the_file(tmp_path):
    path = tmp_path / "labels.jpg"
    imsave(path, np.ones((8, 8), np.uint8), check_contrast=False)
    [read] = import_labels(path, (8, 8), TWO, LabelStore((8, 8)).snapshot())
    assert "JPEG" in read.cautions[0]


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        (np.zeros((5, 6, 8), np.uint8), r"shape \(5, 6, 8\)"),
        (np.full((5, 6, 7), 3, np.uint8), "go up to 3 .*2 = fiber: say which value"),
        (np.arange(210).reshape(5, 6, 7) % 4, "add classes first, or import them"),
        (np.full((5, 6, 7), -1, np.int16), "from -1"),
        (np.full((5, 6, 7), 0.5, np.float32), "not whole numbers"),
    ],
)
def test_labels_that_do_not_fit(tmp_path, labels, sentence):
    path = tmp_path / "labels.npy"
    np.save(path, labels)
    with pytest.raises(InputError, match=sentence):
        load_annotation(path, (5, 6, 7), TWO)


def test_a_time_series_is_not_exported(tmp_path):
    with pytest.raises(InputError, match="4 axes"):
        save_annotation(tmp_path / "a.tif", np.zeros((2, 3, 4, 5), np.uint8), (1,) * 4)


def test_classes_go_out_and_come_back(tmp_path):
    table = ClassTable.of(["matrix, gray", 'so "called"', "Füllung"])
    save_classes(tmp_path / "classes.csv", table)
    assert load_classes(tmp_path / "classes.csv") == table


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read"),
        (b"label,name,color\n1,F\xfcllung,\n", "UTF-8"),
        (b"label,name,color\n1,a,\n1,b,\n", "classes.csv: Line 3"),
    ],
)
def test_classes_that_cannot_be_read(tmp_path, content, sentence):
    path = tmp_path / "classes.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        load_classes(path)
