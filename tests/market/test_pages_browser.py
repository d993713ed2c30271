"""The exchange's pages in Debian's chromium: live, by keyboard, without scripts, small, dark."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from cpushare.market.states import Job
from tests.market.busy import make_busy, make_empty
from tests.market.colours import contrast, from_computed
from tests.market.page_serving import Serving, serving

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and os.environ.get("CI") != "true",
    reason="there is no chromium: apt install chromium",
)
FLAGS = [
    "--headless",
    "--no-sandbox",  # it shows pages of ours alone, perhaps as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = [(360, 740), (1280, 900)]
TEXTS = """() => [...document.querySelectorAll("body *")].flatMap((element) => {
  const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  const box = element.getBoundingClientRect();
  if (!own || !box.width || element.closest(".unseen, details:not([open])")) return [];
  const style = getComputedStyle(element);
  let behind = element, background = "rgba(0, 0, 0, 0)";
  while (behind && /, 0\\)$/.test(background)) {
    background = getComputedStyle(behind).backgroundColor;
    behind = behind.parentElement;
  }
  const isDrawn = element.namespaceURI.endsWith("svg");
  return [[element.textContent.trim().slice(0, 40), isDrawn ? style.fill : style.color, background,
    isDrawn ? 99 : parseFloat(style.fontSize)]];
})"""
NAMES = """() => [...document.querySelectorAll("a, button, summary, [tabindex='0'], progress, svg")]
  .map((element) => {
    const by = (element.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean);
    const named = by.map((id) => document.getElementById(id).textContent).join(" ");
    return [element.localName, (named || element.ariaLabel || element.textContent).trim()];
  })"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM is not None, "there is no chromium: apt install chromium"
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def busy() -> Iterator[Serving]:
    with serving(make_busy) as server:
        yield server


@pytest.fixture(scope="module")
def empty() -> Iterator[Serving]:
    with serving(make_empty) as server:
        yield server


