"""Options that are the fields of a configuration: declared once, in the model."""

import inspect
import types
from collections.abc import Callable, Sequence
from enum import Enum, StrEnum
from functools import wraps
from typing import Annotated, Any, Literal, Union, cast, get_args, get_origin

import typer
from pydantic import BaseModel

from napari_sciml.bounds import bounds_of
from napari_sciml.cli.options import finite

Command = Callable[..., None]


def takes(
    model: type[BaseModel], *fields: str, as_: str = "config", **flags: str
) -> Callable[[Command], Command]:
    """Give a command an option for each of some fields of a configuration.

    The options stand where the command has the parameter ``as_``, and it is called
    with a checked ``model`` in its place. Help, default, bounds and choices are those
    of the field.

    Parameters
    ----------
    model
        The configuration.
    fields
        Numbers, texts, choices and yes or no, or None.
    as_
        Parameter of the command.
    flags
        Name of the option, for fields that have another one: ``class_name="--class"``.
    """

    def decorate(command: Command) -> Command:
        options = [_option(model, name, flags.get(name)) for name in fields]
        signature = inspect.signature(command)

        @wraps(command)
        def call(**given: Any) -> None:
            values = {name: _plain(given.pop(name)) for name in fields}
            command(**given, **{as_: model.model_validate(values)})

        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            parameters += options if parameter.name == as_ else [parameter]
        call.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {one.name: one.annotation for one in parameters}
        return call

    return decorate


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _option(model: type[BaseModel], name: str, flag: str | None) -> inspect.Parameter:
    field = model.model_fields[name]
    kind, optional = _kind(field.annotation)
    flags = [] if flag is None else [flag]
    if get_origin(kind) is Literal:
        kind = _choice(name, get_args(kind))
    more: dict[str, Any] = {}
    if kind in (int, float):
        # What an open bound excludes is left to the model.
        more["min"], more["max"] = bounds_of(model, name)
    if kind is float:
        more["callback"] = finite
    option = typer.Option(*flags, help=field.description, **more)
    default = field.get_default(call_default_factory=True)
    return inspect.Parameter(
        name,
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=default,
        annotation=Annotated[kind | None if optional else kind, option],
    )


def _kind(annotation: Any) -> tuple[Any, bool]:
    """Type of a field, and whether it may be None."""
    if get_origin(annotation) in (Union, types.UnionType):
        (kind,) = (one for one in get_args(annotation) if one is not type(None))
        return kind, True
    return annotation, False


def _choice(name: str, values: Sequence[Any]) -> type:
    """Give the type of a choice; numbers are left to the model."""
    if not isinstance(values[0], str):
        return type(values[0])
    return cast("type", StrEnum(name, {value.upper(): value for value in values}))
