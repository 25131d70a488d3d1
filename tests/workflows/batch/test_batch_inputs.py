"""Which images are meant by files, folders and patterns, and names of results."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from napari_sciml.errors import InputError
from napari_sciml.io.results.batch_record import BatchEntry, BatchRecord, write_batch
from napari_sciml.workflows.batch.inputs import find_images, find_predictions
from napari_sciml.workflows.batch.names import base_name, unique_names


def put(folder: Path, *names: str, shape: tuple[int, ...] = (3, 8, 8)) -> None:
    """Files of any format by their endings; folders of slices end with a slash."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = np.zeros(shape, np.uint8)
        if name.endswith("/"):
            put(path, *(f"s{z:02}.tif" for z in range(3)), shape=(8, 8))
        elif name.endswith(".tif"):
            tifffile.imwrite(path, data, photometric="minisblack")
        elif name.endswith(".npy"):
            np.save(path, data)
        elif name.endswith(".png"):
            Image.fromarray(data.reshape(-1, shape[-1])).save(path)
        elif name.endswith(".zarr"):
            zarr.save_array(str(path), data)
        else:
            path.write_text("text")


def names(found) -> list[str]:
    return [path.name for path in found.paths]


SLICES = [f"z{z}.tif" for z in range(4)]
FOLDERS = [  # what is in it, shape of files, axes of a model, images (None = one stack)
    (SLICES, (8, 8), None, None),
    (SLICES, (8, 8), 3, None),
    (SLICES, (8, 8), 2, SLICES),
    ([*SLICES, "labels.npy"], (8, 8), 3, None),
    (["a.png", "b.png"], (8, 8), 3, None),
    (["a.png", "b.png"], (8, 8), 2, ["a.png", "b.png"]),
    (["s10.tif", "s9.tif"], (3, 8, 8), 3, ["s9.tif", "s10.tif"]),
    (["a.tif", "b.npy", "c.zarr"], (3, 8, 8), 3, ["a.tif", "b.npy", "c.zarr"]),
    (["a.tif", "notes.txt", "._b.tif"], (3, 8, 8), 3, ["a.tif"]),
    (["a.npy", "b.npy"], (8, 8), None, ["a.npy", "b.npy"]),
    (["one.npy"], (3, 8, 8), 3, ["one.npy"]),
    (["x/", "y/"], (3, 8, 8), 3, ["x", "y"]),
    (["a.tif", "x/"], (3, 8, 8), 3, ["a.tif", "x"]),
]


@pytest.mark.parametrize(("files", "shape", "dims", "images"), FOLDERS)
def test_a_folder_is_a_stack_or_many_images(tmp_path, files, shape, dims, images):
    put(tmp_path / "scans", *files, shape=shape)
    found = find_images(tmp_path / "scans", dims=dims)
    assert names(found) == (images or ["scans"])
    assert found.several == (images is not None)
    (told,) = found.told
    assert str(tmp_path / "scans") in told
    assert ('give "' in told) == (images is None), "the way out"


@pytest.mark.parametrize(
    ("dims", "images"), [(2, ["a.tif", "b.tif"]), (None, ["a.tif", "b.tif"]), (3, None)]
)
def test_pictures_of_several_sizes_are_no_stack(tmp_path, dims, images):
    put(tmp_path / "scans", "a.tif", shape=(8, 8))
    put(tmp_path / "scans", "b.tif", shape=(8, 9))
    assert names(find_images(tmp_path / "scans", dims=dims)) == (images or ["scans"])


def test_a_damaged_volume_among_volumes_is_one_of_them(tmp_path):
    put(tmp_path, "a.tif", "b.tif", "c.tif")
    (tmp_path / "b.tif").write_bytes(b"II*\0 no picture")
    assert names(find_images(tmp_path)) == ["a.tif", "b.tif", "c.tif"]


