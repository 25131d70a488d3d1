"""JSON of any kind is read, or refused in one sentence."""

import json
import os
import tracemalloc

import pytest

from napari_sciml.json_files import (
    DEEPEST,
    LARGEST,
    UnreadableError,
    parse_object,
    read_file,
    read_object,
)

DEEP = 100_000


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b'{"a": [1, 2.5, null, true, "x"]}', {"a": [1, 2.5, None, True, "x"]}),
        (b"\xef\xbb\xbf{}", {}),
        ('{"name": "µ"}'.encode("utf-16"), {"name": "µ"}),
        (b'{"name": "\\u00b5"}', {"name": "µ"}),
        (b'{"name": "\\ud83d\\ude00"}', {"name": "😀"}),
        (b'{"state": %d}' % 2**127, {"state": 2**127}),
        (
            b'{"a":' * (DEEPEST - 1) + b"{}" + b"}" * (DEEPEST - 1),
            json.loads('{"a":' * (DEEPEST - 1) + "{}" + "}" * (DEEPEST - 1)),
        ),
    ],
)
def test_sound_json_is_read(tmp_path, content, value) -> None:
    (tmp_path / "a.json").write_bytes(content)
    assert read_object(tmp_path / "a.json") == value


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no JSON .*line 1"),
        (b"{", "no JSON"),
        (b"[1]", "no JSON object"),
        (b"null", "no JSON object"),
        (b'"a"', "no JSON object"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "-Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "number of 5000 digits"),
        (b'{"a": ' + b"9" * 41 + b"}", "number of 41 digits"),
        (b'{"a": "\xff"}', "no text in UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "no text in UTF-8"),
        (b'{"a": ["\\ud800"]}', "characters that do not exist"),
        (b'{"\\udfff": 1}', "characters that do not exist"),
        (b'{"a": "\\udc7f"}', "characters that do not exist"),
        (b'{"a": "\\u0000"}', "characters that do not exist"),
        (b'{"a":' * DEEP + b"1" + b"}" * DEEP, "nested deeper"),
        (b'{"a":' + b"[" * DEEP + b"]" * DEEP + b"}", "nested deeper"),
        (b'{"a":' + b"[" * 70 + b"]" * 70 + b"}", "nested deeper"),
        (b'{"a":' * DEEP, "nested deeper|no JSON"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_other_json_is_refused_in_one_sentence(tmp_path, content, reason) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=reason) as refused:
        read_object(path)
    said = str(refused.value)
    assert said.startswith(f"{path} cannot be read: ")
    assert said.endswith(".")
    assert "\n" not in said
    assert len(said) < 300
    assert not refused.value.missing


def test_what_is_no_number_is_read_where_it_is_wanted() -> None:
    value = parse_object(b'{"a": [NaN, Infinity, 1e999]}', nan=True)
    assert [str(number) for number in value["a"]] == ["nan", "inf", "inf"]


def make_fifo(path):
    os.mkfifo(path)


def make_huge(path):
    with path.open("wb") as file:
        file.truncate(10**10)  # sparse: takes no space


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "it is a folder, not a file"),
        (make_fifo, "it is a named pipe, not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a file"),
        (lambda path: path.symlink_to(path), "symbolic links"),
        (make_huge, "larger than 16 MB"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_only_regular_files_of_a_fitting_size_are_read(tmp_path, make, reason) -> None:
    path = tmp_path / "a.json"
    make(path)
    tracemalloc.start()
    with pytest.raises(UnreadableError, match=reason) as refused:
        read_object(path)
    assert tracemalloc.get_traced_memory()[1] < LARGEST
    tracemalloc.stop()
    assert refused.value.missing == (reason == "no such file")


def test_a_path_that_cannot_exist_is_refused(tmp_path) -> None:
    with pytest.raises(UnreadableError, match="null"):
        read_file(f"{tmp_path}/a\0b")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UnreadableError, match="no such file"):
        read_file(tmp_path / "file" / "below")


def test_the_limit_is_what_was_asked_for(tmp_path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    assert read_file(tmp_path / "a", limit=100) == b"x" * 100
    with pytest.raises(UnreadableError, match="larger than 99 bytes"):
        read_file(tmp_path / "a", limit=99)
