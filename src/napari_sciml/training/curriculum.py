"""What each network of an ensemble learns from: its strokes, crops and weights."""

import numpy as np
import torch

from napari_sciml.annotation.scribbles import Scribbles
from napari_sciml.training.config import TrainingConfig
from napari_sciml.training.data.channels import ChannelCache
from napari_sciml.training.data.lessons import Lessons
from napari_sciml.training.data.sampling import Batch, CropSampler, bootstrap_strokes
from napari_sciml.training.member import Draw
from napari_sciml.training.setup import balanced_weights

FRESH_BATCHES = 24
"""Batches of a member after new labels, of which every other is drawn round them."""


class Curriculum:
    """Turns the labels that all share into what one network is given.

    Parameters
    ----------
    cache
        Image and ensemble.
    config
        Settings.
    lessons
        What trees teach beside the strokes; None without trees.
    """

    def __init__(
        self, cache: ChannelCache, config: TrainingConfig, lessons: Lessons | None
    ) -> None:
        self._cache, self._config, self._lessons = cache, config, lessons

    def of(
        self,
        trained: Scribbles,
        rng: np.random.Generator,
        fresh: Scribbles | None = None,
    ) -> tuple[Draw, torch.Tensor]:
        """Give what a network draws its batches from, and the weights of the classes.

        Parameters
        ----------
        trained
            Labels to learn from.
        rng
            Of the network: strokes are drawn from it, where each has its own.
        fresh
            Those of ``trained`` that are new: crops are drawn round them more often at
            first.
        """
        labels, times = trained, None
        if self._config.bootstrap:
            labels, times = bootstrap_strokes(trained, rng)
        draw: Draw = self._sampler(labels, times).draw
        if fresh is not None and len(fresh):
            draw = _FreshFirst(self._sampler(labels, None, fresh).draw, draw).draw
        if self._lessons is not None:
            draw = self._lessons.taught(draw)
        return draw, self._weights(labels)

    def _weights(self, labels: Scribbles) -> torch.Tensor:
        ensemble = self._cache.ensemble
        weights = balanced_weights(labels, len(ensemble.class_names))
        if self._lessons is not None:
            # Both teachers, strokes and trees, speak of shares of what was painted.
            weights = (weights > 0).float()
        return weights.to(ensemble.device)

    def _sampler(
        self,
        labels: Scribbles,
        times: np.ndarray | None,
        centers: Scribbles | None = None,
    ) -> CropSampler:
        ndim = self._cache.image.ndim
        return CropSampler(
            labels,
            self._cache,
            edge=self._config.crop_shape(ndim),
            augmentation=self._config.augmentation,
            spacing=self._config.spacing_for(ndim),
            times=times,
            centers=centers,
        )


class _FreshFirst:
    """At first every other batch from what is new, then all from everything."""

    def __init__(self, fresh: Draw, everything: Draw) -> None:
        self._fresh, self._everything = fresh, everything
        self._left = FRESH_BATCHES

    def draw(self, size: int, rng: np.random.Generator) -> Batch:
        self._left -= 1
        new = self._left >= 0 and self._left % 2 == 1
        return (self._fresh if new else self._everything)(size, rng)
