"""Text of any kind, at each place that it is put into."""

import csv
import html
import io
import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
import tifffile

from napari_sciml.annotation.classes import (
    ClassTable,
    class_names,
    from_csv,
    to_csv,
)
from napari_sciml.errors import InputError
from napari_sciml.escape import for_csv, for_html, for_matplotlib, for_terminal, plain
from napari_sciml.fibers.report.plots import length_histogram
from napari_sciml.images.units import ascii_unit, unit_name
from napari_sciml.io.provenance import json_text
from napari_sciml.io.results.arrays import save_labels

RAW = os.fsdecode(b"\xffm\xb5")
ODD = [
    r"$\frac{",
    "$$",
    "\\",
    "_^{}",
    "a\nb\r\x1b[31m\0",
    RAW,
    "\N{GRINNING FACE}",
    "[bold]x[/bold]",
    "[/]",
    "<script>alert(1)</script>",
    '=1+1,"a"',
    "-fiber",
    "'+x",
    "\u202eright to left",
    "\u2028",
    "\u6d4b\u8bd5",
]


@pytest.mark.parametrize("text", ODD)
def test_every_place(text):
    line = plain(text)
    line.encode("utf-8")
    assert plain(line) == line
    assert not set(line) & set("\n\r\x1b\0\u202e\u2028")
    assert html.unescape(for_html(text)) == line
    assert not set(for_html(text)) & set("<>\"'")
    assert not set(for_terminal(text)) & set("\n\r\x1b\0\u202e\u2028")
    assert json.loads(json_text({"name": text})) == {"name": text}
    assert ascii_unit(text).isascii()
    plain(unit_name(text)).encode("utf-8")


@pytest.mark.parametrize("text", [text for text in ODD if plain(text)])
def test_classes_of_any_name_go_through_csv(text):
    table = ClassTable.of([text, "other"])
    cell = list(csv.reader(io.StringIO(to_csv(table))))[1][1]
    assert cell == for_csv(text)
    assert not cell.startswith(("=", "+", "-", "@"))
    assert from_csv(to_csv(table)) == table


@pytest.mark.parametrize("unit", ODD)
def test_pictures_of_any_unit(unit):
    table = pd.DataFrame({"length": [3.0, 4.0, 5.0]})
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of signs that the font has not
        for kind in ("png", "svg"):
            length_histogram(table, unit).savefig(io.BytesIO(), format=kind)


@pytest.mark.parametrize("unit", ODD)
@pytest.mark.parametrize("edge", [2.0, 1e-11])  # the header of ImageJ, that of OME
def test_headers_of_any_unit(tmp_path, unit, edge):
    save_labels(tmp_path / "l.tif", np.eye(9, dtype=np.uint8), (edge, edge), unit)
    with tifffile.TiffFile(tmp_path / "l.tif") as file:
        assert file.is_ome == (edge < 1)
        assert file.asarray().sum() == 9


def test_a_dollar_is_drawn_as_it_is():
    assert for_matplotlib("a $x$") == r"a \$x\$"


@pytest.mark.parametrize(
    ("text", "told"), [("a,a", "two classes"), ("a b,a  b", "two"), ("x" * 61, "61")]
)
def test_refused_names_of_classes(text, told):
    with pytest.raises(InputError, match=told):
        class_names(text)


def test_names_of_classes_from_the_command_line():
    assert class_names(f" a\n b ,,{RAW}") == ("a b", "\ufffdm\ufffd")


@pytest.mark.skipif(sys.platform == "win32", reason="names of files are bytes")
def test_files_of_any_name_and_a_terminal_of_ascii(training_folder):
    """From the image to the mask, all that is written can be read again."""
    image = training_folder / os.fsdecode(b"i\xff\x1b[31m\n[bold]$x.tif")
    (training_folder / "image.tif").rename(image)
    script = training_folder / "all.py"
    few = ["--members", "1", "--steps", "2", "--threads", "1"]
    names = "a [bold]$x^,\N{GRINNING FACE} <b>"
    commands = [
        ["train", image.name, "labels.tif", "--out", "m", "--classes", names, *few],
        ["predict", "m", image.name, "--out", "p.tif", "--threads", "1"],
        ["predict", "m", image.name, "--out", "p.tif", "--resume"],
        ["threshold", "p.ome.zarr", "--out", "t.tif", "--class", names.split(",")[1]],
    ]
    script.write_text(
        "import sys\nfrom napari_sciml.cli import app as cli\n"
        f"for given in {commands!a}:\n"
        "    sys.argv = ['napari-sciml', *given]\n"
        "    try:\n        cli.main()\n"
        "    except SystemExit as ended:\n"
        "        assert not ended.code, (given, ended.code)\n",
        "ascii",
    )
    ascii_only = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=training_folder,
        env={**os.environ, **ascii_only, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert b"\x1b[31m" not in done.stdout + done.stderr
    assert b"a [bold]$x^" in done.stdout
    record = json.loads((training_folder / "m/model.json").read_bytes())["record"]
    assert record["image"].endswith(image.name)
