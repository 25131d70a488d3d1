"""Training steps and predictions against DLSIA 0.3.4, interleaved in one run.

    python benchmarks/speed.py [--threads 2] [--out speed.json]

Every round times one step of theirs and one of each of ours, on the same image and
with another member of an ensemble of five; the table shows medians over the rounds of
the ratio within a round. DLSIA runs in a virtual environment of its own, which is made
on the first run (1.5 GB), or is given by ``--reference-python``.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from dlsia_worker import SHAPES, dims_of, serve
from environments import python_with
from torch import nn

HERE = Path(__file__).parent
TORCH = "torch==2.13.0"
NEEDED = ["numpy", "scipy", "networkx", "matplotlib", "scikit-learn", "scikit-image"]
NEEDED += ["einops", "pandas", "plotly", "tqdm", "torchmetrics"]
MEMBERS = 5
CASES = [
    # ours, theirs, precision, least ratio of training and of prediction
    ("literal 3d", "smsnet 3d", "fp32", 2.5, None),
    ("literal 3d", "smsnet 3d", "bf16", 4.5, 4.0),
    ("default 3d", "smsnet 3d", "fp32", None, None),
    ("default 3d", "smsnet 3d", "bf16", 11.0, 11.0),
    ("default 2d", "smsnet 2d", "fp32", None, None),
    ("default 2d", "smsnet 2d", "bf16", 6.0, 7.0),
    ("msdnet 3d", "msdnet 3d", "fp32", None, None),
    ("msdnet 3d", "msdnet 3d", "bf16", 12.0, None),
]
REFERENCES = ("smsnet 3d", "smsnet 2d", "msdnet 3d")


def build(case: str, seed: int) -> nn.Module:
    """Make one of our networks; runs in a worker process."""
    from napari_sciml.networks.build import build_network
    from napari_sciml.networks.config import GraphLaw, MSDNetConfig, SMSNetConfig

    law = GraphLaw(nodes=25, k_max=8)
    literal = SMSNetConfig(law=law, width=3, combine="concat", parameters=45_000)
    kinds = {"literal": literal, "default": SMSNetConfig(), "msdnet": MSDNetConfig()}
    config = kinds[case.split()[0]]
    dims = int(dims_of(case)[0])
    return build_network(config, in_channels=1, classes=2, dims=dims, seed=seed)


class Process:
    """A worker that answers orders."""

    def __init__(self, command: list[str], threads: int) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )

    def ask(self, do: str, case: str, seed: int = 0, **more: Any) -> dict[str, Any]:
        """Send an order and wait for the answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        order = {"do": do, "case": case, "seed": seed, **more}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the worker ended at {order}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def close(self) -> None:
        """Let the process end."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def reference_python() -> str:
    """Python of a virtual environment with DLSIA, which is made when missing."""
    # Its pins are older than any Python here; what it imports is enough.
    return python_with("dlsia", [TORCH, *NEEDED], ["--no-deps", "dlsia==0.3.4"])


def time_rounds(
    ours: Process, theirs: Process, rounds: int, cases: list[Any]
) -> list[dict[str, Any]]:
    """Steps of all, one after the other, again and again."""
    rows = []
    for number in range(rounds):
        seed = number % MEMBERS
        for reference in REFERENCES:
            chosen = [c for c in cases if c[1] == reference]
            for what in ("train", "predict") if chosen else ():
                more = {"seed": seed, "warm": number < MEMBERS}
                base = theirs.ask(what, reference, precision="fp32", **more)
                for name, _, precision, *_ in chosen:
                    own = ours.ask(what, name, precision=precision, **more)
                    key = {"case": name, "precision": precision, "what": what}
                    rows.append({**key, "round": number, "ours": own, "theirs": base})
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return rows


def peak_memory(
    commands: dict[str, list[str]], threads: int, cases: list[Any]
) -> dict[str, int]:
    """Growth of memory during the first step of a fresh process."""
    found = {}
    names = {(c[0], c[2], "ours") for c in cases}
    names |= {(c[1], "fp32", "theirs") for c in cases}
    for name, precision, side in sorted(names):
        for what in ("train", "predict"):
            worker = Process(commands[side], threads)
            answer = worker.ask("memory", name, precision=precision, what=what)
            worker.close()
            found[f"{side} {name} {precision} {what}"] = answer["bytes"]
    return found


def machine_peak(threads: int) -> dict[str, float]:
    """GFLOP/s of a matrix product and of a wide convolution, the better of them."""
    torch.set_num_threads(threads)
    found = {}
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        a, b = (torch.randn(1024, 1024).to(dtype) for _ in range(2))
        x = torch.randn(1, 32, 48, 48, 48).to(dtype)
        x = x.contiguous(memory_format=torch.channels_last_3d)
        convolution = nn.Conv3d(32, 32, 3, padding=1, bias=False).to(dtype)
        with torch.inference_mode():
            product = fastest(lambda a=a, b=b: torch.mm(a, b))
            wide = fastest(lambda x=x, c=convolution: c(x))
        rates = 2 * 1024**3 / product, 2 * 27 * 32**2 * 48**3 / wide
        found[name] = max(rates) / 1e9
    return found


def fastest(run: Any, times: int = 7) -> float:
    found = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        found.append(time.perf_counter() - started)
    return min(found)


def table(report: dict[str, Any]) -> str:
    """Markdown."""
    columns = ["ours", "numbers", "step", "ours (s)", "DLSIA (s)", "ratio", "range"]
    columns += ["wanted", "GFLOP/s", "of peak", "memory ours/DLSIA (MB)", "ratio"]
    lines = ["| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|"]
    clock = report["clock"]
    for case, reference, precision, *wanted in CASES:
        for what, least in zip(("train", "predict"), wanted, strict=True):
            rows = [
                r
                for r in report["rows"]
                if (r["case"], r["precision"], r["what"]) == (case, precision, what)
            ]
            if not rows:
                continue
            ours = statistics.median(r["ours"][clock] for r in rows)
            theirs = statistics.median(r["theirs"][clock] for r in rows)
            ratios = [r["theirs"][clock] / r["ours"][clock] for r in rows]
            voxels = torch.Size(SHAPES[dims_of(case)]).numel()
            work = 2 * report["weights"][case] * voxels * (3 if what == "train" else 1)
            rate = work / 1e9 / ours
            cells = [case, precision, what, f"{ours:.3f}", f"{theirs:.3f}"]
            cells += [f"**{statistics.median(ratios):.1f}**"]
            cells += [f"{min(ratios):.1f}-{max(ratios):.1f}"]
            cells += ["" if least is None else f"{least:g}", f"{rate:.0f}"]
            cells += [f"{rate / report['peak'][precision]:.0%}"]
            cells += memory_cells(report["memory"], case, reference, precision, what)
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def memory_cells(
    memory: dict[str, int], case: str, reference: str, precision: str, what: str
) -> list[str]:
    if not memory:
        return ["", ""]
    own = memory[f"ours {case} {precision} {what}"]
    base = memory[f"theirs {reference} fp32 {what}"]
    return [f"{own / 1e6:.0f} / {base / 1e6:.0f}", f"{own / base:.2f}"]


def measure(given: argparse.Namespace) -> dict[str, Any]:
    python = given.reference_python or reference_python()
    commands = {
        "theirs": [python, str(HERE / "dlsia_worker.py")],
        "ours": [sys.executable, str(Path(__file__)), "--worker"],
    }
    cases = CASES[:4] if given.quick else CASES
    ours = Process(commands["ours"], given.threads)
    theirs = Process(commands["theirs"], given.threads)
    built = {c[0]: ours.ask("build", c[0]) for c in cases}
    built_theirs = {c[1]: theirs.ask("build", c[1]) for c in cases}
    rows = time_rounds(ours, theirs, 1 if given.quick else given.rounds, cases)
    ours.close()
    theirs.close()
    memory = {} if given.quick else peak_memory(commands, given.threads, cases)
    return {
        "threads": given.threads,
        # Another program on the machine adds to wall time but not to CPU time;
        # several threads wait for each other by computing.
        "clock": "cpu" if given.threads == 1 else "wall",
        "parameters": {
            k: v["parameters"] for k, v in {**built, **built_theirs}.items()
        },
        "weights": {k: v["weights"] for k, v in built.items()},
        "peak": machine_peak(given.threads),
        "memory": memory,
        "rows": rows,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, choices=(1, 2), default=1)
    parser.add_argument("--rounds", type=int, default=MEMBERS)
    parser.add_argument("--reference-python", help="of an environment with dlsia")
    parser.add_argument("--out", type=Path, help="JSON file with every single time")
    parser.add_argument("--quick", action="store_true", help="one round, fewer cases")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        serve(build)
        return
    report = measure(given)
    if given.out:
        given.out.write_text(json.dumps(report, indent=1))
    print(table(report))
    peak = ", ".join(f"{k} {v:.0f}" for k, v in report["peak"].items())
    print(f"\nClock: {report['clock']}. Parameters: {report['parameters']}.")
    print(f"Peak of the machine, {given.threads} threads: {peak} GFLOP/s.")


if __name__ == "__main__":
    main()
