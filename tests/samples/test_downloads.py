import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_sciml.errors import InputError
from napari_sciml.samples.downloads import POLYMER, RemoteVolume, fetch, load

BYTES = np.arange(24, dtype=np.uint8).tobytes()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[RemoteVolume]:
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "tiny.raw").write_bytes(BYTES)
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/tiny.raw"
        sha256 = hashlib.sha256(BYTES).hexdigest()
        yield RemoteVolume("tiny volume", url, sha256, (2, 3, 4), "uint8", "nobody")
        server.shutdown()


def test_downloads_once_and_reads(remote: RemoteVolume, tmp_path: Path) -> None:
    volume = load(remote, tmp_path / "cache")
    assert volume.axes == ("z", "y", "x")
    assert np.array_equal(volume.data, np.arange(24).reshape(2, 3, 4))
    # The second time the server is not asked: its address may be dead.
    dead = replace(remote, url="http://127.0.0.1:9/tiny.raw")
    assert fetch(dead, tmp_path / "cache").read_bytes() == BYTES


def test_other_bytes_than_expected(remote: RemoteVolume, tmp_path: Path) -> None:
    wrong = replace(remote, sha256="0" * 64)
    with pytest.raises(InputError, match="not the file it should be"):
        fetch(wrong, tmp_path / "cache")
    assert not (tmp_path / "cache" / "tiny.raw").exists()


def test_missing_on_the_server(remote: RemoteVolume, tmp_path: Path) -> None:
    missing = replace(remote, url=remote.url.replace("tiny", "other"))
    with pytest.raises(InputError, match="could not be downloaded"):
        fetch(missing, tmp_path / "cache")


def test_no_network(tmp_path: Path) -> None:
    dead = replace(POLYMER, url="http://127.0.0.1:9/polymer.raw")
    with pytest.raises(InputError, match="polymer scaffold could not be downloaded"):
        load(dead, tmp_path)
    assert not list(tmp_path.glob("*.raw"))


def test_cache_that_cannot_be_written(remote: RemoteVolume, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="could not be"):
        fetch(remote, tmp_path / "file" / "cache")


def test_hash_is_that_of_the_known_volume(shared_data: Path, tmp_path: Path) -> None:
    array = tifffile.imread(shared_data / "quanfima_polymer3d" / "polymer3d_128.tif")
    raw = np.ascontiguousarray(array).tobytes()
    assert hashlib.sha256(raw).hexdigest() == POLYMER.sha256
    (tmp_path / POLYMER.file_name).write_bytes(raw)
    volume = load(POLYMER, tmp_path)
    assert np.array_equal(volume.data, array)
    assert volume.unit == "pixel"
