import errno
import os

import pytest
import zarr

from napari_sciml.errors import InputError
from napari_sciml.io import atomic
from napari_sciml.io.atomic import MANIFEST, atomic_path, check_target


def write_file(path, text="new"):
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def write_folder(path, **files):
    with atomic_path(path) as temporary:
        temporary.mkdir()
        for name, text in files.items():
            (temporary / name).write_text(text)


def write_half_a_folder(path, error):
    with atomic_path(path) as temporary:
        temporary.mkdir()
        (temporary / "half").write_text("half")
        raise error


def names(folder):
    return sorted(p.name for p in folder.iterdir() if p.name != MANIFEST)


def test_file_appears_when_the_block_ends(tmp_path):
    final = tmp_path / "a" / "b" / "mask.ome.tif"
    with atomic_path(final) as temporary:
        assert temporary.name == final.name
        temporary.write_text("new")
        assert not final.exists()
    assert final.read_text() == "new"
    assert names(final.parent) == ["mask.ome.tif"]


def test_older_file_is_replaced(tmp_path):
    final = tmp_path / "a.csv"
    final.write_text("old")
    write_file(final)
    assert final.read_text() == "new"
    assert names(tmp_path) == ["a.csv"]


def test_older_folder_of_ours_is_replaced(tmp_path):
    final = tmp_path / "model"
    write_folder(final, one="1", two="2")
    write_folder(final, three="3")
    assert names(final) == ["three"]
    assert names(tmp_path) == ["model"]


def test_empty_folder_is_replaced(tmp_path):
    (tmp_path / "out").mkdir()
    write_folder(tmp_path / "out", one="1")
    assert names(tmp_path / "out") == ["one"]


def test_our_zarr_is_replaced_and_holds_no_foreign_file(tmp_path):
    final = tmp_path / "a.zarr"
    for name in ("first", "second"):
        with atomic_path(final) as temporary:
            group = zarr.create_group(str(temporary), attributes={"napari_sciml": {}})
            group.create_group(name)
    assert names(final) == ["second", "zarr.json"]
    assert not (final / MANIFEST).exists()


def test_link_is_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "link.csv").symlink_to(tmp_path / "disk" / "real.csv")
    write_file(tmp_path / "link.csv")
    assert (tmp_path / "disk" / "real.csv").read_text() == "new"
    assert (tmp_path / "link.csv").is_symlink()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("kind", ["nothing", "file", "folder"])
def test_interruption_leaves_everything_as_it_was(tmp_path, error, kind):
    final = tmp_path / "out"
    if kind == "file":
        final.write_text("old")
    if kind == "folder":
        write_folder(final, old="old")
    before = names(tmp_path)
    with pytest.raises(error):
        write_half_a_folder(final, error)
    assert names(tmp_path) == before
    if kind == "file":
        assert final.read_text() == "old"
    if kind == "folder":
        assert names(final) == ["old"]


def test_interruption_while_folders_are_swapped(tmp_path, monkeypatch):
    final = tmp_path / "out"
    write_folder(final, old="old")
    rename = os.rename

    def interrupted(source, target):
        if target == final and source.name != "previous":
            raise KeyboardInterrupt
        rename(source, target)

    monkeypatch.setattr(atomic.os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_folder(final, new="new")
    assert names(tmp_path) == ["out"]
    assert names(final) == ["old"]


def refused(path, *, match):
    with pytest.raises(InputError, match=match) as caught:
        write_folder(path, new="new")
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_folder_of_somebody_else_is_kept(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    refused(tmp_path, match="holds 'thesis.tex', which napari-sciml did not write")
    assert names(tmp_path) == ["thesis.tex"]


def test_file_that_was_added_to_our_folder_is_kept(tmp_path):
    final = tmp_path / "out"
    write_folder(final, one="1")
    (final / "notes.txt").write_text("mine")
    refused(final, match="'notes.txt'")
    assert names(final) == ["notes.txt", "one"]


def test_zarr_of_somebody_else_is_kept(tmp_path):
    zarr.create_group(str(tmp_path / "image.zarr"), attributes={"scan": 7})
    refused(tmp_path / "image.zarr", match="did not write")


def test_folder_does_not_replace_a_file(tmp_path):
    (tmp_path / "out").write_text("old")
    refused(tmp_path / "out", match="is a file")
    assert (tmp_path / "out").read_text() == "old"


def test_parent_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("old")
    refused(tmp_path / "file" / "deep" / "out", match="is a file; choose another")


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_parent_that_cannot_be_written():
    with pytest.raises(InputError, match="/proc/out cannot be written"):
        write_folder("/proc/out", new="new")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="needs POSIX permissions")
def test_read_only_parent(tmp_path, monkeypatch):
    # Root may write anywhere, so that the answer of the system is replaced.
    monkeypatch.setattr(atomic.os, "access", lambda path, mode: False)
    refused(tmp_path / "out", match="read-only for you")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_full_disk_is_told(tmp_path):
    with (
        pytest.raises(InputError, match=r"no space left.*free some space"),
        atomic_path(tmp_path / "a.csv"),
        open("/dev/full", "w") as full,
    ):
        full.write("x")
    assert names(tmp_path) == []


def test_other_system_errors_of_the_block_pass_through(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "a.csv"):
        (tmp_path / "missing").read_text()


def test_block_that_writes_nothing_is_a_mistake(tmp_path):
    with (
        pytest.raises(RuntimeError, match="nothing was written"),
        atomic_path(tmp_path / "a"),
    ):
        pass


def test_error_while_the_result_is_moved(tmp_path, monkeypatch):
    def fail(source, target):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(atomic.os, "replace", fail)
    with pytest.raises(InputError, match=r"\(input/output error\)"):
        write_file(tmp_path / "a.csv")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("existing", "folder", "match"),
    [
        ("file", True, "is a file"),
        ("folder", False, "is a folder"),
        ("file", False, None),
        ("folder", True, None),
        ("file", None, None),
    ],
)
def test_target_is_checked_before_the_work(tmp_path, existing, folder, match):
    final = tmp_path / "out"
    final.write_text("") if existing == "file" else final.mkdir()
    if match is None:
        check_target(final, folder=folder)
    else:
        with pytest.raises(InputError, match=match):
            check_target(final, folder=folder)
    assert names(tmp_path) == ["out"]
