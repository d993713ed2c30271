"""Rows as Markdown: a summary with one line a work, and everybody."""

from __future__ import annotations

from collections.abc import Sequence

from bench.contender import COPY, OURS, PEER, C
from bench.session import Row, best
from bench.works import BY_NAME


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; what is not in the first column is set to the right."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, rule, *rows])


def grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows of each work."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.work, []).append(row)
    return found


def summary(rows: Sequence[Row], levels: Sequence[str]) -> str:
    """One line a work: ours, the best C, the best peer, and the ratios to the best C by level."""
    head = ["work", "form", "ours", "best C", "its name", *(f"ratio {short(v)}" for v in levels)]
    head += ["best peer", "its name", "of a copy", "compile"]
    lines = []
    for name, found in grouped(rows).items():
        own, c, other = best(found, OURS, levels[0]), best(found, C, levels[0]), best(found, PEER)
        assert own is not None
        ratios = [best(found, OURS, level) for level in levels]
        lines.append(
            [
                BY_NAME[name].title,
                own.form,
                f"{own.mpixel_per_s:,.0f} ± {own.spread / 2:.0%}",
                f"{c.mpixel_per_s:,.0f}" if c else "",
                c.name if c else "",
                *(f"**{row.of_best_c:.2f}**" if row and row.of_best_c else "" for row in ratios),
                f"{other.mpixel_per_s:,.0f}" if other else "",
                other.name if other else "",
                f"{own.of_copy:.0%}" if own.of_copy else "",
                f"{own.compile_s * 1e3:.0f} ms",
            ]
        )
    return markdown(head, lines)


def everybody(rows: Sequence[Row]) -> str:
    """A table a work, the fastest first."""
    parts = []
    head = [
        "who",
        "level",
        "Mpixel/s",
        "quartiles apart",
        "of best C",
        "GB/s",
        "of a copy",
        "bytes",
    ]
    for name, found in grouped(rows).items():
        lines = [
            [
                row.name if row.family in (OURS, PEER) else f"{row.family} {row.name}",
                short(row.level),
                f"{row.mpixel_per_s:,.0f}",
                f"{row.spread:.0%}",
                f"{row.of_best_c:.2f}" if row.of_best_c and row.family != COPY else "",
                f"{row.gbyte_per_s:.1f}",
                f"{row.of_copy:.0%}" if row.of_copy else "",
                "" if row.family == COPY else "same" if row.same_bytes else "other",
            ]
            for row in sorted(found, key=lambda row: row.seconds)
        ]
        parts.append(f"### {BY_NAME[name].title}\n\n{markdown(head, lines)}\n")
    return "\n".join(parts)


def by_size(rows: Sequence[Row], sizes: Sequence[int]) -> str:
    """Ours against the best C, one line a work and one column a size: Mpixel/s and the ratio."""
    lines = []
    for name, found in grouped(rows).items():
        line = [BY_NAME[name].title]
        for size in sizes:
            own = best([row for row in found if row.width == size], OURS)
            line.append(f"{own.mpixel_per_s:,.0f} ({own.of_best_c:.2f})" if own else "")
        lines.append(line)
    return markdown(["work", *(f"{size}²" for size in sizes)], lines)


def durations(figures: dict[str, float]) -> str:
    """Seconds by name, as milliseconds."""
    return markdown(
        ["", "ms"], [[name, f"{seconds * 1e3:.2f}"] for name, seconds in figures.items()]
    )


def short(level: str) -> str:
    """`v3` for `x86-64-v3`."""
    return level.removeprefix("x86-64-")
