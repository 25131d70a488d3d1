"""Make the pictures of docs/fibers.md from phantoms whose directions are known.

Needs no display::

    python docs/make_fiber_figures.py
"""

import argparse
from pathlib import Path

import numpy as np

from napari_sciml.fibers.geometry.measure import measure_fibers
from napari_sciml.fibers.report.distribution_plots import (
    correlation_plot,
    length_distribution_plot,
)
from napari_sciml.fibers.report.plots import hammer_plot
from napari_sciml.fibers.statistics.autocorrelation import sphere_correlation
from napari_sciml.fibers.statistics.direction_band import direction_band, peak_direction
from napari_sciml.fibers.statistics.summary import directions_of
from napari_sciml.samples.phantom import PhantomConfig, make_phantom

EDGE = 192
TRUTH = np.array([0.4, 0.5, 0.77])
DPI = 110


def draw(name: str, config: PhantomConfig, kinds: set[str], folder: Path) -> None:
    """Measure a phantom's true fibers; draw these kinds of pictures."""
    phantom = make_phantom(config)
    size = (phantom.voxel_size,) * 3
    table = measure_fibers(phantom.labels, voxel_size=size)
    found = sphere_correlation(phantom.labels, voxel_size=size)
    figures = {
        "lengths": length_distribution_plot(
            table, phantom.labels.shape, size, phantom.unit
        ),
        "hammer": hammer_plot(table),
        "autocorrelation": correlation_plot(found, phantom.unit),
    }
    for kind in kinds:
        figures[kind].savefig(folder / f"fibers_{kind}_{name}.png", dpi=DPI)
    band = direction_band(directions_of(table), table["length"])
    print(f"{name}: {len(table)} fibers, isotropic: {band.isotropic}")
    peaks = {"instances": peak_direction(band.density), "mask": found.peak}
    for what, peak in peaks.items():
        print(f"  peak by {what}: {_off(peak):.2f} degrees off")


def _off(axis: np.ndarray) -> float:
    cosine = abs(float(axis @ TRUTH)) / float(np.linalg.norm(TRUTH))
    return float(np.degrees(np.arccos(min(cosine, 1.0))))


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    here = Path(__file__).parent
    parser.add_argument("--out", type=Path, default=here / "images")
    folder = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    shared = {"shape": (EDGE,) * 3, "length_mean": 60.0, "seed": 7}
    draw("isotropic", PhantomConfig(**shared), {"lengths", "hammer"}, folder)
    direction = (float(TRUTH[0]), float(TRUTH[1]), float(TRUTH[2]))
    aligned = PhantomConfig(**shared, concentration=60.0, direction=direction)
    draw("aligned", aligned, {"hammer", "autocorrelation"}, folder)


if __name__ == "__main__":
    main()
