"""What a coordinate outside an image stands for, border by border."""

from __future__ import annotations

from collections.abc import Callable

from vm.module import Border

Fold = Callable[[int, int], int]


def clamp(at: int, size: int) -> int:
    """The nearest pixel."""
    return min(max(at, 0), size - 1)


def mirror(at: int, size: int) -> int:
    """Mirrored at the edge between pixels: 1 0 | 0 1 2 | 2 1, with period 2 size."""
    at %= 2 * size
    return at if at < size else 2 * size - 1 - at


def reflect101(at: int, size: int) -> int:
    """Mirrored at the outer pixel: 2 1 | 0 1 2 | 1 0, with period 2 (size - 1)."""
    if size == 1:
        return 0
    at %= 2 * (size - 1)
    return at if at < size else 2 * (size - 1) - at


def wrap(at: int, size: int) -> int:
    """The other end."""
    return at % size


FOLDS: dict[Border, Fold] = {
    Border.CLAMP: clamp,
    Border.MIRROR: mirror,
    Border.REFLECT101: reflect101,
    Border.WRAP: wrap,
}
"""Where a border leads; the others (`inside`, `zero`) lead nowhere outside the image."""
assert set(FOLDS) | {Border.INSIDE, Border.ZERO} == set(Border)
