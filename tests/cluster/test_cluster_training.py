"""Members that are trained on workers."""

import numpy as np
import pytest
import tifffile
import torch

from napari_sciml.cluster.training import train_members
from napari_sciml.errors import InputError
from napari_sciml.io.models.folder import load_model
from napari_sciml.training.config import TrainingConfig
from napari_sciml.workflows.training.files import train_model
from napari_sciml.workflows.training.scans import Scan

NAMES = ("background", "fiber")


@pytest.fixture
def files(training_folder):
    return training_folder / "image.tif", training_folder / "labels.tif"


@pytest.fixture
def config():
    return TrainingConfig.model_validate(
        {
            **{"members": 3, "steps": 8, "device": "cpu", "threads": 1, "crop": 24},
            **{"evaluate_every": 3, "sigmas": (1.0,)},
            "network": {"kind": "msdnet", "layers": 2, "width": 4},
        }
    )


def test_an_ensemble_of_workers_is_that_of_one_place(
    client, files, config, tmp_path
) -> None:
    said = []
    state = train_members(
        *(client, [Scan(*files)], config),
        class_names=NAMES,
        report=lambda fraction, note: said.append(fraction),
    )
    quiet = {"class_names": NAMES, "report": lambda *_: None}
    scans = [Scan(*files)]
    summary = train_model(scans, tmp_path / "apart", config, state=state, **quiet)
    expected = train_model(scans, tmp_path / "together", config, **quiet)
    apart, together = (
        load_model(tmp_path / name).state_dict() for name in ("apart", "together")
    )
    assert all(torch.equal(apart[name], together[name]) for name in together)
    for name in ("steps", "held_out_dice", "estimated_share"):
        assert summary[name] == expected[name]
    assert said
    assert said == sorted(said)


def test_files_that_do_not_fit_together_are_told_once(client, files, config) -> None:
    image, labels = files
    tifffile.imwrite(labels, np.zeros((8, 8), np.uint8))
    with pytest.raises(InputError, match="same shape"):
        train_members(
            *(client, [Scan(image, labels)], config),
            class_names=NAMES,
            report=lambda *_: None,
        )
