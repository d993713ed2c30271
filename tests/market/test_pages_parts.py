"""Parts of the exchange's pages: texts, plots, pictures, what is kept, and live changes."""

from __future__ import annotations

import asyncio
import io
import itertools
import math
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import numpy as np
import pytest
from markupsafe import Markup
from PIL import Image

from cpushare.exchange.pages import live, pictures, texts
from cpushare.exchange.pages.front import Fronts
from cpushare.exchange.pages.kept import Kept
from cpushare.exchange.pages.live import Listeners
from cpushare.exchange.pages.plot import HEIGHT, MOST_DOTS, WIDTH, plot
from cpushare.exchange.pages.results import Row, Sorting, sort_rows
from cpushare.exchange.store import BlobRow
from cpushare.market.errors import Missing
from cpushare.market.rasters import HEAD_BYTES, blob_name, encode_raster, read_shape
from tests.market.busy import Busy, make_busy, make_empty


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ångström, naïve, 半色調, שלום", "Ångström, naïve, 半色調, שלום"),
        ("a\u202eb\u2066c\u200fd", "a⟨U+202E⟩b⟨U+2066⟩c⟨U+200F⟩d"),
        ("\x00\x1b[31m\x7f\x85", "⟨U+0000⟩⟨U+001B⟩[31m⟨U+007F⟩⟨U+0085⟩"),
        ("\u2028\ufeff\u200b\U000e0041", "⟨U+2028⟩⟨U+FEFF⟩⟨U+200B⟩⟨U+E0041⟩"),
        ("line\nline\tend", "line\nline\tend"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("Z" + "\u0301" * 50, "Z" + "\u0301" * texts.MOST_MARKS),
    ],
)
def test_what_cannot_be_seen_is_made_visible(text: str, shown: str) -> None:
    assert texts.visible(text) == shown


def test_own_markup_stays_as_it_is() -> None:
    assert texts.visible(Markup("<b>")) == Markup("<b>")
    assert texts.visible(7) == 7


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.1, "0.1"),
        (-1234567.5, "−1234568"),
        (math.nan, "NaN"),
        (-math.inf, "−∞"),
        (True, "true"),
        (-3, "−3"),
        ([1, 2.5], "1, 2.5"),
    ],
)
def test_numbers(value: object, shown: str) -> None:
    assert texts.number(value) == shown


def test_amounts_and_times() -> None:
    assert texts.count(1234567) == f"1{texts.THIN}234{texts.THIN}567"
    assert texts.coins(-1_500_000) == "-1.5"
    assert texts.coins(1_234 * 1_000_000) == f"1{texts.THIN}234"
    assert texts.worth(1_000_000) == "1 coin"
    assert texts.worth(1) == "0.000001 coins"
    assert texts.when(0.0) == "<time datetime='1970-01-01T00:00:00Z'>1970-01-01 00:00</time>"
    said = {0: "0 s", 59: "59 s", 3_600: "1 h", 3_725: "1 h 2 min", 90_061: "1 d 1 h"}
    assert {span: texts.lasting(span).replace(texts.THIN, " ") for span in said} == said
    assert texts.title_of(" \n ") == "Untitled computation"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_cell_is_no_formula(text: str) -> None:
    assert texts.plain_cell(text) == f"'{text}"


def row(index: int, x: object, **record: object) -> Row:
    return Row(index, "final", {"x": x}, {}, record, {}, "")


def test_rows_without_a_value_are_last_either_way() -> None:
    rows = [row(0, 1, y=2.0), row(1, 1), row(2, 1, y=math.nan), row(3, 1, y=1.0), row(4, 1, y=2.0)]
    up = [each.index for each in sort_rows(rows, Sorting("r.y"))]
    down = [each.index for each in sort_rows(rows, Sorting("r.y", True))]
    assert up == [3, 0, 4, 1, 2]
    assert down == [0, 4, 3, 1, 2]


