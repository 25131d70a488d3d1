"""Two workers on this machine, each a process."""

from contextlib import nullcontext

import pytest

from napari_sciml.cluster.client import connect
from napari_sciml.cluster.executor import Workers


@pytest.fixture(scope="session")
def client():
    pytest.importorskip("distributed", reason="needs napari-sciml[cluster]")
    with connect("local", workers=2) as client:
        client.wait_for_workers(2, timeout=60)
        yield client


@pytest.fixture
def start(client):
    """Gives these workers to a driver."""
    return lambda folder: nullcontext(Workers(client, folder))
