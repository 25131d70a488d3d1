"""Draw the networks of a model, and tell how large they are and how far they look."""

import csv
from collections.abc import Generator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.io.atomic import atomic_path
from napari_sciml.io.results.outputs import check_output

TABLE = "networks.csv"
SHOWN_DPI = 90


def draw_model(model: Path, out: Path, *, overwrite: bool = False) -> dict[str, Any]:
    """Write a folder with a table of the networks, and a picture of each random graph.

    Parameters
    ----------
    model
        Model folder.
    out
        Folder to write: ``networks.csv``, ``network-1.png``, ``network-1.svg`` …; only
        SMSNets have a graph of their own to be drawn.
    overwrite
        Whether another result of ours may be replaced.

    Returns
    -------
    dict
        A row for each network, JSON-able. The field is what an answer depends on, in
        voxels along each axis, the fixed filters counted.

    Raises
    ------
    InputError
        When the model cannot be read or has no networks, or something is in the way.
    """
    from napari_sciml.io.models.folder import load_model
    from napari_sciml.networks.sparse.drawing import draw_graph

    check_output(out, "drawing", inputs=[model], overwrite=overwrite, folder=True)
    ensemble = load_model(model)
    if not ensemble.members:
        raise InputError(
            f"{model} has trees alone: there is no network to be drawn; train longer."
        )
    rows = [_row(ensemble, n, one) for n, one in enumerate(ensemble.members, start=1)]
    with atomic_path(out) as folder:
        folder.mkdir()
        _write_table(folder / TABLE, rows)
        for row, network in zip(rows, ensemble.members, strict=True):
            graph = getattr(network, "graph", None)
            if graph is not None:
                figure = draw_graph(graph, title=_title(row))
                for ending in ("png", "svg"):
                    figure.savefig(folder / f"network-{row['network']}.{ending}")
    return {"drawing": str(out), "networks": {r["network"]: _title(r) for r in rows}}


@dataclass(frozen=True)
class DrawnNetwork:
    """One network of an ensemble.

    Attributes
    ----------
    number
        From 1 on.
    title
        Kind, size, and how far it looks.
    picture
        PNG of its random graph; None where it has none.
    """

    number: int
    title: str
    picture: bytes | None


def draw_networks(ensemble: Any) -> Generator[DrawnNetwork, None, None]:
    """Draw the networks of an ensemble one after the other, for a window."""
    from napari_sciml.networks.sparse.drawing import draw_graph

    for number, network in enumerate(ensemble.members, start=1):
        title, picture = _title(_row(ensemble, number, network)), None
        graph = getattr(network, "graph", None)
        if graph is not None:
            file = BytesIO()
            draw_graph(graph).savefig(file, format="png", dpi=SHOWN_DPI)
            picture = file.getvalue()
        yield DrawnNetwork(number, title, picture)


def _row(ensemble: Any, number: int, network: Any) -> dict[str, Any]:
    from napari_sciml.networks.ensemble import network_reach

    graph = getattr(network, "graph", None)
    reach = zip(ensemble.front.reach, network_reach(network), strict=True)
    return {
        "network": number,
        "kind": network.description()["kind"],
        "parameters": sum(p.numel() for p in network.parameters()),
        "field": " x ".join(str(2 * (front + own) + 1) for front, own in reach),
        "nodes": None if graph is None else graph.nodes,
        "connections": None if graph is None else len(graph.edges),
    }


def _title(row: dict[str, Any]) -> str:
    graph = ""
    if row["nodes"] is not None:
        graph = f"{row['nodes']} hidden nodes, {row['connections']} connections, "
    return (
        f"{row['kind']}: {graph}{row['parameters']:,} parameters, looks at "
        f"{row['field']} voxels"
    )


def _write_table(path: Path, rows: list[dict[str, Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