class Watched:
    """A page, and what its console said."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.said: list[str] = []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))


def open_page(
    browser: Browser, address: str, size: tuple[int, int] = SIZES[1], **options: Any
) -> Watched:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **options)
    watched = Watched(context.new_page())
    watched.page.goto(address)
    return watched


def job(server: Serving, words: str) -> Job:
    return next(each for each in server.busy.store.jobs.values() if words in each.title)


def addresses(busy: Serving, empty: Serving) -> list[str]:
    public = [each for each in busy.busy.store.jobs.values() if each.is_public]
    paths = ["/", "/sell", "/buy", "/mints", "/health", "/about"]
    return [
        *(busy.address + path for path in paths),
        *(f"{busy.address}/jobs/{each.hash}" for each in public),
        *(empty.address + path for path in ("/", "/mints", "/health")),
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_every_page_can_be_read(
    browser: Browser, busy: Serving, empty: Serving, size: tuple[int, int], scheme: Any
) -> None:
    watched = open_page(browser, busy.address, size, color_scheme=scheme)
    page = watched.page
    backgrounds = set()
    for address in addresses(busy, empty):
        page.goto(address)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0], f"{address} is {width} pixels wide"
        texts = page.evaluate(TEXTS)
        assert len(texts) > 15
        for text, colour, background, pixels in texts:
            front, front_alpha = from_computed(colour)
            back, _ = from_computed(background)
            assert front_alpha == 1.0
            assert contrast(front, back) >= 4.5, f"{address}: {text!r}"
            assert pixels >= 12, f"{address}: {text!r} has {pixels} pixels"
        assert all(name for _, name in page.evaluate(NAMES)), address
        backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert backgrounds == {"rgb(251, 250, 246)" if scheme == "light" else "rgb(18, 22, 20)"}
    assert watched.said == []
    page.context.close()


def test_progress_arrives_without_reloading(browser: Browser, busy: Serving) -> None:
    running = job(busy, "Halftones")
    watched = open_page(browser, busy.address)
    page = watched.page
    page.wait_for_selector("text=Live: numbers change by themselves.")
    bar = page.locator(f'progress[data-live="{running.hash}.bar"]')
    assert bar.evaluate("bar => bar.value") == 0
    page.evaluate("window.same = true")

    async def work() -> None:
        for worker, account in (("ann", "a"), ("ben", "b")):
            key = await busy.busy.enrol(worker, account)
            while await busy.busy.step(key, 64):
                pass
        busy.busy.now += 5.0

    busy.do(work())
    page.wait_for_function(
        "name => document.querySelector(`progress[data-live='${name}']`).value > 0",
        arg=f"{running.hash}.bar",
    )
    said = page.locator(f'[data-live="{running.hash}.answered"]').inner_text()
    assert int(said) == bar.evaluate("bar => bar.value") > 0
    assert page.evaluate("window.same") is True
    assert watched.said == []
    page.context.close()


def test_a_new_computation_appears_and_news_are_offered(browser: Browser) -> None:
    with serving(make_busy) as server:
        running = job(server, "How much error")
        front = open_page(browser, server.address)
        its_page = open_page(browser, f"{server.address}/jobs/{running.hash}")
        for watched in (front, its_page):
            watched.page.wait_for_selector("text=Live: numbers change by themselves.")
        assert not its_page.page.get_by_text("More results have come.").is_visible()
        # the first message has been handled when its numbers are there to compare with
        its_page.page.wait_for_function("document.querySelector('[data-news]').dataset.seen")

        async def begin() -> None:
            await server.busy.submit("Begun just now", [100], [1], 1)
            await server.busy.step(await server.busy.enrol("ann", "a"), 8)
            server.busy.now += 5.0

        server.do(begin())
        its_page.page.get_by_text("More results have come.").wait_for()
        its_page.page.get_by_role("link", name="Show them").click()
        assert not its_page.page.get_by_text("More results have come.").is_visible()
        server.busy.now += 5.0
        front.page.get_by_role("link", name="Begun just now").wait_for()
        assert front.said + its_page.said == []
        for watched in (front, its_page):
            watched.page.context.close()


def test_when_the_server_goes_the_page_says_so(browser: Browser) -> None:
    with serving(make_empty) as server:
        page = open_page(browser, server.address).page
        page.wait_for_selector("text=Live: numbers change by themselves.")
    page.wait_for_selector("text=Not live: reload for the newest numbers.")
    page.context.close()


def test_without_a_script_nothing_is_missing(browser: Browser, busy: Serving) -> None:
    def shown(script: bool) -> list[str]:
        watched = open_page(browser, busy.address, java_script_enabled=script)
        found = []
        for path in ("/", f"/jobs/{job(busy, 'Thresholds').hash}"):
            watched.page.goto(busy.address + path)
            text = watched.page.locator("main").inner_text()
            found += [line for line in text.splitlines() if line.strip() and "Live:" not in line]
        watched.page.context.close()
        return found

    assert shown(False) == shown(True)


def test_sorting_and_paging_need_no_script(browser: Browser, busy: Serving) -> None:
    ours = job(busy, "Thresholds")
    page = open_page(browser, f"{busy.address}/jobs/{ours.hash}", java_script_enabled=False).page
    page.get_by_role("link", name="error", exact=True).last.click()
    head = page.get_by_role("columnheader", name="error")
    assert head.get_attribute("aria-sort") == "ascending"
    page.get_by_role("link", name="Further rows").click()
    assert "Page 2 of 4." in page.locator("main").inner_text()
    assert page.get_by_role("columnheader", name="error").get_attribute("aria-sort")
    page.context.close()


def test_the_keyboard_is_enough(browser: Browser, busy: Serving) -> None:
    page = open_page(browser, busy.address).page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    skip = page.locator(".skip")
    assert skip.bounding_box()["y"] >= 0, "the link is seen when it has the focus"  # type: ignore[index]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")
    reached, outlines = set(), set()
    page.goto(busy.address)
    for _ in range(80):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            "[document.activeElement.href ?? document.activeElement.className,"
            " getComputedStyle(document.activeElement).outlineStyle]"
        )
        if not name or (name in reached and len(reached) > 12):
            continue
        reached.add(name)
        outlines.add(outline)
    wanted = page.evaluate("[...document.querySelectorAll('a')].map((a) => a.href)")
    assert set(wanted) <= reached
    assert outlines == {"solid"}
    page.context.close()


def test_tables_that_are_too_wide_scroll_by_keyboard(browser: Browser, busy: Serving) -> None:
    page = open_page(browser, busy.address, SIZES[0]).page
    region = page.get_by_role("region", name="Finished").last
    region.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    end = time.monotonic() + 10  # not wait_for_function, which evaluates text: the page forbids it
    while page.evaluate("() => document.activeElement.scrollLeft") <= 20:
        assert time.monotonic() < end
        page.wait_for_timeout(50)
    page.context.close()


def test_a_title_that_means_harm_runs_nothing(browser: Browser, busy: Serving) -> None:
    hostile = job(busy, "<script>")
    watched = open_page(browser, f"{busy.address}/jobs/{hostile.hash}")
    dialogs: list[str] = []
    watched.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    watched.page.reload()
    assert "<script>alert(1)</script>" in watched.page.locator("h1").inner_text()
    inserted = watched.page.evaluate(
        """() => new Promise((resolve) => {
          const script = document.createElement("script");
          document.addEventListener("securitypolicyviolation", (e) => resolve(e.violatedDirective));
          script.textContent = "window.bad = true";
          document.head.append(script);
        })"""
    )
    assert inserted.startswith("script-src")
    assert watched.page.evaluate("window.bad") is None
    assert dialogs == []
    watched.page.context.close()


def test_it_prints_and_keeps_still_for_those_who_wish(browser: Browser, busy: Serving) -> None:
    page = open_page(browser, busy.address, reduced_motion="reduce").page
    durations = page.evaluate(
        "[...document.querySelectorAll('*')].map((e) => getComputedStyle(e).transitionProperty)"
    )
    assert set(durations) <= {"none", "all"}
    page.emulate_media(media="print")
    assert not page.get_by_role("navigation", name="Pages").is_visible()
    assert page.get_by_role("heading", name="Finished").is_visible()
    assert re.match(rb"%PDF-", page.pdf())
    page.context.close()
