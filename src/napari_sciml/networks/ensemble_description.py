"""What an ensemble is but for its weights, for the model file and back."""

from collections.abc import Sequence
from typing import Any

from napari_sciml.errors import InputError
from napari_sciml.images.intensity import IntensityScale
from napari_sciml.networks.build import network_from_description
from napari_sciml.networks.custom import OwnModules
from napari_sciml.networks.ensemble import Ensemble, check_forest
from napari_sciml.networks.feature_range import FeatureRange
from napari_sciml.networks.protocol import Network
from napari_sciml.networks.scale_space import ScaleSpace
from napari_sciml.networks.trees.two_stage import TwoStageForest


def describe_ensemble(ensemble: Ensemble) -> dict[str, Any]:
    """Everything but the weights, JSON-able."""
    front = ensemble.front
    return {
        "dims": ensemble.dims,
        "class_names": list(ensemble.class_names),
        "intensity": {
            "offset": _as_json(ensemble.intensity.offset),
            "scale": _as_json(ensemble.intensity.scale),
            "per_image": ensemble.intensity.per_image,
        },
        "sigmas": list(front.sigmas),
        "spacing": None if front.spacing is None else [*front.spacing],
        "temperature": float(ensemble.temperature),
        "log_prior_ratio": ensemble.log_prior_ratio.tolist(),
        "members": [member.description() for member in ensemble.members],
        "forest": None if ensemble.forest is None else ensemble.forest.description(),
        "trust": ensemble.found_trust,
        **_known(ensemble),
    }


def _known(ensemble: Ensemble) -> dict[str, Any]:
    # Left out where it is not known: models keep the description that they had.
    return {"familiar": ensemble.familiar.model_dump()} if ensemble.familiar else {}


def build_ensemble(
    description: dict[str, Any], own: OwnModules | None = None
) -> Ensemble:
    """Build an ensemble with arbitrary weights, to load a state into.

    Parameters
    ----------
    description
        As from `describe_ensemble`.
    own
        Modules of networks that others wrote, by name.

    Raises
    ------
    InputError
        When a member cannot be built (see `network_from_description`), or the
        members do not fit the front end and the classes.
    """
    intensity = _intensity(description["intensity"])
    front = ScaleSpace(
        description["dims"],
        description["sigmas"],
        spacing=description.get("spacing"),
        inputs=intensity.channels,
    )
    members = [network_from_description(d, own) for d in description["members"]]
    trees = description.get("forest")
    forest = None if trees is None else TwoStageForest.from_description(trees)
    classes = len(description["class_names"])
    if forest is not None:
        check_forest(forest, front, classes)
    if members or forest is None:
        _check_fit(members, front, classes)
    ensemble = Ensemble(
        members,
        front=front,
        intensity=intensity,
        class_names=description["class_names"],
        forest=forest,
        trust=_share(description.get("trust", 1.0)),
    )
    ensemble.set_calibration(
        temperature=description.get("temperature", 1.0),
        log_prior_ratio=description.get("log_prior_ratio"),
    )
    ensemble.familiar = FeatureRange.from_description(
        description.get("familiar"), front.channels
    )
    return ensemble


def _intensity(scale: dict[str, Any]) -> IntensityScale:
    return IntensityScale(
        _from_json(scale["offset"]),
        _from_json(scale["scale"]),
        per_image=scale.get("per_image") is True,
    )


def _as_json(value: float | tuple[float, ...]) -> float | list[float]:
    return list(value) if isinstance(value, tuple) else value


def _from_json(value: float | list[float]) -> float | tuple[float, ...]:
    return tuple(map(float, value)) if isinstance(value, list) else value


def _share(value: Any) -> float:
    share = float(value)
    if not 0 <= share <= 1:
        raise InputError(
            f"The description of the model is damaged: its networks weigh {share}."
        )
    return share


def _check_fit(members: Sequence[Network], front: ScaleSpace, classes: int) -> None:
    wanted = (front.dims, front.channels, classes)
    shapes = [(m.dims, m.in_channels, m.classes) for m in members]
    if not shapes or any(shape != wanted for shape in shapes):
        raise InputError(
            "The description of the model is damaged: its networks should have "
            f"{wanted} axes, channels and classes, but have {shapes}."
        )
