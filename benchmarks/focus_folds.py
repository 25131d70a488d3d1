"""Judge the recipe of the shipped weights on instruments that a model never saw.

    python benchmarks/focus_folds.py FOLDER ... --models MODELS [--network focusnet]

MODELS holds ``NETWORK_fold0_seed0`` …: models of focus_weights.py that each left out
one fold of the instruments in focus_training.json. For every seed the fields of all
folds are put together, each rated by the model that left its instrument out; the
worst seed is what counts. Test blur and noise are those of focus_parts.py.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from focus_images import Photograph, photographs
from focus_parts import EXPOSURES, FAMILIES, few, prepared, rated, tile_ece

from focus import print_table
from napari_sciml.focus.model import load_focus

FIVE = ("airy", "airy, NA 0.8", "thick", "disk", "gaussian")
SEED = 7


def main() -> None:
    """Rate all left-out fields and print tables in markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--network", default="focusnet")
    parser.add_argument("--out", type=Path, help="JSON file to write.")
    options = parser.parse_args()
    images = photographs(options.folders)
    tables: dict[int, list[pd.DataFrame]] = {}
    found = options.models.glob(f"{options.network}_fold*_seed*")
    for folder in sorted(path for path in found if path.is_dir()):
        fold, seed = (int(part[4:]) for part in folder.name.split("_")[-2:])
        left_out = [p for p in images if p.fold == fold]
        tables.setdefault(seed, []).append(_one(folder, left_out))
    rows = [row for seed, parts in tables.items() for row in _rows(seed, parts)]
    print_table(rows)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _one(folder: Path, left_out: list[Photograph]) -> pd.DataFrame:
    """Rate the left-out fields: the matched PSF at all exposures, the rest at one."""
    models = {"model": load_focus(folder)}
    fields = [(p.instrument, prepared(p.image)) for p in left_out]
    plans = [("airy", exposure) for exposure in EXPOSURES]
    plans += [(family, 1.0) for family in list(FAMILIES)[1:]]
    parts = [
        rated(models, fields, family, exposure, SEED).assign(
            family=family, exposure=exposure
        )
        for family, exposure in plans
    ]
    # Fields are counted over all folds.
    table = pd.concat(parts)
    return table.assign(field=folder.name + table.field.astype(str))


def _rows(seed: int, parts: list[pd.DataFrame]) -> list[dict[str, Any]]:
    whole = pd.concat(parts)
    matched = whole[whole.family == "airy"]
    once = whole[whole.exposure == 1.0]
    groups = [("airy, all exposures", matched)]
    groups += [
        (i, matched[matched.instrument == i]) for i in matched.instrument.unique()
    ]
    groups += [(f"{f}, exposure 1", once[once.family == f]) for f in FAMILIES]
    rows = []
    for what, table in groups:
        exact, within, rho, f1 = few(table)
        rows.append(
            {
                "seed": seed, "test": what, "fields": table.field.nunique(),
                "exact": exact, "±1": within, "rank": rho, "F1": f1,
                "tile ECE": tile_ece(table), "blank tiles": float(table.blank.mean()),
            }
        )  # fmt: skip
    five = [
        row for row in rows if str(row["test"]).removesuffix(", exposure 1") in FIVE
    ]
    worst = {k: float(np.min([r[k] for r in five])) for k in ("±1", "rank", "F1")}
    return [*rows, {"seed": seed, "test": "worst of five families", **worst}]


if __name__ == "__main__":
    main()
