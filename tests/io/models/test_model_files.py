import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.io.models.folder import load_model, read_record, save_model
from napari_sciml.networks.config import GraphLaw
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.ensemble_description import describe_ensemble
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.networks.sparse.smsnet import SMSNetConfig, build_smsnet


def make_ensemble(dims=2, seed=0):
    front = ScaleSpace(dims, (1.0,))
    config = SMSNetConfig(law=GraphLaw(nodes=2), width=2, parameters=None)
    members = [
        build_smsnet(
            config, in_channels=front.channels, classes=3, dims=dims, seed=seed + i
        )
        for i in range(2)
    ]
    ensemble = Ensemble(
        members,
        front=front,
        intensity=IntensityScale(0.1, 1 / 3),
        class_names=("background", "fiber", "void"),
    )
    generator = torch.Generator().manual_seed(seed)
    for value in ensemble.state_dict().values():
        if value.is_floating_point():
            value.copy_(torch.rand(value.shape, generator=generator))
    return ensemble.eval()


@pytest.fixture
def model(tmp_path):
    save_model(make_ensemble(), tmp_path / "model", record={"seed": 0})
    return tmp_path / "model"


def edit(model, **changes):
    file = model / "model.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def replace_weights(model, weights):
    (model / "weights.safetensors").write_bytes(weights)
    edit(model, weights_sha256=hashlib.sha256(weights).hexdigest())


def refused(model, *, match):
    with pytest.raises(InputError, match=match) as caught:
        load_model(model)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dims", [2, 3])
def test_round_trip(tmp_path, dims):
    ensemble = make_ensemble(dims)
    save_model(ensemble, tmp_path / "model", record={})
    loaded = load_model(tmp_path / "model")
    assert describe_ensemble(loaded) == describe_ensemble(ensemble)
    assert not loaded.training
    assert loaded.state_dict().keys() == ensemble.state_dict().keys()
    for name, value in ensemble.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name]), name


def test_folder_holds_two_readable_files(model):
    files = {p.name for p in model.iterdir() if not p.name.startswith(".")}
    assert files == {"model.json", "weights.safetensors"}
    assert load((model / "weights.safetensors").read_bytes())


def test_record_is_kept(tmp_path):
    record = {
        "seed": np.int64(7),
        "image": Path("a") / "b.tif",
        "shape": (1, 2),
        "dice": float("nan"),
        "µ": np.array([0.5]),
    }
    save_model(make_ensemble(), tmp_path / "model", record=record)
    assert read_record(tmp_path / "model") == {
        "seed": 7,
        "image": "a/b.tif",
        "shape": [1, 2],
        "dice": None,
        "µ": [0.5],
    }


@pytest.mark.parametrize(
    "size",
    ["1 1", ["1.0", 1, 1], [1, -1], [0, 1], [None], [1] * 4, {"z": 1}],
)
def test_a_voxel_size_that_is_none_is_refused(model, size):
    edit(model, record={"voxel_size": size})
    with pytest.raises(InputError, match=r"voxel size .* is damaged; copy"):
        read_record(model)


@pytest.mark.parametrize("record", ["uint8", [1], 3, None])
def test_a_record_that_is_none_is_refused(model, record):
    edit(model, record=record)
    with pytest.raises(InputError, match=r"record in .* is damaged; copy"):
        read_record(model)


@pytest.mark.parametrize("size", [None, [], [1, 0.5], [2.0, 1, 1]])
def test_a_voxel_size_may_be_unknown(model, size):
    edit(model, record={"voxel_size": size})
    assert read_record(model) == {"voxel_size": size}


def test_older_model_is_replaced(model):
    save_model(make_ensemble(seed=5), model, record={"seed": 5})
    assert read_record(model) == {"seed": 5}
    load_model(model)


def test_shared_tensors_are_saved(tmp_path):
    ensemble = make_ensemble()
    first, second = ensemble.members
    first.bias = second.bias
    save_model(ensemble, tmp_path / "model", record={})
    assert torch.equal(load_model(tmp_path / "model").members[0].bias, second.bias)


@pytest.mark.parametrize("kind", ["missing", "empty", "file", "json", "foreign"])
def test_not_a_model(tmp_path, kind):
    path = tmp_path / "model"
    if kind == "file":
        path.write_text("x")
    elif kind != "missing":
        path.mkdir()
        content = {"json": "{", "foreign": '{"format": "other"}'}.get(kind)
        if content:
            (path / "model.json").write_text(content)
    expected = "does not exist" if kind == "missing" else "is not a model"
    refused(path, match=expected)
    with pytest.raises(InputError, match=expected):
        read_record(path)


@pytest.mark.parametrize("version", [4, "1", None])
def test_newer_version(model, version):
    edit(model, version=version)
    refused(model, match="newer napari-sciml.*upgrade")


def test_older_version(model):
    edit(model, version=1)
    with pytest.raises(InputError, match=r"older napari-sciml.*train the model again"):
        load_model(model)


def test_changed_weights(model):
    file = model / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    refused(model, match="is not what was saved")


@pytest.mark.parametrize("size", [0, 4, 100, -10])
def test_truncated_weights(model, size):
    file = model / "weights.safetensors"
    content = file.read_bytes()[:size]
    file.write_bytes(content)
    refused(model, match="is not what was saved")
    replace_weights(model, content)
    refused(model, match="is damaged")


def test_lost_weights(model):
    (model / "weights.safetensors").unlink()
    refused(model, match="copy the whole model folder")


def test_missing_tensor(model):
    state = load((model / "weights.safetensors").read_bytes())
    state.pop("networks.0.bias")
    replace_weights(model, save(state))
    refused(model, match="do not fit the networks")


@pytest.mark.parametrize("ensemble", [{}, {"members": 1}, None])
def test_damaged_description(model, ensemble):
    edit(model, ensemble=ensemble)
    refused(model, match="cannot be built")


def test_description_does_not_choose_the_file(model, tmp_path):
    outside = tmp_path / "outside.safetensors"
    shutil.move(model / "weights.safetensors", outside)
    edit(model, weights=str(outside), weights_file="../outside.safetensors")
    refused(model, match="cannot be read")


def test_nothing_half_written(tmp_path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_model(make_ensemble(), tmp_path / "model", record={})
    assert list(tmp_path.iterdir()) == []
