"""Where to compute, and with how many threads."""

import ctypes
import os
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cache
from inspect import signature

import torch

from napari_sciml.errors import InputError

MOST_THREADS = 64
"""As of a larger machine, whose work is to be done again to the last bit."""


def resolve_device(name: str) -> torch.device:
    """Turn "auto", "cpu", "cuda" or "mps" into a device that is there.

    Raises
    ------
    InputError
        When the device does not exist on this machine.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        return torch.device(next(kind for kind, there in available.items() if there))
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or not available.get(device.type, False):
        usable = ", ".join(kind for kind, there in available.items() if there)
        raise InputError(
            f"There is no device '{name}' on this machine; there is: {usable}."
        )
    return device


def default_threads(*, viewer: bool = False) -> int:
    """All cores, or all but one where a viewer needs to stay fluid.

    Threads of torch spin while they wait for each other: with as many as cores,
    anything else that runs slows training several times.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    cores = cores or os.cpu_count() or 1
    return max(1, cores - 1) if viewer else cores


def use_threads(count: int) -> None:
    """Let torch compute with so many threads.

    With no more than `MOST_THREADS`, or four a core: a file may ask for a thousand,
    and where the system refuses them the process ends at once.
    """
    torch.set_num_threads(min(count, max(MOST_THREADS, 4 * default_threads())))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether something did not fit into the memory of the device or the machine."""
    if isinstance(error, MemoryError | torch.cuda.OutOfMemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text


def free_memory(device: torch.device) -> None:
    """Give back what torch keeps for later, after something did not fit."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def trim_heap() -> None:
    """Give memory that was freed back to the system, where that is not done by itself.

    The allocator of Linux keeps what lies between pieces in use: over many blocks a
    process grows to twice what it needs.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):  # only glibc has it
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@cache
def has_fast_bfloat16(device: torch.device) -> bool:
    """Whether half-width arithmetic is native here, and so worth using."""
    if device.type == "cuda":
        supported = torch.cuda.is_bf16_supported
        # Older cards emulate it slowly; torch before 2.5 cannot be asked to tell.
        if "including_emulation" in signature(supported).parameters:
            return bool(supported(including_emulation=False))
        return bool(supported())
    if device.type == "cpu":
        return _cpu_flag("avx512_bf16") or _cpu_flag("amx_bf16")
    return False


def autocast(device: torch.device, enabled: bool) -> AbstractContextManager[object]:
    """Compute in bfloat16 within, or change nothing.

    Where it is not enabled torch is not asked: it refuses devices that it cannot
    compute in half width on, even then.
    """
    if not enabled:
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def _cpu_flag(flag: str) -> bool:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="ignore") as file:
            return any(flag in line.split() for line in file if "flags" in line)
    except OSError:
        return False
