import pytest
import torch

from napari_sciml.errors import InputError
from napari_sciml.networks.device import (
    default_threads,
    has_fast_bfloat16,
    resolve_device,
)


def test_auto_gives_a_device_that_works():
    assert torch.ones(1, device=resolve_device("auto")).item() == 1
    assert resolve_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["tpu", "gpu", "", "meta"])
def test_unknown_device_is_one_clear_sentence(name):
    with pytest.raises(InputError, match=f"no device '{name}'.*there is: .*cpu"):
        resolve_device(name)


def test_absent_device():
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(InputError, match="no device 'cuda'"):
        resolve_device("cuda")


def test_viewer_keeps_a_core():
    everything = default_threads()
    assert everything >= 1
    assert default_threads(viewer=True) == max(1, everything - 1)


def test_half_width_is_a_plain_answer():
    assert has_fast_bfloat16(torch.device("cpu")) in (True, False)
