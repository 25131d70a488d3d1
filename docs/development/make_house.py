"""Draw the rooms of the house, and who imports whom: docs/images/house.png.

    python docs/development/make_house.py

Rows are the layers that `pyproject.toml` prescribes. An arrow stands for imports that
no longer way of arrows tells already.
"""

import tomllib
from pathlib import Path

import grimp
import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

TOP = Path(__file__).resolve().parents[2]
PACKAGE = "napari_sciml"
WIDTH, HEIGHT, GAP = 1.7, 0.62, 0.35
FACES = "#cfe3f7"
ROOMS = "#eef1f4"
PLACES = dict[str, tuple[float, float]]


def layers_of(container: str) -> list[list[str]]:
    """Rows of names, the highest first, as the contract of a container has them."""
    settings = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))
    for contract in settings["tool"]["importlinter"]["contracts"]:
        if contract.get("containers") == [container]:
            return [row.split(" | ") for row in contract["layers"]]
    raise SystemExit(f"no contract for {container}")


def imports_between(container: str, names: list[str]) -> set[tuple[str, str]]:
    """Pairs of rooms of which the first imports from the second."""
    graph = grimp.build_graph(PACKAGE)
    known = set(graph.modules)
    inside = {
        name: {m for m in known if f"{m}.".startswith(f"{container}.{name}.")}
        for name in names
    }
    room_of = {module: name for name, modules in inside.items() for module in modules}
    pairs = set()
    for module, room in room_of.items():
        for target in graph.find_modules_directly_imported_by(module):
            other = room_of.get(target, room)
            if other != room:
                pairs.add((room, other))
    return pairs


def reduced(pairs: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Leave out pairs that a longer way tells already; there are no circles."""

    def reaches(start: str, end: str) -> bool:
        steps = [b for a, b in pairs if a == start]
        return end in steps or any(reaches(step, end) for step in steps)

    return {
        (a, b)
        for a, b in pairs
        if not any(reaches(c, b) for a2, c in pairs if a2 == a and c != b)
    }


def lines_of(container: str, name: str) -> int:
    """Lines of code of a room, with its comments."""
    path = TOP / "src" / Path(*container.split(".")) / name
    files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    return sum(len(file.read_text("utf-8").splitlines()) for file in files)


def draw(axes: plt.Axes, container: str, title: str) -> None:
    """Draw the rooms of one container."""
    rows = layers_of(container)
    widest = max(len(row) for row in rows)
    places: PLACES = {}
    for level, row in enumerate(rows):
        left = (widest - len(row)) * (WIDTH + GAP) / 2
        for number, name in enumerate(row):
            place = (left + number * (WIDTH + GAP), -level * (HEIGHT + 0.45))
            places[name] = place
            draw_room(axes, container, name, place, FACES if level < 2 else ROOMS)
    for start, end in sorted(reduced(imports_between(container, list(places)))):
        draw_arrow(axes, places[start], places[end])
    axes.set_xlim(-0.2, widest * (WIDTH + GAP))
    axes.set_ylim(-len(rows) * (HEIGHT + 0.45) + 0.3, HEIGHT + 0.3)
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_aspect("equal")
    axes.axis("off")


def draw_room(
    axes: plt.Axes, container: str, name: str, place: tuple[float, float], color: str
) -> None:
    """A box with its name and its lines."""
    box = FancyBboxPatch(
        place, WIDTH, HEIGHT, boxstyle="round,pad=0.02", fc=color, ec="#7b8794", lw=0.8
    )
    axes.add_patch(box)
    x, y = place[0] + WIDTH / 2, place[1] + HEIGHT / 2
    axes.text(x, y + 0.1, name, ha="center", va="center", fontsize=9)
    lines = f"{lines_of(container, name):,} lines"
    axes.text(x, y - 0.16, lines, ha="center", va="center", fontsize=6.5, color="#555")


def draw_arrow(
    axes: plt.Axes, start: tuple[float, float], end: tuple[float, float]
) -> None:
    """From the lower edge of a room to the upper edge of another one."""
    tail = (start[0] + WIDTH / 2, start[1] - 0.02)
    head = (end[0] + WIDTH / 2, end[1] + HEIGHT + 0.03)
    arrow = FancyArrowPatch(
        tail, head, arrowstyle="-|>", mutation_scale=7, lw=0.7, color="#52606d"
    )
    arrow.set_zorder(0)
    axes.add_patch(arrow)


def main() -> None:
    """Write the picture."""
    figure, (house, plugin) = plt.subplots(
        1, 2, figsize=(15, 9), width_ratios=(1, 1.35), layout="constrained"
    )
    draw(house, PACKAGE, "The package")
    draw(plugin, f"{PACKAGE}.plugin", "The plugin")
    figure.savefig(TOP / "docs" / "images" / "house.png", dpi=110)


if __name__ == "__main__":
    main()
