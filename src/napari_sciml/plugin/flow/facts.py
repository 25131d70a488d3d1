"""What there is in a viewer, for the advice on what to do next."""

from typing import TYPE_CHECKING

from napari_sciml.plugin.flow.advice import Facts
from napari_sciml.plugin.state.evidence import is_poor, unknown_classes

if TYPE_CHECKING:
    from napari_sciml.plugin.session import ViewerSession


def facts_of(session: "ViewerSession") -> Facts:
    """Look what is there; cheap enough for several times a second."""
    workspace, training = session.workspace, session.training
    annotation, model = workspace.annotation, session.prediction.model
    volume, counts = session.prediction.probabilities, annotation.counts
    names = annotation.class_names
    missing = [n for label, n in enumerate(names, 1) if not counts.voxels.get(label)]
    sure = session.sure
    target = sure.class_names[sure.class_index]
    seen = None if model is None else model.revision
    return Facts(
        image=workspace.image is not None,
        annotating=annotation.layer is not None,
        missing=tuple(missing),
        strokes=sum(counts.strokes.values()),
        training=training.running,
        settled=training.settled,
        model=model is not None,
        behind=seen is not None and seen != training.images.revision,
        unknown=unknown_classes(model),
        target=target,
        share=0.0 if volume is None else volume.share,
        kept=sure.complete and workspace.layers.get(sure.layer_name) is not None,
        measured=_is_measured(session),
        outdated=_is_outdated(session),
        drops_most=session.fibers.drops_most,
        poor=is_poor(model, target),
    )


def _is_measured(session: "ViewerSession") -> bool:
    """Whether there are fibers of a mask on the image that is shown."""
    fibers, workspace = session.fibers, session.workspace
    mask, layers = fibers.mask, workspace.layers
    if fibers.result is None or mask is None or not workspace.has(mask):
        return False
    return not layers.owns(mask) or bool(layers.name_of(mask))


def _is_outdated(session: "ViewerSession") -> bool:
    """Whether our mask has changed since its fibers were measured."""
    fibers, sure = session.fibers, session.sure
    shown = session.workspace.layers.get(sure.layer_name)
    if fibers.result is None or shown is None or fibers.mask is not shown:
        return False
    return sure.complete and sure.kept != fibers.result.mask_voxels
