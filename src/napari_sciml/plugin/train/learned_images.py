"""Which annotated images a training learns from, and how good it is on each."""

import weakref
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from napari.layers import Image

from napari_sciml.plugin.state.labels.training_labels import Member, TrainingLabels
from napari_sciml.plugin.state.workspace import Workspace

if TYPE_CHECKING:
    from napari_sciml.training.evaluation.metrics import Scores


class LearnedImages:
    """The images that are ticked; the one that is shown always counts.

    Attributes
    ----------
    dice_of
        Mean held-out Dice of the classes but the background, of an image.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ticked: list[weakref.ref[Image]] = []
        self._newest: TrainingLabels | None = None
        self._same: tuple[int, int] | None = None
        self.dice_of: weakref.WeakKeyDictionary[Image, float] = (
            weakref.WeakKeyDictionary()
        )

    @property
    def ticked(self) -> list[Image]:
        """Images whose strokes count, as long as they are annotated."""
        known = [ref() for ref in self._ticked]
        annotated = self._workspace.annotations.images
        return [one for one in known if one is not None and one in annotated]

    @property
    def others(self) -> list[Image]:
        """The ticked ones but the one that is shown."""
        return [one for one in self.ticked if one is not self._workspace.image]

    def set(self, images: Iterable[Image]) -> None:
        """Tick these images and no others."""
        self._ticked = [weakref.ref(image) for image in images]

    def tick(self, image: Image, wanted: bool) -> None:
        """Tick an image, or do so no more."""
        kept = [one for one in self.ticked if one is not image]
        self.set([*kept, image] if wanted else kept)

    @property
    def revision(self) -> int:
        """That a model has to know, to know all strokes on the image at hand.

        An annotation that is shown again has another revision, but no other strokes.
        """
        now = self._workspace.annotation.revision
        return self._same[1] if self._same and self._same[0] == now else now

    def begin(self, labels: TrainingLabels) -> None:
        """Know what a training has been given, also after its end."""
        self._newest, self._same = labels, None

    def compare(self) -> None:
        """See whether an annotation that is shown now is one that was learned."""
        annotation, labels = self._workspace.annotation, self._newest
        if labels is None or annotation.layer is None:
            return
        if labels.has_all(self._workspace.image, annotation.learned()):
            self._same = annotation.revision, labels.revision

    def note(
        self, members: Sequence[Member], scores: Sequence["Scores | None"]
    ) -> None:
        """Remember how good a training is on the held-out strokes of each image."""
        for member, found in zip(members, scores, strict=False):
            dice = None if found is None else found.foreground_dice
            if dice is not None:
                self.dice_of[member.layer] = dice
