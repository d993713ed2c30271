"""The exchange's pages, over an exchange that the real services filled."""

from __future__ import annotations

import asyncio
import csv
import io
import re

import httpx
import pytest
from PIL import Image

from cpushare.exchange.pages.routes import HEADERS
from cpushare.market.messages import JobOrder, decode
from cpushare.market.states import Job, TaskStage
from tests.market.busy import Busy, make_busy, make_empty
from tests.market.page_serving import CERTIFICATE, application
from tests.market.parties import pair
from tests.market.webpage import Element, check

PATHS = ("/", "/sell", "/buy", "/mints", "/health", "/about")


@pytest.fixture(scope="module")
def busy() -> Busy:
    return asyncio.run(make_busy())


@pytest.fixture(scope="module")
def empty() -> Busy:
    return asyncio.run(make_empty())


def job(busy: Busy, words: str) -> Job:
    return next(each for each in busy.store.jobs.values() if words in each.title)


async def fetch(busy: Busy, *paths: str) -> list[httpx.Response]:
    transport = httpx.ASGITransport(application(busy))
    async with httpx.AsyncClient(transport=transport, base_url="https://exchange") as client:
        return [await client.get(path) for path in paths]


def get(busy: Busy, path: str) -> httpx.Response:
    (answer,) = asyncio.run(fetch(busy, path))
    return answer


def page(busy: Busy, path: str) -> Element:
    answer = get(busy, path)
    assert answer.status_code == 200
    return check(answer.text)


def words(element: Element) -> str:
    return " ".join(element.text.split())


@pytest.mark.parametrize("path", PATHS)
def test_every_page_is_well_made(busy: Busy, empty: Busy, path: str) -> None:
    for exchange in (busy, empty):
        page(exchange, path)


def test_pages_of_public_computations_are_well_made(busy: Busy) -> None:
    for each in busy.store.jobs.values():
        if each.is_public:
            page(busy, f"/jobs/{each.hash}")


@pytest.mark.parametrize("path", [*PATHS, "/jobs/unknown", "/static/style.css", "/static/none"])
def test_headers(busy: Busy, path: str) -> None:
    answer = get(busy, path)
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"]
    assert "set-cookie" not in answer.headers


def test_the_front_page_shows_public_computations_and_counts_the_others(busy: Busy) -> None:
    front = page(busy, "/")
    text = words(front)
    for each in busy.store.jobs.values():
        assert (each.hash in get(busy, "/").text) == each.is_public
    assert "How much error a line can carry" in text
    assert "secret" not in text.lower()
    assert "1 private computation runs too" in text
    assert "1 private computation has ended too" in text
    bars = {bar.get("data-live").removesuffix(".bar"): bar for bar in front.all("progress")}
    running = job(busy, "How much error")
    answered = [
        task
        for task in busy.store.tasks.values()
        if task.job == running.id and task.stage is not TaskStage.OPEN
    ]
    assert int(bars[running.hash].get("value")) == len(answered) > 0
    assert int(bars[running.hash].get("max")) == running.tasks


def test_sellers_are_counted_and_no_key_is_shown(busy: Busy) -> None:
    front = get(busy, "/").text
    rows = re.findall(r'<th scope="row">(\w+)</th><td class="figure">(\d+)</td>', front)
    assert dict(rows) == {"new": "1", "trusted": "2", "caught": "1"}
    paths = [*PATHS, *(f"/jobs/{each.hash}" for each in busy.store.jobs.values())]
    names = ("ann", "ben", "liar", "cleo", "checker", "a", "b", "c", "d", "buyer", "other")
    for answer in asyncio.run(fetch(busy, *paths)):
        assert not any(pair(name).name in answer.text for name in names)


def test_a_private_computation_is_nowhere(busy: Busy) -> None:
    secret = job(busy, "The secret study")
    paths = ("", "/results.csv", "/0/dst.png")
    found = asyncio.run(fetch(busy, *(f"/jobs/{secret.hash}{path}" for path in paths)))
    unknown = asyncio.run(fetch(busy, *(f"/jobs/{'0' * 64}{path}" for path in paths)))
    assert [each.status_code for each in found] == [404] * 3
    assert [each.content for each in found] == [each.content for each in unknown]
    check(found[0].text)


