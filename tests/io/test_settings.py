import json
import re

import numpy as np
import pytest
import tifffile
from pydantic import ValidationError

from napari_sciml.errors import InputError, one_line
from napari_sciml.io.settings import training_settings
from napari_sciml.training.config import TrainingConfig


def test_nothing_given_is_the_default():
    assert training_settings(None, seed=None, steps=None) == TrainingConfig()


def test_what_is_given_wins_over_the_file(tmp_path):
    file = tmp_path / "settings.json"
    file.write_text(
        json.dumps({"seed": 3, "members": 2, "loss": {"focal": 1.0, "dice": 0.5}})
    )
    config = training_settings(file, members=4, network="tunet", prior="0.9, 0.1")
    assert (config.seed, config.members) == (3, 4)
    assert (config.loss.focal, config.loss.dice) == (1.0, 0.5)
    assert config.network.kind == "tunet"
    assert config.prior == (0.9, 0.1)


def test_seconds_rule_out_the_steps_of_the_file(tmp_path):
    file = tmp_path / "settings.json"
    file.write_text('{"steps": 100, "network": {"kind": "msdnet", "width": 8}}')
    config = training_settings(file, seconds=5.0, network="msdnet")
    assert (config.steps, config.seconds) == (None, 5.0)
    assert config.network.width == 8
    assert training_settings(file, seconds=5.0, steps=7).steps == 7
    assert training_settings(file, network="smsnet").network.kind == "smsnet"


def test_settings_of_a_model_file_can_be_used_again(tmp_path):
    """The record holds the whole configuration as JSON."""
    config = TrainingConfig.model_validate(
        {"network": {"kind": "msdnet", "width": 8}, "spacing": [3, 1, 1], "seed": 9}
    )
    file = tmp_path / "settings.json"
    file.write_text(config.model_dump_json())
    assert training_settings(file) == config


def test_spacing_of_an_image(tmp_path):
    file = tmp_path / "image.tif"
    tifffile.imwrite(
        file,
        np.zeros((4, 5, 6), np.uint8),
        imagej=True,
        resolution=(2.0, 2.0),
        metadata={"spacing": 1.5, "unit": "um", "axes": "ZYX"},
    )
    config = training_settings(None, spacing_of=[file])
    assert config.spacing == pytest.approx((1.5, 0.5, 0.5))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "no JSON .expecting.*line 1"),
        ("[1]", "holds no JSON object"),
        (None, "cannot be read"),
    ],
)
def test_bad_files(tmp_path, content, message):
    file = tmp_path / "settings.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=message):
        training_settings(file)


def test_a_prior_that_is_no_numbers():
    with pytest.raises(InputError, match="'a lot' cannot be read"):
        training_settings(None, prior="a lot")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"prior": "0.5,0.2"},
            "^Shares of the classes must be above 0 and add up to 1.$",
        ),
        ({"members": 0}, "^members: Input should be greater than or equal to 1.$"),
        ({"network": "resnet"}, "^network: "),
        ({"network": "y" * 9000}, "^network: Input tag 'yyy.* …"),
    ],
)
def test_refused_settings_are_one_line(given, message):
    with pytest.raises(ValidationError) as caught:
        training_settings(None, **given)
    assert "\n" not in one_line(caught.value)
    assert len(one_line(caught.value)) < 500
    assert re.search(message, one_line(caught.value))
