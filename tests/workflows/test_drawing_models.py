"""The networks of a model are drawn, counted and measured."""

import csv

from napari_sciml.io.models.folder import save_model
from napari_sciml.workflows.drawing import draw_model


def test_each_network_has_a_picture_and_a_row(tmp_path, make_ensemble) -> None:
    ensemble = make_ensemble(3, members=2)
    save_model(ensemble, tmp_path / "model", record={})
    told = draw_model(tmp_path / "model", tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").glob("n*")} == {
        "networks.csv",
        *(f"network-{n}.{ending}" for n in (1, 2) for ending in ("png", "svg")),
    }
    with (tmp_path / "out" / "networks.csv").open() as file:
        rows = list(csv.DictReader(file))
    for row, network in zip(rows, ensemble.members, strict=True):
        assert int(row["parameters"]) == sum(p.numel() for p in network.parameters())
        assert int(row["connections"]) == len(network.graph.edges)
        edge = 2 * (ensemble.front.reach[0] + network.radius) + 1
        assert row["field"] == f"{edge} x {edge} x {edge}"
        assert row["field"] in told["networks"][int(row["network"])]


def test_the_field_is_what_an_answer_depends_on(tmp_path, make_ensemble) -> None:
    import torch

    ensemble = make_ensemble(2, members=1)
    save_model(ensemble, tmp_path / "model", record={})
    words = draw_model(tmp_path / "model", tmp_path / "out")["networks"][1]
    size = 101
    image = torch.zeros(1, 1, size, size, requires_grad=True)
    answer = ensemble.members[0](ensemble.front(image + torch.rand(size, size)))
    answer[0, :, size // 2, size // 2].sum().backward()
    rows, columns = torch.nonzero(image.grad[0, 0], as_tuple=True)
    seen = (int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1)
    told = [
        int(n) for n in words.split("looks at ")[1].split(" voxels")[0].split(" x ")
    ]
    assert max(seen) <= told[0] <= max(seen) + 4  # an edge of a filter may be near 0
