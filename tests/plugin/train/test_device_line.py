"""The line that says where a training computes never waits for an import."""

import importlib
import threading

import pytest

from napari_sciml.plugin.train import device_line
from napari_sciml.plugin.train.device_line import is_imported

SLOW = """
import builtins
builtins.begun.set()
assert builtins.go_on.wait(20)
"""


def test_what_a_job_is_importing_is_not_there_yet(tmp_path, monkeypatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr("builtins.begun", begun, raising=False)
    monkeypatch.setattr("builtins.go_on", go_on, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "slow_to_import.py").write_text(SLOW)
    assert not is_imported("slow_to_import")
    job = threading.Thread(target=importlib.import_module, args=("slow_to_import",))
    job.start()
    assert begun.wait(20)
    assert not is_imported("slow_to_import")
    go_on.set()
    job.join()
    assert is_imported("slow_to_import")


@pytest.mark.gui
def test_the_window_finds_out_in_a_thread_meanwhile(qtbot, monkeypatch) -> None:
    import torch

    asked = []

    def describe(name: str) -> str:
        asked.append(threading.current_thread())
        return f"{name} here"

    monkeypatch.setattr(device_line, "describe_device", describe)
    line = device_line.DeviceLine()
    qtbot.addWidget(line)
    monkeypatch.setattr(torch.__spec__, "_initializing", True)
    qtbot.waitUntil(lambda: line.text() == "Computes on: auto here")
    assert asked[-1] is not threading.main_thread()
