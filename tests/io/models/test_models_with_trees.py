"""Trees in a model folder: the same answers bit by bit, and nothing damaged."""

import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from napari_sciml.errors import InputError
from napari_sciml.io.models.folder import load_model, save_model, weights_sha256
from napari_sciml.networks.ensemble_description import describe_ensemble
from napari_sciml.networks.trees.forest import LEAF
from napari_sciml.prediction.blockwise import predict

CASES = [(2, 0.4), (2, 0.0), (3, 0.3)]


@pytest.fixture(scope="module")
def trees(fibers, grow_trees):
    kept = {}

    def make(dims):
        if dims not in kept:
            image, labels, _ = fibers(dims)
            kept[dims] = image, grow_trees(image, labels).trees
        return kept[dims]

    return make


@pytest.fixture
def mixed(make_ensemble, trees):
    def make(dims=2, trust=0.4):
        image, forest = trees(dims)
        ensemble = make_ensemble(dims, members=2)
        ensemble.use_forest(forest, trust)
        ensemble.set_calibration(log_prior_ratio=[0.0, -0.7])
        return image, ensemble.eval()

    return make


@pytest.fixture
def model(mixed, tmp_path):
    _, ensemble = mixed()
    save_model(ensemble, tmp_path / "model", record={})
    return tmp_path / "model"


def edited(model, change):
    """Change the description, whose hash of the weights stays right."""
    file = model / "model.json"
    description = json.loads(file.read_text())
    change(description)
    file.write_text(json.dumps(description))


def damage(model, name, change):
    file = model / "weights.safetensors"
    state = load(file.read_bytes())
    state[name] = change(state[name].clone())
    file.write_bytes(save(state))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    edited(model, lambda d: d.update(weights_sha256=digest))


def refused(model, match="damaged|do not fit|cannot be built|holds NaN"):
    with pytest.raises(InputError, match=match) as caught:
        load_model(model)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("dims", "trust"), CASES)
def test_the_same_answers_bit_by_bit(mixed, tmp_path, dims, trust):
    image, ensemble = mixed(dims, trust)
    save_model(ensemble, tmp_path / "model", record={})
    loaded = load_model(tmp_path / "model")
    assert describe_ensemble(loaded) == describe_ensemble(ensemble)
    assert loaded.trust == trust
    assert weights_sha256(loaded) == weights_sha256(ensemble)
    ours, theirs = (predict(e, image, device="cpu") for e in (ensemble, loaded))
    assert np.array_equal(ours.mean, theirs.mean)
    assert np.array_equal(ours.std, theirs.std)


@pytest.mark.parametrize(("dims", "trust"), CASES)
def test_blocks_are_parts_of_the_whole(mixed, dims, trust):
    image, ensemble = mixed(dims, trust)
    whole = predict(ensemble, image, device="cpu")
    parts = predict(ensemble, image, device="cpu", block={2: 31, 3: 19}[dims])
    # Of trees exactly; convolutions round differently by shape.
    atol = 1e-5 if trust else 0
    np.testing.assert_allclose(parts.mean, whole.mean, atol=atol)
    np.testing.assert_allclose(parts.std, whole.std, atol=10 * atol)


def test_mean_is_weighed_by_trust(mixed):
    image, ensemble = mixed(2, 0.4)
    together = predict(ensemble, image, device="cpu").mean
    forest = ensemble.forest
    ensemble.use_forest(forest, 0.0)
    trees = predict(ensemble, image, device="cpu").mean
    ensemble.use_forest(None, 1.0)
    networks = predict(ensemble, image, device="cpu").mean
    np.testing.assert_allclose(together, 0.6 * trees + 0.4 * networks, atol=1e-5)


def test_nothing_is_pickled(model):
    files = {p.name for p in model.iterdir() if not p.name.startswith(".")}
    assert files == {"model.json", "weights.safetensors", "examples.safetensors"}
    names = load((model / "weights.safetensors").read_bytes())
    assert {n.split(".")[1] for n in names if n.startswith("forest.")} == {
        *("first", "second", "linear")
    }


def put(index, value):
    def change(array):
        array[index] = value
        return array

    return change


@pytest.mark.parametrize("stage", ["first", "second"])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("left", put(0, 10**6)),
        ("right", put(0, 0)),
        ("left", put(0, LEAF)),
        ("feature", put(0, 999)),
        ("feature", put(0, -3)),
        ("threshold", put(0, float("nan"))),
        ("value", put(0, float("nan"))),
        ("value", put(0, 7.0)),
        ("value", lambda array: array[:-1]),
    ],
)
def test_damaged_trees_are_refused(model, stage, name, change):
    damage(model, f"forest.{stage}.{name}", change)
    refused(model)


@pytest.mark.parametrize(
    "change",
    [
        lambda forest: forest.update(dims=3),
        lambda forest: forest.update(inputs=2),
        lambda forest: forest.update(spacing=[0.0, 1.0]),
        lambda forest: forest.pop("first"),
        lambda forest: forest["first"].update(nodes=[]),
        lambda forest: forest["first"].update(nodes=[10**12]),
        lambda forest: forest["first"].update(nodes="many"),
        lambda forest: forest["first"].update(features=3),
        lambda forest: forest["second"].update(classes=3),
        lambda forest: forest["second"]["nodes"].pop(),
        lambda forest: forest["second"]["nodes"].__setitem__(0, 1),
    ],
)
def test_descriptions_that_make_no_sense(model, change):
    edited(model, lambda d: change(d["ensemble"]["forest"]))
    refused(model)


@pytest.mark.parametrize("trust", [-0.1, 1.5, float("nan"), "much", None])
def test_weights_of_networks_that_make_no_sense(model, trust):
    edited(model, lambda d: d["ensemble"].update(trust=trust))
    refused(model)


@pytest.mark.parametrize("dims", [2, 3])
def test_models_of_version_2_are_read(make_ensemble, tmp_path, dims):
    """As they were written before there were trees."""
    ensemble = make_ensemble(dims)
    save_model(ensemble, tmp_path / "model", record={"seed": 3})

    def back(description):
        description["version"] = 2
        del description["ensemble"]["forest"], description["ensemble"]["trust"]

    edited(tmp_path / "model", back)
    loaded = load_model(tmp_path / "model")
    assert (loaded.forest, loaded.trust) == (None, 1.0)
    for name, value in ensemble.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name])


@pytest.mark.parametrize(("version", "match"), [(4, "newer"), (1, "older")])
def test_other_versions_are_not(model, version, match):
    edited(model, lambda d: d.update(version=version))
    refused(model, match=match)


def test_trees_of_other_images_are_not_used(make_ensemble, trees):
    with pytest.raises(InputError, match="damaged"):
        make_ensemble(3).use_forest(trees(2)[1], 0.3)
    with pytest.raises(InputError, match="damaged"):
        make_ensemble(2, classes=("a", "b", "c")).use_forest(trees(2)[1], 0.3)