def test_a_plot_lies_in_its_box_and_says_its_means() -> None:
    rows = [row(n, n % 5, y=float(n)) for n in range(5000)]
    drawn = plot(rows, "x", "y")
    assert drawn is not None
    assert len(drawn.dots) <= MOST_DOTS
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in drawn.dots)
    assert drawn.words.startswith("Mean of y at each x. 0: 2497.5; 1: 2498.5;")
    assert len(drawn.line.split()) == 5
    places = [tick.at for tick in drawn.x_ticks]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [(1, 2.0)],
        [(1, 2.0), (1, 3.0)],
        [(1, math.nan), (2, math.inf), (3, 1e308)],
        [(1, 5.0), (2, math.nan)],
    ],
)
def test_there_is_no_plot_of_what_cannot_be_compared(values: list[tuple[int, float]]) -> None:
    assert plot([row(n, x, y=y) for n, (x, y) in enumerate(values)], "x", "y") is None


@pytest.mark.parametrize(
    "values",
    [
        [(0, 0.0), (1, 0.0)],
        [(-(2**63), -1e299), (2**63, 1e299)],
        [(1, 1e-300), (2, 2e-300)],
        [(0.1, 1e16), (0.1 + 2**-56, 1e16 + 2)],
    ],
)
def test_extreme_plots_stay_in_their_box(values: list[tuple[float, float]]) -> None:
    drawn = plot([row(n, x, y=y) for n, (x, y) in enumerate(values)], "x", "y")
    assert drawn is not None
    for place in itertools.chain(*drawn.dots, (tick.at for tick in drawn.y_ticks)):
        assert 0 <= place <= WIDTH
    assert 1 <= len(drawn.x_ticks) <= 20


def drawn(pixels: Any) -> Image.Image:
    data = encode_raster(pixels)
    return Image.open(io.BytesIO(pictures.draw(data, read_shape(data[:HEAD_BYTES]))))


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [(640, 480, (320, 240)), (5000, 10, (320, 1)), (3, 2, (192, 128)), (200, 100, (200, 100))],
)
def test_pictures_have_a_bound(width: int, height: int, size: tuple[int, int]) -> None:
    assert drawn(np.zeros((height, width), np.uint8)).size == size


def test_levels_of_pictures() -> None:
    unit = drawn(np.array([[0.0, 0.5, 1.0]], np.float32))
    assert sorted(c for _, c in unit.getcolors() or []) == [0, 128, 255]
    wide = drawn(np.array([[-100, 0, 300]], np.int16))
    assert sorted(c for _, c in wide.getcolors() or []) == [0, 64, 255]
    odd = drawn(np.array([[np.nan, np.inf, 2.0, 4.0]], np.float64))
    assert sorted(c for _, c in odd.getcolors() or []) == [0, 255]
    assert drawn(np.array([[True, False]])).getextrema() == (0, 255)
    assert drawn(np.zeros((4, 4, 3), np.uint8)).mode == "RGB"
    assert drawn(np.full((4, 4, 5), 9, np.uint8)).getextrema() == (9, 9)


def test_a_raster_that_is_too_large_is_not_even_read() -> None:
    async def ask() -> None:
        exchange = await make_empty()
        data = encode_raster(np.zeros((8, 8), np.uint8))
        shape = read_shape(data[:HEAD_BYTES])
        too_large = BlobRow(blob_name(data), pictures.MOST_BYTES + 1, shape)
        shelf = pictures.Pictures(exchange.world)
        with pytest.raises(Missing, match="too large"):
            await shelf.get(too_large)
        with pytest.raises(Missing):  # what is not there, though it was noted
            await shelf.get(BlobRow(blob_name(data), len(data), shape))

    asyncio.run(ask())


