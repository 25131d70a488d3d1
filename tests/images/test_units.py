import pytest

from napari_sciml.images.units import METERS, SYMBOLS, ascii_unit, size_text, unit_name


@pytest.mark.situation(
    "Units and voxel sizes",
    "a unit for each axis; µ in all its spellings",
    "converted",
)
@pytest.mark.situation(
    "Units and voxel sizes",
    "Mm and Pm, mega- and petameters",
    "not taken for mm and pm: unknown, told",
)
@pytest.mark.parametrize(
    ("name", "spellings"),
    [
        (
            "micrometer",
            "µm|μm|um|UM|Âµm|Î¼m|\\u00B5m|\\u00b5m|\\u03BCm|&micro;m|micron|Microns|"
            "micrometers|micrometre|\N{SQUARE MU M}|?m|\ufffdm|[um]| µm |mum",
        ),
        ("angstrom", "Å|\N{ANGSTROM SIGN}|A|A\u030a|Ã\x85|Ã…|ang|Angstroms|Ångström"),
        ("nanometer", "nm|NM|nanometre|nanometers"),
        ("picometer", "pm|picometer"),
        ("millimeter", "mm|MM|millimetres"),
        ("kilometer", "km"),
        ("inch", 'inch|in|inches|"'),
        ("pixel", "pixel|Pixels|px|voxels||None|units"),
        ("furlong", "furlong|Furlong"),
        ("Mm", "Mm| Mm "),
        ("Pm", "Pm"),
    ],
)
def test_spellings(name, spellings):
    for spelling in spellings.split("|"):
        assert unit_name(spelling) == name, spelling


def test_what_is_written_is_read_again():
    for name in METERS:
        assert unit_name(ascii_unit(name)) == name
        assert unit_name(SYMBOLS[name]) == name
    assert unit_name(ascii_unit("\N{FULLWIDTH LATIN SMALL LETTER X}ü 😀")) == "xü 😀"


@pytest.mark.parametrize("unit", ["µm", "Å", "angstrom", "ü\nm", "😀"])
def test_imagej_units_are_ascii_of_one_line(unit):
    assert ascii_unit(unit).isascii()
    assert "\n" not in ascii_unit(unit)


def test_size_in_words():
    assert size_text((0.27, 0.054), "um") == "0.27 \N{MULTIPLICATION SIGN} 0.054 µm"
