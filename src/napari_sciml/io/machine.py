"""What this machine has to compute with."""

import os
from typing import Any

from napari_sciml.io.provenance import provenance
from napari_sciml.networks.device import (
    default_threads,
    has_fast_bfloat16,
    resolve_device,
)


def machine() -> dict[str, Any]:
    """Versions, device, threads and memory, JSON-able."""
    import psutil
    import torch

    device = resolve_device("auto")
    memory = psutil.virtual_memory()
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else None
    return {
        **provenance(),
        "device": str(device),
        "device_name": name,
        "threads": default_threads(),
        "cores": os.cpu_count(),
        "fast_bfloat16": has_fast_bfloat16(device),
        "memory_gb": round(memory.total / 1e9, 1),
        "free_memory_gb": round(memory.available / 1e9, 1),
    }