def test_many_who_ask_wait_for_one_who_makes() -> None:
    async def ask() -> None:
        now, made = 100.0, []
        kept: Kept[int] = Kept(lambda: now, 1.0, 2)

        async def make() -> int:
            await asyncio.sleep(0)
            made.append(now)
            return len(made)

        assert await asyncio.gather(*(kept.get("a", make) for _ in range(9))) == [1] * 9
        now = 100.9
        assert await kept.get("a", make) == 1
        now = 101.0
        assert await kept.get("a", make) == 2
        now = 50.0  # the clock was set back
        assert await kept.get("a", make) == 3
        for key in "bcd":
            await kept.get(key, make)
        assert await kept.get("a", make) == 7

    asyncio.run(ask())


async def _next(events: AsyncIterator[bytes]) -> dict[str, Any]:
    piece = await asyncio.wait_for(anext(events), 5)
    found: dict[str, Any] = msgspec.json.decode(piece.partition(b"data: ")[2])
    return found


def count_reads(exchange: Busy, fronts: Fronts) -> list[float]:
    reads: list[float] = []
    read = fronts._read

    async def counted() -> Any:
        reads.append(exchange.now)
        return await read()

    fronts._read = counted  # type: ignore[method-assign]
    return reads


def test_all_listeners_share_one_query(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0.01)

    async def listen() -> None:
        exchange = await make_busy()
        fronts = Fronts(exchange.world)
        reads = count_reads(exchange, fronts)
        listeners = Listeners(fronts)
        all_ = [listeners.events() for _ in range(50)]
        first = [await _next(events) for events in all_]
        assert all(each == first[0] for each in first)
        assert listeners.listening == 50
        running = next(j for j in exchange.store.jobs.values() if "How much" in j.title)
        before = first[0]["places"][f"{running.hash}.bar"]
        await exchange.step(await exchange.enrol("ann", "a"), 4)
        exchange.now += 2.0
        second = await asyncio.gather(*(_next(events) for events in all_))
        assert {each["places"][f"{running.hash}.bar"] for each in second} == {before + 4}
        assert len(reads) == 2
        for events in all_:
            await events.aclose()
        assert listeners.listening == 0

    asyncio.run(listen())


def test_nobody_hears_of_private_computations() -> None:
    async def listen() -> bytes:
        exchange = await make_busy()
        return live.message(await Fronts(exchange.world).get())

    told = asyncio.run(listen())
    assert told.count(b".bar") == 2
    assert b"secret" not in told


def test_a_quiet_line_is_kept_open_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.02)
    monkeypatch.setattr(live, "LIFE_S", 0.2)

    async def listen() -> list[bytes]:
        exchange = await make_empty()
        return [piece async for piece in Listeners(Fronts(exchange.world)).events()]

    pieces = asyncio.run(listen())
    assert pieces[0].startswith(b"retry: 3000\n\ndata: {")
    assert set(pieces[1:]) == {b":\n\n"}
    assert 2 <= len(pieces) <= 12


def test_listeners_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_LISTENERS", 3)

    async def listen() -> list[bool]:
        exchange = await make_empty()
        listeners = Listeners(Fronts(exchange.world))
        all_ = [listeners.events() for _ in range(3)]
        full = []
        for events in all_:
            full.append(listeners.is_full)
            await anext(events)
        full.append(listeners.is_full)
        await all_[0].aclose()
        return [*full, listeners.is_full]

    assert asyncio.run(listen()) == [False, False, False, True, False]


def test_a_database_that_is_away_does_not_end_the_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY_S", 0.01)

    async def listen() -> dict[str, Any]:
        exchange = await make_empty()
        fronts = Fronts(exchange.world)
        events = Listeners(fronts).events()
        await _next(events)
        read, failures = fronts._read, iter(range(3))

        async def failing() -> Any:
            exchange.now += 2.0
            if next(failures, None) is not None:
                raise OSError("no database")
            return await read()

        fronts._read = failing  # type: ignore[method-assign]
        await exchange.mint(await exchange.enrol("ann", "a"), 7_000_000, "news")
        exchange.now += 2.0
        return await _next(events)

    assert asyncio.run(listen())["texts"]["minted"] == "7"
