"""The columns of a frame as bytes: small, and exactly what was sent.

Sensors have a resolution, so a column of depths is nearly always a column of small integers times a power of ten. A
column is written as the differences of these integers where that gives back every double bit for bit, and as the
doubles themselves where it does not.

Layout, little-endian: for each of depth_mm, load_kg, left_n, right_n one byte of kind, then

    ABSENT    nothing
    NUMBER    one double
    DOUBLES   head, doubles
    SCALED    head, digits (u8), width (u8: bytes a difference), first (i64), differences

where head is the length (u32), whether nulls follow (u8) and if so a bit a value, set for null, lowest bit first.
Nulls have no place among the values.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sledwatch.events import Frame

ABSENT: Final = 0
NUMBER: Final = 1
DOUBLES: Final = 2
SCALED: Final = 3

# Four decimals of a millimetre, a kilogram or a newton are finer than any sensor; more would not save space.
_MAX_DIGITS: Final = 4
_POWERS: Final = tuple(10.0**digits for digits in range(_MAX_DIGITS + 1))
# Integers beyond this are no longer exact as doubles.
_EXACT: Final = 2.0**53
_DTYPES: Final[dict[int, np.dtype[np.signedinteger[Any]]]] = {  # by their bytes
    1: np.dtype("<i1"),
    2: np.dtype("<i2"),
    4: np.dtype("<i4"),
    8: np.dtype("<i8"),
}
_LIMITS: Final = {width: (-(1 << 8 * width - 1), (1 << 8 * width - 1) - 1) for width in _DTYPES}
_NUMBER: Final = struct.Struct("<Bd")
_HEAD: Final = struct.Struct("<BIB")
_SCALE: Final = struct.Struct("<BBq")

_Column = Sequence[float | None]


def pack(frame: Frame) -> bytes:
    """The samples of a frame. Values are finite (JSON has no others)."""
    load = frame.load_kg
    return b"".join(
        (
            _pack(frame.depth_mm),
            _pack(load) if isinstance(load, list) else _NUMBER.pack(NUMBER, load),
            b"\0" if frame.left_n is None else _pack(frame.left_n),
            b"\0" if frame.right_n is None else _pack(frame.right_n),
        )
    )


Columns = tuple[list[float | None], float | list[float], list[float | None] | None, list[float | None] | None]


def unpack(blob: bytes) -> Columns:
    """What `pack` was given: depth_mm, load_kg, left_n, right_n."""
    depth, at = _unpack(blob, 0)
    load, at = _unpack(blob, at)
    left, at = _unpack(blob, at)
    right, at = _unpack(blob, at)
    return depth, load, left, right  # type: ignore[return-value]


def _pack(column: _Column) -> bytes:
    n = len(column)
    values = np.array(column, dtype=np.float64)
    nulls = b""
    if None in column:
        absent = np.isnan(values)
        nulls = np.packbits(absent, bitorder="little").tobytes()
        values = values[~absent]
    scaled = _scale(values)
    if scaled is None:
        return _HEAD.pack(DOUBLES, n, bool(nulls)) + nulls + values.astype("<f8", copy=False).tobytes()
    digits, integers = scaled
    head = _HEAD.pack(SCALED, n, bool(nulls))
    differences = integers[1:] - integers[:-1]
    width = _narrowest(differences)
    body = differences.astype(_DTYPES[width]).tobytes() if width else b""
    return b"".join((head, nulls, _SCALE.pack(digits, width, int(integers[0])), body))


def _scale(values: NDArray[np.float64]) -> tuple[int, NDArray[np.int64]] | None:
    """The fewest decimals that give back every value bit for bit, with the integers; None where none do.

    An integer below 2**53 divided by a power of ten is the double nearest to that decimal, which is what a JSON reader
    made of it.
    """
    if not len(values):
        return None
    # numpy's own functions for these cost more than the work itself, on so few values.
    first = float(values[0])
    largest = max(float(np.maximum.reduce(values)), -float(np.minimum.reduce(values)))
    exact = values.tobytes()
    for digits, power in enumerate(_POWERS):
        if not largest * power < _EXACT:
            return None
        # Most scales fail at the first value already.
        if round(first * power) / power != first:
            continue
        integers = np.rint(values * power).astype(np.int64)
        # By their bits: 0.0 equals -0.0, but is not what was sent.
        if (integers / power).tobytes() == exact:
            return digits, integers
    return None


def _narrowest(differences: NDArray[np.int64]) -> int:
    """How many bytes hold the largest of them; none where all are zero."""
    if not len(differences):
        return 0
    low, high = int(np.minimum.reduce(differences)), int(np.maximum.reduce(differences))
    if not low and not high:
        return 0
    return next(width for width, (least, most) in _LIMITS.items() if least <= low and high <= most)


def _unpack(blob: bytes, at: int) -> tuple[float | list[float | None] | None, int]:
    """One column, and where the next begins."""
    kind = blob[at]
    if kind == ABSENT:
        return None, at + 1
    if kind == NUMBER:
        return _NUMBER.unpack_from(blob, at)[1], at + _NUMBER.size
    _, n, has_nulls = _HEAD.unpack_from(blob, at)
    at += _HEAD.size
    present: NDArray[np.bool_] | None = None
    m = n
    if has_nulls:
        bits = np.frombuffer(blob, np.uint8, (n + 7) // 8, at)
        present = np.unpackbits(bits, count=n, bitorder="little") == 0
        m = int(present.sum())
        at += len(bits)
    if kind == DOUBLES:
        values = np.frombuffer(blob, "<f8", m, at)
        at += 8 * m
    else:
        digits, width, first = _SCALE.unpack_from(blob, at)
        at += _SCALE.size
        integers = np.full(m, first, np.int64)
        if width:
            integers[1:] += np.frombuffer(blob, _DTYPES[width], m - 1, at).cumsum(dtype=np.int64)
        at += width * (m - 1)
        values = integers / _POWERS[digits]
    if present is None:
        return values.tolist(), at
    column = np.full(n, None, dtype=object)
    column[present] = values
    return column.tolist(), at
