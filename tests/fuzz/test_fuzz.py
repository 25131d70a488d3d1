"""A minute of the fuzzer, always the same cases; and that it would notice."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from mutations import spoil

from fuzz import HERE, _problem

CASES = 60
PROGRESS = "Predicting  ━━━━ 0:00:01\n"


@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform != "linux", reason="needs fork and limits of Linux")
def test_spoiled_files_are_read_or_refused_in_one_sentence(tmp_path: Path) -> None:
    script = [sys.executable, str(HERE / "fuzz.py"), "--cases", str(CASES)]
    given = ["--seed", "1", "--minutes", "2", "--folder", str(tmp_path / "files")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [*script, *given], capture_output=True, text=True, env=environment, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "exit codes" in ended.stdout


@pytest.mark.parametrize(
    ("code", "said", "problem"),
    [
        (0, "mask: out.tif\n", ""),
        (2, "error: This is wrong; mend it.\n", ""),
        (2, PROGRESS + "error: This is wrong.\n", ""),
        (2, "", "no one sentence"),
        (2, "error: One.\nTwo.\n", "no one sentence"),
        (2, "error: One.\nerror: Two.\n", "no one sentence"),
        (1, "Traceback (most recent call last):\nKeyError: 'a'\n", "KeyError: 'a'"),
        (0, "Traceback (most recent call last):\nKeyError: 'a'\n", "KeyError: 'a'"),
        (0, "x.py:3: RuntimeWarning: overflow\n", "RuntimeWarning: overflow"),
        (1, "", "exit 1"),
        (-9, "", "timeout"),
        (-11, "", "signal 11"),
    ],
)
def test_what_passes(code: int, said: str, problem: str) -> None:
    found = _problem(code, said)
    assert problem in found if problem else found == ""


@pytest.mark.parametrize("name", ["a.json", "a.tif", "a.safetensors", "a.jsonl"])
def test_the_same_number_spoils_in_the_same_way(tmp_path: Path, name: str) -> None:
    content = b'{"a": [1, 2.5, {"b": "c"}], "d": null}'
    if name.endswith("safetensors"):
        content = len(content).to_bytes(8, "little") + content + bytes(16)
    found = []
    for _ in range(2):
        path = tmp_path / name
        path.write_bytes(content)
        rng = random.Random("0/3")
        told = [bytes_told(path, rng) for _ in range(20)]
        found.append((told, path.read_bytes()))
    assert found[0] == found[1]
    assert found[0][1] != content


def bytes_told(path: Path, rng: random.Random) -> str:
    """Spoil once more, but what is no file any more."""
    state = rng.getstate()
    if rng.random() < 0.03:
        return "left as it is"
    rng.setstate(state)
    return spoil(path, rng)