def test_results_of_many_are_never_a_stack(tmp_path):
    put(tmp_path, "a.tif", "b.tif", "c.tif", shape=(8, 8))
    entries = [
        BatchEntry(image=f"/{n}", name=n, result=f"{n}.tif", state=state)
        for n, state in (("a", "done"), ("b", "failed"), ("c", "done"))
    ]
    write_batch(tmp_path, BatchRecord(command="threshold", files=tuple(entries)))
    assert names(find_images(tmp_path)) == ["a.tif", "c.tif"]


def test_patterns(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put(
        tmp_path, "s/a10.tif", "s/a9.tif", "s/b.npy", "s/n.txt", "t/u/c.npy", "x[1].npy"
    )
    assert names(find_images("s/*.tif")) == ["a9.tif", "a10.tif"]
    assert find_images(["s/a9.tif"]).several is False
    assert find_images(["s/a9*"]).several is True
    assert names(find_images(["**/*.npy"])) == ["b.npy", "c.npy", "x[1].npy"]
    assert names(find_images(["x[1].npy"])) == ["x[1].npy"], "there is such a file"
    found = find_images(["s/*", "s/b.npy"])
    assert names(found) == ["a9.tif", "a10.tif", "b.npy"]
    assert [("n.txt" in told, "twice" in told) for told in found.told] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize("pattern", ["*.mrc", "s/*.txt", "[z]"])
def test_a_pattern_without_an_image_is_refused(tmp_path, monkeypatch, pattern):
    monkeypatch.chdir(tmp_path)
    put(tmp_path, "s/n.txt", "s/a.tif")
    with pytest.raises(InputError, match="check the pattern"):
        find_images(["s/a.tif", pattern])


def test_the_output_among_what_a_pattern_matches_is_left_out(tmp_path):
    put(tmp_path, "a.tif", "b.tif", "out/c.npy")
    write_batch(tmp_path / "out", BatchRecord(command="predict"))
    found = find_images(str(tmp_path / "*"), out=tmp_path / "out")
    assert names(found) == ["a.tif", "b.tif"]


def test_an_image_is_no_folder_of_predictions(tmp_path):
    put(tmp_path, "a.zarr")
    assert names(find_predictions(tmp_path / "a.zarr")) == ["a.zarr"]
    assert names(find_predictions(tmp_path)) == [tmp_path.name], "refused when opened"


BASES = [
    ("a.tif", "a"),
    ("a.ome.tif", "a"),
    ("a.ome.zarr", "a"),
    ("a.nii.gz", "a"),
    ("scan.2024.tif", "scan.2024"),
    ("scan 1/", "scan 1"),
    ("v1.2/", "v1.2"),
]


@pytest.mark.parametrize(("name", "base"), BASES)
def test_a_name_without_its_endings(tmp_path, name, base):
    (tmp_path / name).mkdir() if name.endswith("/") else None
    assert base_name(tmp_path / name) == base


COLLISIONS = [
    (["x/a.tif", "x/b.tif"], ["a", "b"]),
    (["x/a.tif", "y/a.tif"], ["x-a", "y-a"]),
    (["x/a.tif", "x/a.npy", "x/a.ome.zarr"], ["x-a", "x-a-2", "x-a-3"]),
    (["x/a.tif", "x/A.tif"], ["x-a", "x-A-2"]),
    (["x/x-a.tif", "x/a.tif", "x/a.npy"], ["x-a", "x-a-2", "x-a-3"]),
    (["x/fibers.csv.tif", "x/batch.npy"], ["x-fibers.csv", "x-batch"]),
]


@pytest.mark.parametrize(("paths", "expected"), COLLISIONS)
def test_no_two_results_have_one_name(paths, expected):
    given = [Path("/data") / path for path in paths]
    found = unique_names(given, taken={"fibers.csv", "batch"})
    assert found == expected
    assert all("/" not in name and name not in (".", "..") for name in found)


def test_names_of_an_earlier_run_stay():
    paths = [Path("/y/a.tif"), Path("/x/a.tif")]
    assert unique_names(paths, given={paths[1]: "a"}) == ["y-a", "a"]
