"""What an exploration gives."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_sciml.exploring.config import ExploreConfig
from napari_sciml.exploring.scaling import Scaling

if TYPE_CHECKING:
    from napari_sciml.networks.image_model import ImageModel


MAP_WORDS = {"tsne": "t-SNE", "pca": "PCA", "umap": "UMAP"}


@dataclass(frozen=True, eq=False)
class ExploreStep:
    """A step is done.

    Attributes
    ----------
    fraction
        Of all, 0 to 1.
    doing
        A few words.
    learning
        Whether the autoencoder learns, which can be ended with what it has learned.
    sketch
        Now and then a rough map of some patches ``(n, 2)`` as it learns.
    """

    fraction: float
    doing: str
    learning: bool = False
    sketch: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Explored:
    """Patches as points.

    Attributes
    ----------
    config
        What was asked for.
    places
        Centers ``(n, axes)`` in voxels of the image; of several images, their middles.
    size
        Shape of a patch in voxels, one number an axis of the image.
    latent
        Descriptions ``(n, d)``, to scale.
    plane
        Places in the plane ``(n, 2)``.
    clusters
        Cluster of each ``(n,)``, -1 = none.
    oddness
        Distance to the 10th neighbor over its median ``(n,)``; of an autoencoder the
        mean of that and of the error over its median.
    map
        "tsne", "pca" or "umap".
    error
        Of what an autoencoder makes of each ``(n,)``; None for others.
    correlation
        Of held-out patches with what an autoencoder makes of them; None where it is
        not known.
    encoder
        The autoencoder; None for others.
    scaling
        How the descriptions by the fixed filters were brought to scale; None for
        others.
    objects
        Whether each point is an object with measures, and no patch.
    images
        Number of the image of each ``(n,)``; None where there is only one.
    cautions
        Sentences for the user.
    """

    config: ExploreConfig
    places: np.ndarray
    size: tuple[int, ...]
    latent: np.ndarray
    plane: np.ndarray
    clusters: np.ndarray
    oddness: np.ndarray
    map: str
    error: np.ndarray | None = None
    correlation: float | None = None
    encoder: "ImageModel | None" = None
    images: np.ndarray | None = None
    scaling: Scaling | None = None
    objects: bool = False
    cautions: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.places)

    @property
    def several(self) -> bool:
        """Whether each point is an image of its own."""
        return self.images is not None
