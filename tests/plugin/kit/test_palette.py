"""Colors of text and curves can be read on the themes of napari."""

from dataclasses import asdict

import pytest
from napari.settings import get_settings
from napari.utils.theme import get_theme

from napari_sciml.plugin.kit.widgets.palette import (
    DARK,
    LIGHT,
    follow,
    luminance,
    palette,
)

THEMES = {"dark": DARK, "light": LIGHT}
HELP = {"behind", "grid"}


@pytest.fixture(autouse=True)
def theme_as_before():
    before = get_settings().appearance.theme
    yield
    get_settings().appearance.theme = before


def contrast(one: str, other: str) -> float:
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_black_and_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)  # WebAIM's


@pytest.mark.parametrize("name", THEMES)
def test_enough_contrast(name) -> None:
    paper = get_theme(name).background.as_hex("long")
    for meaning, color in asdict(THEMES[name]).items():
        if meaning not in HELP:
            assert contrast(color, paper) >= 4.5, meaning


def test_follows_the_theme() -> None:
    class Owner:
        pass

    seen, owner = [], Owner()
    get_settings().appearance.theme = "dark"
    follow(owner, lambda _, colors: seen.append(colors))
    get_settings().appearance.theme = "light"
    assert palette() is LIGHT
    assert seen == [DARK, LIGHT]
    del owner
    get_settings().appearance.theme = "dark"
    assert seen == [DARK, LIGHT]
