"""Ways to spoil a file: its bytes, a node of its JSON, or what kind of file it is."""

import hashlib
import json
import os
import random
import shutil
from pathlib import Path
from typing import Any

from napari_sciml.io.append_log import LineFile, read_lines

DEEP, DIGITS = "<deep>", "<digits>"
TEXTS = {
    f'"{DEEP}"': "[" * 100_000 + "]" * 100_000,
    f'"{DIGITS}"': "7" * 5000,
}
"""What `json.dumps` refuses to write, put in afterwards."""
ODD: tuple[Any, ...] = (
    *(None, True, False, [], {}, "", "x", "0", "\0", "\ud800", "../..", "$\\frac{"),
    *(0, 1, -1, 2, 3, 255, 256, 2**31, 2**32 - 1, -(2**31), 2**63, 10**12, 10**30),
    *(0.5, -0.5, 1e-300, 1e300, -1e300, float("nan"), float("inf"), DEEP, DIGITS),
    *([0], [[]], [None], {"a": 1}, [1, 2, 3], [-1, -1], ["x"], "y" * 100_000),
    *([0] * 1000, [10**6, 10**6], [10**6] * 3, "float32", "|O", "<M8[s]", "uint8"),
)
NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1)


def spoil(path: Path, rng: random.Random) -> str:
    """Change a file in one or a few ways; tells how."""
    if rng.random() < 0.03:
        return other_kind(path, rng)
    done = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        ways = [bytes_of]
        if path.suffix == ".json" or path.name.startswith(".z"):
            ways = [nodes_of_json] * 4 + [bytes_of]
        elif path.suffix == ".jsonl":
            ways = [nodes_of_lines] * 4 + [bytes_of]
        elif path.suffix == ".safetensors":
            ways = [nodes_of_weights] * 3 + [bytes_of]
        done.append(rng.choice(ways)(path, rng))
    if path.name == "weights.safetensors" and rng.random() < 0.7:
        done.append(hash_again(path))
    return f"{path.name}: {'; '.join(done)}"


def other_kind(path: Path, rng: random.Random) -> str:
    """Make a folder, a pipe, a device, a huge file, or nothing of it."""
    path.unlink()
    ways: dict[str, Any] = {
        "missing": lambda _: None,
        "folder": Path.mkdir,
        "pipe": os.mkfifo,
        "zeros": lambda path: path.symlink_to("/dev/zero"),
        "loop": lambda path: path.symlink_to(path),
        "empty": Path.touch,
        "huge": lambda path: os.truncate(path, path.touch() or 10**11),
    }
    name = rng.choice(sorted(ways))
    ways[name](path)
    return f"{path.name}: {name}"


def bytes_of(path: Path, rng: random.Random) -> str:
    """Change some bytes."""
    content = bytearray(path.read_bytes())
    if not content:
        return "empty"
    # Headers matter more than what comes behind them.
    reach = rng.choice((16, 64, 256, 1024, len(content)))
    at = rng.randrange(min(reach, len(content)))
    size = rng.choice((1, 2, 4, 8, 100))
    way = rng.choice(("bit", "number", "cut", "drop", "double", "insert", "fill"))
    if way == "bit":
        content[at] ^= 1 << rng.randrange(8)
    elif way == "number":
        number, order = rng.choice(NUMBERS), rng.choice(("little", "big"))
        width = rng.choice((1, 2, 4, 8))
        content[at : at + width] = (number % 256**width).to_bytes(width, order)
    elif way == "cut":
        del content[at:]
    elif way == "drop":
        del content[at : at + size]
    elif way == "double":
        content[at:at] = content[at : at + size]
    elif way == "insert":
        content[at:at] = rng.randbytes(size)
    else:
        content[at : at + size] = rng.choice((b"\0", b"\xff", b"9")) * size
    path.write_bytes(content)
    return f"{way} at {at}"


def nodes_of_json(path: Path, rng: random.Random) -> str:
    """Change a node of a JSON file."""
    try:
        value = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return bytes_of(path, rng)
    value, told = changed(value, rng)
    path.write_text(written(value), "utf-8")
    return told


def nodes_of_lines(path: Path, rng: random.Random) -> str:
    """Change a node of a line, with a checksum that is right."""
    records: list[Any] = read_lines(path).records
    if not records:
        return bytes_of(path, rng)
    number = rng.randrange(len(records))
    value, told = changed(records[number], rng)
    if isinstance(value, dict) and not any(text in written(value) for text in TEXTS):
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:
            return bytes_of(path, rng)
        records[number] = value
        path.unlink()
        LineFile(path).append(records)
        return f"line {number}: {told}"
    return bytes_of(path, rng)


def nodes_of_weights(path: Path, rng: random.Random) -> str:
    """Change a node of the header of a safetensors file."""
    content = path.read_bytes()
    size = int.from_bytes(content[:8], "little")
    try:
        value = json.loads(content[8 : 8 + size])
    except (ValueError, RecursionError):
        return bytes_of(path, rng)
    value, told = changed(value, rng)
    header = written(value).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + content[8 + size :])
    return f"header: {told}"


def hash_again(path: Path) -> str:
    """Write the right hash of the weights into the description of a model."""
    card = path.with_name("model.json")
    try:
        sound = card.is_file() and card.stat().st_size < 10**9  # may be spoiled, too
        value = json.loads(card.read_bytes()) if sound else None
    except (OSError, ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return "no hash, as the description is spoiled, too"
    value["weights_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    card.write_text(json.dumps(value), "utf-8")
    return "right hash"


def changed(value: Any, rng: random.Random) -> tuple[Any, str]:
    """Put something odd in the place of a node, or take the node away."""
    places = [(value, key) for value, key in _places(value)]
    if not places or rng.random() < 0.02:
        odd = rng.choice(ODD)
        return odd, f"all = {_short(odd)}"
    parent, key = rng.choice(places)
    old = parent[key]
    if rng.random() < 0.1:
        del parent[key]
        return value, f"{key} is gone"
    if isinstance(old, int | float) and rng.random() < 0.4:
        new: Any = rng.choice((old + 1, old - 1, -old, old * 1000, old / 2, str(old)))
    elif isinstance(old, list) and rng.random() < 0.4:
        new = rng.choice((old * 2, old[:-1], old[::-1], [*old, rng.choice(ODD)]))
    elif rng.random() < 0.1:
        other, place = rng.choice(places)
        new = other[place]
        new = json.loads(json.dumps(new))  # no circles
    else:
        new = rng.choice(ODD)
    parent[key] = new
    return value, f"{key} = {_short(new)}"


def written(value: Any) -> str:
    """Text of JSON, with what Python does not write."""
    text = json.dumps(value)
    for mark, meant in TEXTS.items():
        text = text.replace(mark, meant)
    return text


def swap(path: Path, other: Path) -> str:
    """Put another file in its place."""
    shutil.copyfile(other, path)
    return f"{path.name}: is {other.name}"


def _places(value: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict | list):
            keys = node.keys() if isinstance(node, dict) else range(len(node))
            found += [(node, key) for key in keys]
            waiting += node.values() if isinstance(node, dict) else node
    return found


def _short(value: Any) -> str:
    return repr(value)[:60]