def test_a_title_that_means_harm_is_only_text(busy: Busy) -> None:
    hostile = job(busy, "<script>")
    for path in ("/", f"/jobs/{hostile.hash}"):
        text = get(busy, path).text
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt; ⟨U+202E⟩gnp.exe⟨U+0007⟩" in text
        assert not re.search("[\u202a-\u202e\u2066-\u2069\x00-\x08]", text)


def test_a_computation_says_what_it_is(busy: Busy) -> None:
    ours = job(busy, "Thresholds and losses")
    text = words(page(busy, f"/jobs/{ours.hash}"))
    assert ours.program in text
    assert "src: image<u8>" in text
    assert "error: f64" in text
    assert "14 sets of parameters × 6 sets of pictures" in text
    assert "32, 64, 96, 128, 160, 192, 224" in text
    assert "How much of the error the next pixel gets, in sixteenths." in text
    assert "kernel study" in text  # the listing
    assert f"cpushare verify {ours.hash} --exchange https://exchange.example:8443" in text


def cells(root: Element, column: str) -> list[str]:
    (table,) = (each for each in root.all("table") if "rows" in each.get("class"))
    heads = [words(each).rstrip(" ↑↓") for each in table.all("thead")[0].all("th")]
    rows = table.all("tbody")[0].all("tr")
    return [words(row.all("th", "td")[heads.index(column)]) for row in rows]


def test_results_are_those_of_the_tasks_and_can_be_sorted(busy: Busy) -> None:
    ours = job(busy, "Thresholds and losses")
    rows = list(csv.DictReader(io.StringIO(get(busy, f"/jobs/{ours.hash}/results.csv").text)))
    assert [int(row["task"]) for row in rows] == list(range(84))
    by_task = page(busy, f"/jobs/{ours.hash}?page=2")
    assert cells(by_task, "Task") == [str(n) for n in range(25, 50)]
    assert cells(by_task, "white") == [row["white"] for row in rows[25:50]]
    errors = sorted((float(row["error"]) for row in rows), reverse=True)
    by_error = page(busy, f"/jobs/{ours.hash}?sort=r.error&order=down")
    assert cells(by_error, "error") == [f"{error:.7g}" for error in errors[:25]]
    heads = {words(head): head.get("aria-sort") for head in by_error.all("th")}
    assert heads["error ↓"] == "descending"


def test_links_of_a_table_lead_to_its_other_orders_and_pages(busy: Busy) -> None:
    ours = job(busy, "Thresholds and losses")
    found = page(busy, f"/jobs/{ours.hash}?sort=p.share&order=up&page=2&x=share&y=white")
    links = [each.get("href") for each in found.all("a") if "sort=" in each.get("href")]
    assert len(links) > 8
    for answer in asyncio.run(fetch(busy, *links)):
        assert answer.status_code == 200
        assert "share" in check(answer.text).text


@pytest.mark.parametrize(
    "query",
    [
        "sort=r.nothing",
        "sort=p.%00",
        "order=sideways",
        "page=-1",
        "page=99999999999999999999999",
        "page=²",
        "x=threshold&y=<b>",
        "sort=task&sort=state",
    ],
)
def test_what_readers_may_ask_for_never_fails(busy: Busy, query: str) -> None:
    page(busy, f"/jobs/{job(busy, 'Thresholds and losses').hash}?{query}")


def test_traps_are_shown_and_do_not_break_the_plot(busy: Busy) -> None:
    ours = page(busy, f"/jobs/{job(busy, 'A grid that traps').hash}")
    assert cells(ours, "threshold") == ["128", "128", "254", "254", "255", "255"]
    states = cells(ours, "State")
    assert states[:4] == ["final"] * 4
    assert all("a threshold of 255 leaves nothing" in each for each in states[4:])
    assert cells(ours, "error")[4:] == ["none yet"] * 2
    assert len(ours.all("circle")) == 4


