import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from pydantic import BaseModel

from napari_sciml.io.provenance import jsonable, provenance


class Config(BaseModel):
    steps: int = 3
    out: Path = Path("a")


def test_record_tells_what_ran_where_and_when():
    record = provenance(image=Path("a.tif"), shape=(4, 5), dtype=np.dtype("u2"), seed=7)
    assert record["image"] == "a.tif"
    assert (record["shape"], record["dtype"], record["seed"]) == ([4, 5], "uint16", 7)
    assert {"napari-sciml", "torch", "numpy"} <= record["packages"].keys()
    assert record["packages"]["numpy"] == np.__version__
    assert datetime.fromisoformat(record["time"]).utcoffset().total_seconds() == 0
    assert json.loads(json.dumps(record, allow_nan=False)) == record


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.bool_(True), True),
        (np.arange(4).reshape(2, 2), [[0, 1], [2, 3]]),
        (float("inf"), None),
        (np.array([np.nan, 1]), [None, 1.0]),
        (Config(), {"steps": 3, "out": "a"}),
        ({1: (None, True)}, {"1": [None, True]}),
        (slice(1, 2), "slice(1, 2, None)"),
    ],
)
def test_values_become_json(value, expected):
    assert jsonable(value) == expected


def test_torch_is_not_imported():
    code = (
        "import sys; from napari_sciml.io.models import folder; "
        "from napari_sciml.io.results import arrays, predictions; "
        "from napari_sciml.io.provenance import provenance; provenance(); "
        "assert 'torch' not in sys.modules and 'zarr' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
