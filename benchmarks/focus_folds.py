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
from napari_sciml.focus.model import FocusModel, load_focus

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
    found = options.models.glob(f"{options.network}_fold*_seed*")
    models: dict[int, dict[str, FocusModel]] = {}
    for folder in sorted(path for path in found if path.is_dir()):
        fold, seed = (part[4:] for part in folder.name.split("_")[-2:])
        models.setdefault(int(fold), {})[seed] = load_focus(folder)
    table = pd.concat(
        _left_out(fold, seeds, [p for p in images if p.fold == fold])
        for fold, seeds in models.items()
    )
    rows = [row for seed, own in table.groupby("model") for row in _rows(seed, own)]
    print_table(rows)
    if options.out:
        options.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _left_out(
    fold: int, models: dict[str, FocusModel], left_out: list[Photograph]
) -> pd.DataFrame:
    """Rate the left-out fields in every family at every exposure."""
    fields = [(p.instrument, prepared(p.image)) for p in left_out]
    parts = [
        rated(models, fields, family, exposure, SEED).assign(
            family=family, exposure=exposure
        )
        for family in FAMILIES
        for exposure in EXPOSURES
    ]
    # Fields are counted over all folds.
    table = pd.concat(parts)
    return table.assign(field=f"{fold} " + table.field.astype(str))


def _rows(seed: str, whole: pd.DataFrame) -> list[dict[str, Any]]:
    matched = whole[whole.family == "airy"]
    once = whole[whole.exposure == 1.0]
    groups = [
        (i, matched[matched.instrument == i]) for i in matched.instrument.unique()
    ]
    groups += [(f"{f}, exposure 1", once[once.family == f]) for f in FAMILIES]
    groups += [(f"{f}, all exposures", whole[whole.family == f]) for f in FAMILIES]
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
    worst = [_worst_of_five(rows, what) for what in ("exposure 1", "all exposures")]
    return rows + worst


def _worst_of_five(rows: list[dict[str, Any]], exposure: str) -> dict[str, Any]:
    five = [row for row in rows if row["test"] in [f"{f}, {exposure}" for f in FIVE]]
    worst = {k: float(np.min([r[k] for r in five])) for k in ("±1", "rank", "F1")}
    return {**rows[0], **dict.fromkeys(("exact", "tile ECE", "blank tiles"), "")} | {
        "test": f"worst of five families, {exposure}",
        **worst,
    }


if __name__ == "__main__":
    main()
