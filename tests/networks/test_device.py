from inspect import signature

import pytest
import torch

from napari_sciml.errors import InputError
from napari_sciml.networks.device import (
    MOST_THREADS,
    autocast,
    default_threads,
    has_fast_bfloat16,
    resolve_device,
    use_threads,
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


def test_emulated_half_width_is_not_fast():
    """Older cards answer yes when they are asked without this argument."""
    if not torch.cuda.is_available():
        pytest.skip("there is no card")
    supported = torch.cuda.is_bf16_supported
    if "including_emulation" not in signature(supported).parameters:
        pytest.skip("this torch cannot tell")
    native = supported(including_emulation=False)
    assert has_fast_bfloat16(torch.device("cuda")) == native


@pytest.mark.parametrize("enabled", [False, True])
def test_autocast_on_the_cpu(enabled):
    a = torch.ones(2, 2)
    with autocast(torch.device("cpu"), enabled):
        assert (a @ a).dtype == (torch.bfloat16 if enabled else torch.float32)
    assert (a @ a).dtype == torch.float32


def test_autocast_that_is_off_works_on_any_device():
    """torch refuses some devices even when it has nothing to do there."""
    with pytest.raises(RuntimeError):
        torch.autocast("meta", torch.bfloat16, enabled=False)
    with autocast(torch.device("meta"), False):
        assert torch.ones(2, device="meta").dtype == torch.float32


def test_no_file_can_ask_for_more_threads_than_a_system_gives() -> None:
    before = torch.get_num_threads()
    try:
        use_threads(3)
        assert torch.get_num_threads() == 3
        use_threads(10**6)
        assert torch.get_num_threads() == max(MOST_THREADS, 4 * default_threads())
    finally:
        torch.set_num_threads(before)