def test_pictures_are_small_pngs_with_words(busy: Busy) -> None:
    ours = job(busy, "Thresholds and losses")
    images = [each for each in page(busy, f"/jobs/{ours.hash}").all("img") if each.get("alt")]
    assert len(images) == 12
    assert images[7].get("alt") == "Image dst of task 7, 32 by 24 pixels"
    answer = get(busy, images[7].get("src"))
    assert answer.headers["content-type"] == "image/png"
    drawn = Image.open(io.BytesIO(answer.content))
    assert drawn.size == (int(images[7].get("width")), int(images[7].get("height"))) == (192, 144)
    assert {colour for _, colour in drawn.getcolors() or []} == {0, 255}
    for path in ("84/dst", "0/src", "99999999999999999999/dst", "0/%2e%2e"):
        assert get(busy, f"/jobs/{ours.hash}/{path}.png").status_code == 404


def test_csv_has_every_bit_and_no_formula(busy: Busy) -> None:
    ours = job(busy, "A grid that traps")
    answer = get(busy, f"/jobs/{ours.hash}/results.csv")
    assert answer.headers["content-disposition"].startswith("attachment; ")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["state"] for row in rows] == ["final"] * 4 + ["trapped"] * 2
    order = decode(busy.blobs.kept[ours.document], JobOrder)
    assert [row["src_sha256"] for row in rows] == [each["src"] for each in order.inputs] * 3
    assert all(row["dst_sha256"] in busy.blobs.kept for row in rows[:4])
    assert rows[4]["problem"].startswith("requirement") or "255" in rows[4]["problem"]


def test_health_says_what_is_wrong(busy: Busy, empty: Busy) -> None:
    assert "all well" in words(page(busy, "/health"))
    assert "has never been there" in words(page(empty, "/health"))


def test_health_notices_who_has_gone() -> None:
    exchange = asyncio.run(make_busy())
    exchange.now += 3600
    text = words(page(exchange, "/health"))
    assert "has not been there lately" in text
    assert "no seller has been there lately" in text


def test_every_mint_is_listed(busy: Busy) -> None:
    found = page(busy, "/mints")
    text = words(found)
    assert "mint: for the first studies" in text
    assert "mint: for <b>tests</b>" in text
    assert "12 345.6789" in text
    assert "12 845.6789 coins" in text


def test_mints_are_paged() -> None:
    async def many() -> Busy:
        exchange = await make_empty()
        for number in range(120):
            await exchange.mint(pair("buyer"), 1_000_000, f"number {number};")
        return exchange

    exchange, path, seen = asyncio.run(many()), "/mints", []
    while path:
        found = page(exchange, path)
        seen += re.findall(r"number (\d+);", found.text)
        path = next((a.get("href") for a in found.all("a") if words(a) == "Older"), "")
    assert seen == [str(number) for number in range(119, -1, -1)]


def test_how_to_sell_and_to_buy_name_this_exchange(busy: Busy) -> None:
    for path in ("/sell", "/buy"):
        text = words(page(busy, path))
        for own in ("https://exchange.example:8443", CERTIFICATE):
            assert text.count(own) == 2
        assert pair("exchange").name in text


def test_a_page_is_made_once_a_second() -> None:
    async def ask() -> tuple[str, str, str]:
        exchange = await make_empty()
        transport = httpx.ASGITransport(application(exchange))
        async with httpx.AsyncClient(transport=transport, base_url="https://exchange") as client:
            first = (await client.get("/mints")).text
            await exchange.mint(pair("buyer"), 5, "late")
            second = (await client.get("/mints")).text
            exchange.now += 1.5
            return first, second, (await client.get("/mints")).text

    def late(text: str) -> bool:
        return "mint: late" in text

    assert list(map(late, asyncio.run(ask()))) == [False, False, True]


def test_only_what_is_read_is_answered(busy: Busy) -> None:
    async def post() -> list[int]:
        transport = httpx.ASGITransport(application(busy))
        async with httpx.AsyncClient(transport=transport, base_url="https://exchange") as client:
            return [(await client.request(m, "/")).status_code for m in ("HEAD", "POST", "DELETE")]

    assert asyncio.run(post()) == [200, 405, 405]
