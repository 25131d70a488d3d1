"""How well focus is rated: held-out instruments, real stack, blank tiles, speed.

    python benchmarks/focus.py DATA [--model FOLDER ...] [--part NAME ...]
    python benchmarks/focus.py --bbbc006 FOLDER [--model FOLDER]

DATA is the folder of the files that focus_manifest.json lists; they are checked by
SHA-256. Of the test instruments the shipped weights saw BBBC006 and BBBC007;
Vitra was never seen, nor was Fly, whose cell line is that of BBBC007. The blur of the
test is made by
other code than that of the training (double precision, true Poisson noise), with
two families of PSF that no training saw: spherical aberration and a six-bladed iris.
Every number is over fields, not tiles; intervals are a bootstrap over fields. No tile
is dropped: the share that the model calls blank is reported beside the errors.

BBBC006 (real planes, 2 µm apart) is yours to download: a folder with the images of
the z-planes in it, as the Broad Institute packs them. Only that run may be compared
with the paper.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from focus_parts import PARTS, bbbc006, verified

from napari_sciml.focus.model import FocusModel, load_focus, pretrained


def main() -> None:
    """Run the parts and print tables in markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--model", type=Path, action="append", default=[])
    parser.add_argument("--part", choices=list(PARTS), action="append", default=[])
    parser.add_argument("--bbbc006", type=Path)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, help="JSON file to write.")
    options = parser.parse_args()
    models: dict[str, FocusModel] = {str(p.name): load_focus(p) for p in options.model}
    models = models or {"shipped": pretrained()}
    if options.bbbc006:
        found = {"bbbc006": bbbc006(models, options.bbbc006)}
    elif options.data:
        files = verified(options.data, Path(__file__).with_name("focus_manifest.json"))
        parts = options.part or list(PARTS)
        found = {name: PARTS[name](models, files, options.seed) for name in parts}
    else:
        parser.error("give the folder of the data, or --bbbc006")
    for name, rows in found.items():
        print(f"\n## {name}\n")
        print_table(rows)
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def print_table(rows: list[dict[str, Any]]) -> None:
    """Print rows as a table in markdown."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    print("| " + " | ".join(names) + " |\n|" + " --- |" * len(names))
    for row in rows:
        print("| " + " | ".join(_text(row.get(name, "")) for name in names) + " |")


def _text(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
