import json

import numpy as np
import pytest

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.io.models.folder import load_model, read_record, save_model
from napari_sciml.io.models.image_model import (
    load_image_model,
    read_task,
    save_image_model,
)
from napari_sciml.networks.autoencoders.autoencoder import (
    AutoencoderConfig,
    build_autoencoder,
)
from napari_sciml.networks.build import build_network
from napari_sciml.networks.config import GraphLaw, SMSNetConfig, TUNetConfig
from napari_sciml.networks.ensemble import Ensemble
from napari_sciml.networks.heads import ClassifierConfig, build_classifier
from napari_sciml.networks.image_model import ImageModel
from napari_sciml.networks.scale_space import ScaleSpace

LAW = SMSNetConfig(law=GraphLaw(nodes=2), width=4, parameters=None)


def members(task):
    if task == "embed":
        settings = AutoencoderConfig(body="smsnet", depth=1, base=4, network=LAW)
        return [build_autoencoder(settings, in_channels=1, shape=(8, 8), seed=3)]
    if task == "classify":
        settings = ClassifierConfig(network=LAW)
        return [build_classifier(settings, in_channels=1, classes=3, dims=2, seed=3)]
    settings = TUNetConfig(depth=2, base=4) if task == "fill" else LAW
    return [
        build_network(settings, in_channels=1, classes=1, dims=2, seed=seed)
        for seed in (3, 4)
    ]


def make(task="fill"):
    scale = IntensityScale((2.0,), (0.5,)) if task == "fill" else IntensityScale(2, 0.5)
    record = {"score": np.float64(0.5)}
    return ImageModel(members(task), task=task, intensity=scale, record=record)


@pytest.mark.parametrize("task", ["fill", "restore", "embed", "classify"])
def test_round_trip(tmp_path, task):
    model, images = make(task), np.random.default_rng(0).normal(size=(2, 1, 8, 8))
    save_image_model(model, tmp_path / "model")
    assert read_task(tmp_path / "model") == task
    read = load_image_model(tmp_path / "model", task)
    assert read.record == read_record(tmp_path / "model") == {"score": 0.5}
    assert read.description() == model.description()
    assert np.array_equal(read.apply(images).mean, model.apply(images).mean)
    names = sorted(p.name for p in (tmp_path / "model").iterdir() if p.name[0] != ".")
    assert names == ["model.json", "weights.safetensors"]


def ensemble():
    front = ScaleSpace(2, (1.0,))
    network = build_network(LAW, in_channels=front.channels, classes=2, dims=2, seed=0)
    scale = IntensityScale(0.0, 1.0)
    names = ("background", "fiber")
    return Ensemble([network], front=front, intensity=scale, class_names=names)


def test_one_kind_of_model_is_not_taken_for_the_other(tmp_path):
    save_image_model(make(), tmp_path / "fill")
    save_model(ensemble(), tmp_path / "classes", record={})
    assert read_task(tmp_path / "classes") is None
    with pytest.raises(InputError, match="for the task 'fill', which does not find"):
        load_model(tmp_path / "fill")
    with pytest.raises(InputError, match="finds classes in an image, not one for"):
        load_image_model(tmp_path / "classes", "fill")
    with pytest.raises(InputError, match="for the task 'fill', not for 'restore'"):
        load_image_model(tmp_path / "fill", "restore")


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        (lambda d: d.update(task="guess"), "no task 'guess'"),
        (lambda d: d.update(task=["fill"]), "no task"),
        (lambda d: d.pop("image_model"), "cannot be built"),
        (lambda d: d["image_model"]["members"][0].update(base=8), "do not fit"),
        (lambda d: d.update(weights_sha256="0"), "damaged"),
        (lambda d: d.update(version=99), "newer"),
        (lambda d: d["image_model"].update(members=[]), "at least one"),
    ],
)
def test_damaged_models_are_one_sentence(tmp_path, edit, sentence):
    save_image_model(make(), tmp_path / "model")
    file = tmp_path / "model" / "model.json"
    description = json.loads(file.read_text())
    edit(description)
    file.write_text(json.dumps(description))
    with pytest.raises(InputError, match=sentence) as caught:
        load_image_model(tmp_path / "model")
    assert "\n" not in str(caught.value)
