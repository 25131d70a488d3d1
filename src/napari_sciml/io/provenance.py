"""How a result came about."""

import json
import math
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

_PACKAGES = ("napari-sciml", "torch", "numpy", "scipy", "scikit-image", "zarr")


def provenance(**what: Any) -> dict[str, Any]:
    """Describe the software, the machine, the time, and what is given.

    Parameters
    ----------
    **what
        Anything that the result depends on: image path, shape, dtype, seed,
        configuration … Made JSON-able by `jsonable`.

    Returns
    -------
    dict
        JSON-able.
    """
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {name: _version(name) for name in _PACKAGES},
        **{key: jsonable(value) for key, value in what.items()},
    }


def json_text(value: Any, indent: int | None = None) -> str:
    """Write as JSON of ASCII: pydantic itself refuses names of files of no encoding."""
    return json.dumps(jsonable(value), indent=indent, allow_nan=False)


def jsonable(value: Any) -> Any:
    """Turn paths, numpy values, pydantic models … into what JSON can hold.

    NaN and infinity, which JSON does not know, become None; what has no better
    form becomes its ``str``.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case np.generic() | np.ndarray():
            return jsonable(value.tolist())
        case BaseModel():
            return jsonable(value.model_dump(mode="json"))
        case Mapping():
            return {str(key): jsonable(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [jsonable(item) for item in value]
        case Path():
            return value.as_posix()
        case _:
            return str(value)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
