"""Two workers on this machine, each a process."""

import pytest

from napari_sciml.cluster.client import connect


@pytest.fixture(scope="session")
def client():
    pytest.importorskip("distributed", reason="needs napari-sciml[cluster]")
    with connect("local", workers=2) as client:
        client.wait_for_workers(2, timeout=60)
        yield client
