"""Train on scribbles that another tool saved as a colored picture (2D).

    python examples/color_scribbles_2d.py IMAGE SCRIBBLES OUT

for instance with ``carbon.png`` and ``carbon_labels.png`` of the InSegt fiber data
(https://github.com/vedranaa/InSegt, folder data). The color that covers most of the
picture means "not annotated", the others are classes in the order of their color.
"""

import sys
from pathlib import Path

import numpy as np
from skimage.io import imread, imsave

from napari_sciml.annotation.classes import DEFAULT_CLASSES
from napari_sciml.fibers.config import FiberConfig
from napari_sciml.training.config import TrainingConfig
from napari_sciml.uncertainty.threshold import ThresholdConfig
from napari_sciml.workflows.pipeline import measure_mask
from napari_sciml.workflows.prediction.files import predict_image
from napari_sciml.workflows.thresholding.files import threshold_prediction
from napari_sciml.workflows.training.files import train_model


def labels_from_colors(picture: np.ndarray) -> np.ndarray:
    """Number the colors of a picture ``(y, x, 3)``; the commonest becomes 0."""
    colors, index, counts = np.unique(
        picture.reshape(-1, picture.shape[-1]),
        axis=0,
        return_inverse=True,
        return_counts=True,
    )
    values = np.zeros(len(colors), np.uint8)
    classes = np.delete(np.arange(len(colors)), counts.argmax())
    values[classes] = np.arange(1, len(colors))
    return values[index].reshape(picture.shape[:2])


def silent(fraction: float, note: str) -> None:
    """Take no notice of the progress."""


def main(image: Path, scribbles: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    labels, model = out / "labels.png", out / "model"
    result, mask = out / "probabilities.ome.zarr", out / "mask.tif"
    imsave(labels, labels_from_colors(imread(scribbles)), check_contrast=False)
    config = TrainingConfig(seconds=40)
    told = train_model(
        image, labels, model, config, class_names=DEFAULT_CLASSES, report=silent
    )
    print("held-out Dice:", told["held_out_dice"])
    predict_image(model, image, result, report=silent)
    threshold_prediction(result, mask, ThresholdConfig(t=0.5))
    summary = measure_mask(
        mask, out / "fibers", FiberConfig(dust=5), image=image, probability=result
    )
    print(f"{summary['fibers']} fiber sections; see {out / 'fibers' / 'overview.png'}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
