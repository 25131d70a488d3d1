"""Make the tables of docs/files.md from the tests that prove their rows.

A test says which row it proves; several tests may prove one::

    @pytest.mark.situation("TIFF", "file that ends too early", "refused")

Rows keep the order that they have in the file, new ones come last::

    python docs/make_files_table.py           # write the tables
    python docs/make_files_table.py --check   # only say what differs
"""

import argparse
import io
import os
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = Path(__file__).with_name("files.md")
TABLE = re.compile(
    r"<!-- from the tests: (?P<section>.+) -->\n"
    r"(?P<head>\|.+\n\|.+\n)(?P<rows>(?:\|.+\n)*)<!-- end -->\n"
)


class Situations:
    """A plugin of pytest that gathers the rows of each section.

    Attributes
    ----------
    rows
        Rows by section, in the order of the tests, each once.
    """

    def __init__(self) -> None:
        self.rows: dict[str, dict[str, None]] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Take the marks of all tests, the uppermost of a function first."""
        for item in items:
            for mark in reversed(list(item.iter_markers("situation"))):
                section, situation, answer = mark.args
                row = f"| {situation} | {answer} |\n"
                self.rows.setdefault(section, {})[row] = None


def rows_of_tests() -> dict[str, dict[str, None]]:
    """Rows by section, of the test files in which a situation is marked."""
    found = Situations()
    files = sorted(
        str(path)
        for path in (ROOT / "tests").rglob("test_*.py")
        if "mark.situation(" in path.read_text(encoding="utf-8")
    )
    # Plugins take longer than the tests to be imported, and only running needs them.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = ["--collect-only", "-qq", "-p", "no:cacheprovider", "-o", "addopts="]
    options += [f"--rootdir={ROOT}", *files]
    with redirect_stdout(io.StringIO()) as said:
        failed = bool(files) and pytest.main(options, plugins=[found])
    if failed:
        sys.exit(f"{said.getvalue()}\nThe tests cannot be collected.")
    return found.rows


def with_rows(text: str, rows: dict[str, dict[str, None]]) -> str:
    """The page with these rows in its tables."""

    def rewritten(table: re.Match[str]) -> str:
        given = rows.get(table["section"], {})
        present = table["rows"].splitlines(keepends=True)
        order = dict.fromkeys([row for row in present if row in given]) | given
        first, _, _ = table[0].partition("\n")
        return f"{first}\n{table['head']}{''.join(order)}<!-- end -->\n"

    places = {table["section"] for table in TABLE.finditer(text)}
    if strange := rows.keys() - places:
        sys.exit(f"{DOCS.name} has no table for {', '.join(sorted(strange))}.")
    return TABLE.sub(rewritten, text)


def difference(text: str, wanted: str) -> list[str]:
    """Rows that only one of both pages has."""
    old, new = text.splitlines(), wanted.splitlines()
    gone = [f"no test has: {line}" for line in old if line not in set(new)]
    return gone + [f"not written yet: {line}" for line in new if line not in set(old)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or say what differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="only say what differs")
    check = parser.parse_args(arguments).check
    text = DOCS.read_text(encoding="utf-8")
    wanted = with_rows(text, rows_of_tests())
    if not check:
        DOCS.write_text(wanted, encoding="utf-8")
    elif text != wanted:
        print(*difference(text, wanted), sep="\n")
        print("Run python docs/make_files_table.py, or correct the marks of the tests.")
    return int(check and text != wanted)


if __name__ == "__main__":
    sys.exit(main())
