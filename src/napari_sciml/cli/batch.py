"""What commands show of many files: a line each, and at the end what to look into."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from napari_sciml.cli.terminal import print_summary, say
from napari_sciml.images.units import unit_symbol
from napari_sciml.io.images.text import listed
from napari_sciml.progress import duration

if TYPE_CHECKING:
    from napari_sciml.workflows.batch.driver import FileEnded
    from napari_sciml.workflows.batch.result import BatchResult

SOME_FAILED = 3
"""Exit code where some files, or all, have no result."""


def tell_file(one: "FileEnded") -> None:
    """Print the line of a file, above the progress, on standard error."""
    if one.state == "failed":
        words = f"not done: {one.error}"
    else:
        words = ", ".join([*_facts(one.summary), *_time(one)])
        words += f"; {len(one.cautions)} cautions" if len(one.cautions) > 1 else ""
        words += "; 1 caution" if len(one.cautions) == 1 else ""
    say(f"{one.number} of {one.total}  {one.image.name}: {words}{_left(one)}")


def end_batch(result: "BatchResult", as_json: bool) -> None:
    """Print what many files have come to; leave with `SOME_FAILED` where some did."""
    print_summary(result.as_dict() if as_json else _summary(result), as_json)
    if result.failed:
        raise typer.Exit(SOME_FAILED)


def _summary(result: "BatchResult") -> dict[str, Any]:
    """For people: the files had a line each already."""
    kept = sum(one.state == "kept" for one in result)
    done = f"{len(result.done)} of {len(result)}"
    return {
        "folder": str(result.out),
        "done": f"{done}, {kept} of them before" if kept else done,
        "tables": listed(result.tables) if result.tables else None,
        "cautions": [
            *(_group(names, said) for said, names in result.grouped_cautions),
            *result.cautions,
        ],
        "errors": [_group(names, error) for error, names in result.grouped_errors],
    }


def _group(names: Sequence[str], sentence: str) -> str:
    return f"{listed(names)}: {sentence}"


def _facts(summary: Any) -> list[str]:
    """The few numbers that tell whether a file is as expected."""
    words = []
    if "shape" in summary:
        times = " \N{MULTIPLICATION SIGN} "
        words.append(times.join(str(n) for n in summary["shape"]))
    if "share" in summary:
        words.append(f"{100 * summary['share']:.2g} % {summary['class']}")
    if "fibers" in summary:
        count = summary["fibers"]
        words.append("1 fiber" if count == 1 else f"{count:,} fibers")
        mean = summary["length"]["mean"]
        if mean is not None:
            words.append(f"{mean:.3g} {unit_symbol(summary['unit'])} long on average")
    return words


def _time(one: "FileEnded") -> list[str]:
    return ["was there"] if one.state == "kept" else [_short(one.seconds)]


def _left(one: "FileEnded") -> str:
    if one.number == one.total or one.seconds_left < 1:
        return ""
    return f" ({_short(one.seconds_left)} left)"


def _short(seconds: float) -> str:
    return duration(seconds) if seconds >= 10 else f"{seconds:.1f} s"
