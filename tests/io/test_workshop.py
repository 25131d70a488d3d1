"""Hidden folders of results: none is left, whenever a run is killed."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from napari_sciml.io.atomic import MANIFEST, atomic_path
from napari_sciml.io.process import this_process
from napari_sciml.io.workshop import NEW_OWNER, OWNER, make_workshop, remove_abandoned


def write_file(path, text="new"):
    with atomic_path(path) as temporary:
        temporary.write_text(text)


def names(folder):
    return sorted(p.name for p in folder.iterdir() if p.name != MANIFEST)


def killed_while_writing(folder):
    """Write in another process that is killed; what it leaves."""
    code = f"""
import os, signal
from napari_sciml.io.atomic import atomic_path
with atomic_path({str(folder / "mask.zarr")!r}) as fresh:
    fresh.mkdir()
    (fresh / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = folder.iterdir()
    return left


def test_the_next_run_removes_what_a_killed_one_left(tmp_path):
    left = killed_while_writing(tmp_path)
    write_file(tmp_path / "other.zarr")
    assert left.exists()
    write_file(tmp_path / "mask.zarr")
    assert names(tmp_path) == ["mask.zarr", "other.zarr"]


KILLED_BETWEEN = """
import os, signal, sys
from napari_sciml.io.atomic import atomic_path
final = sys.argv[1]

def die_before_the_second_rename(event, given):
    if event == "os.rename" and str(given[1]) == final:
        os.kill(os.getpid(), signal.SIGKILL)

def write(text):
    with atomic_path(final) as fresh:
        fresh.mkdir()
        (fresh / "a.txt").write_text(text)

write("old")
sys.addaudithook(die_before_the_second_rename)
write("new")
"""


@pytest.mark.parametrize("other", ["ends well", "fails"])
def test_killed_between_the_renames_the_new_result_is_there_next_time(tmp_path, other):
    final = tmp_path.resolve() / "result"
    command = [sys.executable, "-c", KILLED_BETWEEN, str(final)]
    done = subprocess.run(command, check=False)
    assert done.returncode == -signal.SIGKILL
    assert not final.exists()
    with suppress(KeyboardInterrupt), atomic_path(final) as fresh:
        assert (final / "a.txt").read_text() == "new"
        if other == "fails":
            raise KeyboardInterrupt
        fresh.mkdir()
        (fresh / "a.txt").write_text("newest")
    assert names(tmp_path) == ["result"]
    expected = "new" if other == "fails" else "newest"
    assert (final / "a.txt").read_text() == expected


@pytest.mark.parametrize("owner", ["alive", "elsewhere", "unknown"])
def test_what_may_still_be_written_stays(tmp_path, owner):
    left = killed_while_writing(tmp_path)
    note = left / OWNER
    held = json.loads(note.read_text())
    if owner == "alive":
        note.write_text(json.dumps(this_process()))
    elif owner == "elsewhere":
        note.write_text(json.dumps({**held, "host": "another machine"}))
        os.utime(note, (0, 0))
    else:
        note.unlink()
    write_file(tmp_path / "mask.zarr")
    assert (left / "mask.zarr" / "half").exists()


KILLED_AT_EACH_STEP = """
import os, signal, sys
from pathlib import Path
from napari_sciml.io.atomic import atomic_path

STEPS = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "open")
final = Path(sys.argv[1])

def write(text):
    with atomic_path(final) as fresh:
        fresh.mkdir()
        (fresh / "a.txt").write_text(text)

def killed(step):
    def count(event, given):
        nonlocal step
        if event in STEPS:
            step -= 1
            if step < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    number = os.fork()
    if not number:
        sys.addaudithook(count)
        write("new")
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) < 0

write("old")
step = 0
while killed(step):
    if (final / "a.txt").exists():  # not between the two renames
        assert (final / "a.txt").read_text() in ("old", "new")
    write("old")
    left = {p.name for p in final.parent.iterdir()}
    assert left == {final.name}, f"{left} after a kill at step {step}"
    assert (final / "a.txt").read_text() == "old"
    step += 1
print(step)
"""


def test_killed_at_any_step_nothing_is_left_after_the_next_run(tmp_path):
    command = [sys.executable, "-c", KILLED_AT_EACH_STEP, str(tmp_path / "result")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 10


@pytest.mark.parametrize("half", ["nothing", "half of its owner"])
def test_what_was_killed_before_it_was_signed_goes(tmp_path, half):
    left = make_workshop(tmp_path / "result")
    (left / OWNER).unlink()
    if half != "nothing":
        (left / NEW_OWNER).write_text('{"pid":')
    remove_abandoned(tmp_path / "result")
    assert not left.exists()


def test_a_run_whose_folder_was_taken_for_abandoned_makes_another(
    tmp_path, monkeypatch
):
    """Another run looks just when the folder is there and not yet signed."""
    rename, taken = os.rename, []

    def look_first(old, new):
        if not taken:
            taken.append(old)
            remove_abandoned(tmp_path / "result")
        rename(old, new)

    monkeypatch.setattr(os, "rename", look_first)
    write_file(tmp_path / "result", "mine")
    assert taken
    assert names(tmp_path) == ["result"]
    assert (tmp_path / "result").read_text() == "mine"
