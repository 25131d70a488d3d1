"""DLSIA 0.3.4 in `race.py`: five SMSNets that train on, a crop a round each."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from race_cases import Case
from race_methods import Answer, Method
from speed import Process, reference_python

WORKER = Path(__file__).with_name("race_dlsia_worker.py")


class Dlsia(Method):
    """Talks to the worker; its CPU seconds are reported by it."""

    def __init__(self, case: Case, seed: int, threads: int) -> None:
        self.folder = tempfile.TemporaryDirectory()
        source = Path(self.folder.name)
        np.save(source / "image.npy", case.image.astype(np.float32))
        command = [reference_python(), str(WORKER), str(source), str(seed)]
        self.process = Process(command, threads)

    def _ask(self, do: str, **more: Any) -> None:
        # `Process` speaks of cases; this worker knows only its own.
        self.cpu_elsewhere = self.process.ask(do, "", **more)["cpu"]

    def learn(self, labels: np.ndarray, rounds: int) -> None:
        """So many steps of each network."""
        np.save(Path(self.folder.name) / "labels.npy", labels)
        self._ask("learn", rounds=rounds)

    def _predict(self, start: int, stop: int) -> np.ndarray:
        self._ask("predict", start=start, stop=stop)
        return np.load(Path(self.folder.name) / "found.npy")

    def slice(self, z: int) -> np.ndarray:
        """Mean of the members, from one half on."""
        return self._predict(z, z + 1).mean(0)[0] > 0.5

    def volume(self) -> Answer:
        """Mean, deviation, and what is above one half by a deviation."""
        used = self.cpu_elsewhere
        found = self._predict(0, -1)
        mean, deviation = found.mean(0), found.std(0, ddof=1)
        self._ask("forget", seconds=self.cpu_elsewhere - used)
        return Answer(mean, deviation, mean - deviation > 0.5)

    def close(self) -> None:
        """End the worker."""
        self.process.close()
        self.folder.cleanup()
