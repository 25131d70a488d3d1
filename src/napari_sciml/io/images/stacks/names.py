"""The numbers in the names of slices: their order, and what is missing."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

ROUNDED = 0.05
"""Share of a step by which rounded numbers may be off."""

_DECIMAL = re.compile(r"(?<![\d.,])(\d+)[.,p](\d+)(?![.,]?\d)")
_DIGITS = re.compile(r"\d+")
_MINUS = "-−–"  # noqa: RUF001  as programs write it


@dataclass(frozen=True)
class Numbered:
    """Names that differ in numbers only.

    Attributes
    ----------
    names
        As given.
    values
        The numbers of each name that are not the same in all.
    """

    names: tuple[str, ...]
    values: tuple[tuple[Decimal, ...], ...]


@dataclass(frozen=True)
class _Parts:
    """A name in pieces: what is between the numbers, and the numbers."""

    name: str
    texts: tuple[str, ...]
    numbers: tuple[Decimal, ...]


def numbered(names: Sequence[str]) -> list[Numbered]:
    """Sort names into stacks whose members differ in numbers only, largest first.

    A minus counts where only some of the numbers have one: it is a hyphen where all
    have one, as in ``scan-001``. Endings such as ``.tif`` are no part of a name.

    Parameters
    ----------
    names
        Without endings.
    """
    best = _stacks([_split(name, decimals=False) for name in names])
    if not any(_DECIMAL.search(name) for name in names):
        return sorted(best, key=lambda stack: -len(stack.names))
    with_decimals = _stacks([_split(name, decimals=True) for name in names])
    if _is_better(with_decimals, best):
        best = with_decimals
    return sorted(best, key=lambda stack: -len(stack.names))


def in_order(stack: Numbered) -> tuple[list[int], list[Decimal]] | None:
    """Positions of the names in ascending order, and the numbers that tell it.

    Returns
    -------
    tuple or None
        None where the names count more than one thing, such as time and depth, which
        is so unless all numbers rise together.
    """
    order = sorted(range(len(stack.names)), key=lambda i: stack.values[i])
    columns = [list(c) for c in zip(*(stack.values[i] for i in order), strict=True)]
    if not columns:
        return (order, []) if len(order) == 1 else None
    if len(columns) > 1 and not all(_rises(column) for column in columns):
        return None
    return order, min(columns, key=_unevenness)


def gaps(values: Sequence[Decimal]) -> list[tuple[int, int]] | None:
    """Where ascending numbers leave some out, as position before and how many.

    Returns
    -------
    list or None
        Empty where the numbers rise by equal steps, None where there is no step that
        most of them keep.
    """
    counts = _counts(values)
    if 2 * counts.count(1) < len(counts) or None in counts:
        return None
    return [(i, n - 1) for i, n in enumerate(counts) if n and n > 1]


def _counts(column: Sequence[Decimal]) -> list[int | None]:
    """Each step from number to number as a multiple of the usual one, if it is one."""
    steps = [b - a for a, b in pairwise(column)]
    usual = sorted(steps)[(len(steps) - 1) // 2] if steps else Decimal(1)
    # Numbers may be rounded: 0.33, 0.67, 1.00.
    ratios = [float(step / usual) if usual else 0.0 for step in steps]
    return [round(r) if r and abs(r - round(r)) < ROUNDED else None for r in ratios]


def _unevenness(column: Sequence[Decimal]) -> int:
    counts = _counts(column)
    return len(counts) - counts.count(1)


def _rises(column: Sequence[Decimal]) -> bool:
    return all(a < b for a, b in pairwise(column))


def _split(name: str, *, decimals: bool) -> _Parts:
    pattern = f"(?:{_DECIMAL.pattern})|(?:{_DIGITS.pattern})" if decimals else _DIGITS
    texts, numbers, end = [], [], 0
    for found in re.finditer(pattern, name):
        texts.append(name[end : found.start()].lower())
        numbers.append(Decimal(re.sub("[,p]", ".", found.group())))
        end = found.end()
    return _Parts(name, (*texts, name[end:].lower()), tuple(numbers))


def _stacks(parts: Sequence[_Parts]) -> list[Numbered]:
    stacks: dict[tuple[str, ...], list[_Parts]] = {}
    for part in parts:
        unsigned = tuple(_without_sign(text) for text in part.texts[:-1])
        stacks.setdefault((*unsigned, part.texts[-1]), []).append(part)
    return [_numbered(stack) for stack in stacks.values()]


def _numbered(stack: Sequence[_Parts]) -> Numbered:
    columns = []
    for i in range(len(stack[0].numbers)):
        signs = [_sign(part.texts[i]) for part in stack]
        signed = len(set(signs)) > 1 or _is_surely_signed(stack[0], i)
        column = [
            -part.numbers[i] if signed and sign == "-" else part.numbers[i]
            for part, sign in zip(stack, signs, strict=True)
        ]
        if len(set(column)) > 1:
            columns.append(column)
    values = zip(*columns, strict=True) if columns else [()] * len(stack)
    return Numbered(tuple(part.name for part in stack), tuple(values))


def _without_sign(text: str) -> str:
    return text[:-1] if _sign(text) else text


def _sign(text: str) -> str:
    if text[-1:] and text[-1] in _MINUS:
        return "-"
    return "+" if text.endswith("+") else ""


def _is_surely_signed(part: _Parts, i: int) -> bool:
    """Whether what is before a number can be nothing but a minus: ``z_-10um``."""
    before, after = part.texts[i], part.texts[i + 1]
    if _sign(before) != "-":
        return False
    with_unit = before[:-1].endswith("z") and re.match("[uµμn]m", after)
    return before[:-1] == "" or before[-2] in "_=(" or bool(with_unit)


def _is_better(decimals: Sequence[Numbered], digits: Sequence[Numbered]) -> bool:
    """Whether digits about a point are one number: ``z0.5`` but not ``scan1.12``."""
    if [stack.names for stack in decimals] == [stack.names for stack in digits] and all(
        a.values == b.values for a, b in zip(decimals, digits, strict=True)
    ):
        return False
    if any(len(set(stack.values)) < len(stack.values) for stack in decimals):
        return False
    largest = max(digits, key=lambda stack: len(stack.names))
    several = len(digits) > len(decimals) or any(len(v) > 1 for v in largest.values)
    # One whole part for all: the digits after the point count, unless 0.05 is there.
    return several or any(
        re.search(r"\d[.,p]0\d", name) for stack in digits for name in stack.names
    )
