"""Shared fixtures. Threads are limited before torch is imported anywhere."""

import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("QT_QPA_PLATFORM", "xcb")
os.environ["NAPARI_CONFIG"] = ""

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real volumes beside the checkout; tests that need them skip without."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"needs the real volumes in {SHARED_DATA}")
    return SHARED_DATA
