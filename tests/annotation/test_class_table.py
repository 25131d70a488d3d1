import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_sciml.annotation.classes import (
    DEFAULT_COLORS,
    DEFAULT_TABLE,
    MAX_CLASSES,
    ClassTable,
    LabelClass,
    from_csv,
    to_csv,
)
from napari_sciml.errors import InputError
from napari_sciml.escape import plain

NAMES = ("background", "fiber", "void", "crack")
TABLE = ClassTable.of(NAMES)

colors = st.integers(0, 0xFFFFFF).map(lambda n: f"#{n:06x}")
names = st.text(min_size=1, max_size=12).map(plain).filter(bool)
tables = st.lists(names, min_size=1, max_size=MAX_CLASSES, unique=True).flatmap(
    lambda found: st.builds(
        ClassTable.of,
        st.just(found),
        st.lists(colors, min_size=len(found), max_size=len(found)),
    )
)


def test_the_default_classes_have_the_first_colors():
    assert DEFAULT_TABLE.names == ("background", "fiber")
    assert DEFAULT_TABLE.colors == DEFAULT_COLORS[:2]


def test_operations_leave_the_old_table_alone():
    assert TABLE.added(" pore ").names == (*NAMES, "pore")
    assert TABLE.renamed(2, "wire").names == ("background", "wire", "void", "crack")
    assert TABLE.recolored(2, "#ABCDEF").colors[1] == "#abcdef"
    assert TABLE.names == NAMES


def test_a_new_class_gets_a_color_that_is_free():
    table, _ = TABLE.removed(2)
    assert table.added("pore").colors[-1] == DEFAULT_COLORS[1]
    full = ClassTable.of([str(n) for n in range(MAX_CLASSES)])
    assert len(set(full.colors)) == MAX_CLASSES


@pytest.mark.parametrize(
    ("change", "expected_names", "expected_values"),
    [
        (lambda t: t.removed(2), ("background", "void", "crack"), [0, 1, 0, 2, 3]),
        (lambda t: t.removed(4), NAMES[:3], [0, 1, 2, 3, 0]),
        (lambda t: t.merged(2, 1), ("background", "void", "crack"), [0, 1, 1, 2, 3]),
        (lambda t: t.merged(2, 4), ("background", "void", "crack"), [0, 1, 3, 2, 3]),
        (lambda t: t.merged(4, 2), NAMES[:3], [0, 1, 2, 3, 2]),
    ],
)
def test_where_labels_move_to(change, expected_names, expected_values):
    table, values = change(TABLE)
    assert table.names == expected_names
    assert values[:5].tolist() == expected_values
    assert np.array_equal(values[5:], np.arange(5, 256))


@given(tables, st.data())
def test_removed_and_merged_labels_mean_what_they_meant(table, data):
    label = data.draw(st.integers(1, len(table)))
    if len(table) == 1:
        return
    into = data.draw(st.integers(1, len(table)).filter(lambda n: n != label))
    for new, values in (table.removed(label), table.merged(label, into)):
        for old in range(1, len(table) + 1):
            if old != label:
                assert new.classes[values[old] - 1] == table.classes[old - 1]
    assert new.classes[values[label] - 1] == table.classes[into - 1]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda: TABLE.added("fiber"), "name of its own"),
        (lambda: TABLE.renamed(1, "  "), "name of its own"),
        (lambda: TABLE.recolored(1, "orange"), "#rrggbb"),
        (lambda: TABLE.removed(5), "no class 5"),
        (lambda: TABLE.removed(0), "no class 0"),
        (lambda: TABLE.merged(2, 2), "another class"),
        (lambda: ClassTable.of(["a"]).removed(1), "one class at least"),
        (lambda: ClassTable.of([str(n) for n in range(10)]), "More than 9"),
    ],
)
def test_refuses(change, sentence):
    with pytest.raises(InputError, match=sentence):
        change()


@given(tables)
def test_csv_round_trip(table):
    assert from_csv(to_csv(table)) == table


def test_csv_of_a_spreadsheet():
    text = "\ufeffLabel;Name;Color;remark\r\n2;fiber;#FF0000;x\r\n1; matrix;;\r\n"
    assert from_csv(text).classes == (
        LabelClass("matrix", DEFAULT_COLORS[0]),
        LabelClass("fiber", "#ff0000"),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "Line 1: the column 'label' is missing"),
        ("label,color\n1,#000000\n", "Line 1: the column 'name' is missing"),
        ("label,name,color\n", "one class"),
        ("label,name,color\n1,a,#000000\nx,b,#000000\n", "Line 3: the label 'x'"),
        ("label,name,color\n10,a,\n", "Line 2: the label '10' must be"),
        ("label,name,color\n1,a,\n1,b,\n", "Line 3: label 1 comes twice"),
        ("label,name,color\n1,a,\n2,a,\n", "Line 3: Each class needs a name"),
        ("label,name,color\n1,a,red\n", "Line 2: The color 'red'"),
        ("label,name,color\n1\n", "Line 2: Each class needs a name"),
        ("label,name,color\n1,a,\n3,b,\n", "Label 2 is missing"),
    ],
)
def test_csv_with_mistakes(text, sentence):
    with pytest.raises(InputError, match=sentence):
        from_csv(text)
