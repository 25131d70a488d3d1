"""Options that a command takes from a configuration."""

from typing import Annotated, Literal

import pytest
import typer
from pydantic import BaseModel, Field
from typer.testing import CliRunner

from napari_sciml.cli.configured import takes


class Baking(BaseModel):
    """How bread is baked."""

    degrees: float = Field(220.0, gt=0, le=300, description="Of the oven.")
    loaves: int = Field(1, ge=1, le=9, description="At a time.")
    flour: Literal["rye", "wheat"] = Field("rye", description="What it is made of.")
    rack: Literal[1, 2] = Field(2, description="Where it stands.")
    steam: bool = Field(True, description="Whether there is steam.")
    minutes: float | None = Field(None, ge=1, description="None = until it is brown.")
    smell: str = Field("good", description="Not asked for.")


USUAL = Baking()


@pytest.fixture
def command():
    """Bakes, and says how."""
    app, told = typer.Typer(), []

    @app.command()
    @takes(
        Baking,
        *("degrees", "loaves", "flour", "rack", "steam", "minutes"),
        as_="baking",
        degrees="--hot",
    )
    def bake(
        name: str,
        baking: Baking = USUAL,
        twice: Annotated[bool, typer.Option()] = False,
    ) -> None:
        """Bake bread."""
        told.append((name, baking, twice))

    def run(*words):
        told.clear()
        result = CliRunner().invoke(app, words)
        return result, told[0] if told else None

    return run


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((), {}),
        (("--hot", "180.5", "--loaves", "3"), {"degrees": 180.5, "loaves": 3}),
        (("--flour", "wheat", "--rack", "1"), {"flour": "wheat", "rack": 1}),
        (("--no-steam", "--minutes", "40"), {"steam": False, "minutes": 40.0}),
    ],
)
def test_the_model_is_what_the_options_say(command, words, expected) -> None:
    result, told = command("toast", *words, "--twice")
    assert result.exit_code == 0, result.output
    assert told == ("toast", Baking(**expected), True)
    assert type(told[1].flour) is str


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--loaves", "0"), "--loaves"),
        (("--loaves", "10"), "--loaves"),
        (("--hot", "301"), "--hot"),
        (("--hot", "nan"), "--hot"),
        (("--flour", "sand"), "--flour"),
        (("--smell", "bad"), "--smell"),
    ],
)
def test_what_does_not_fit_is_named(command, words, told) -> None:
    result, baked = command("toast", *words)
    assert result.exit_code == 2
    assert told in result.output
    assert baked is None


@pytest.mark.parametrize("words", [("--hot", "0"), ("--rack", "3")])
def test_what_an_option_cannot_say_is_left_to_the_model(command, words) -> None:
    result, baked = command("toast", *words)
    assert isinstance(result.exception, ValueError)
    assert baked is None


def test_help_bounds_and_defaults_are_those_of_the_fields(command) -> None:
    output = " ".join(command("--help")[0].output.split())
    for said in ("Of the oven.", "220", "1<=x<=9", "rye|wheat", "--no-steam", "brown"):
        assert said in output
    assert "Not asked for" not in output
