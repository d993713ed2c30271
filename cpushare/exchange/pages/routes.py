"""Addresses of the exchange's pages, and the headers that they are sent with.

routes(world, site)   gives Starlette's routes, which the front end mounts beside the API's
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from cpushare._version import __version__
from cpushare.exchange.pages import plot, texts
from cpushare.exchange.pages.front import Fronts, read_mints
from cpushare.exchange.pages.job import JobViews, Wish, public_job
from cpushare.exchange.pages.kept import Kept
from cpushare.exchange.pages.live import Listeners
from cpushare.exchange.pages.pictures import Pictures
from cpushare.exchange.pages.results import Sorting, write_csv
from cpushare.exchange.service import World
from cpushare.market.errors import MarketError, Missing, Unreachable
from cpushare.market.keys import show_key

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
STATIC = {
    "style.css": "text/css; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
MOST_PAGES = 64
MOST_DOWNLOADS = 4
MOST_NUMBER = 1 << 53
"""Numbers in addresses are cut here: more than there are tasks, pages or transfers."""

Handler = Callable[[Request], Awaitable[Response]]


class Site(Struct, frozen=True):
    """What readers are told about the exchange: `address` is https://HOST:PORT, `certificate` the
    sha256 of its certificate in hex if that is self-signed, `api` where the API is documented.
    """

    address: str
    certificate: str = ""
    api: str = "/docs"


def _static() -> dict[str, bytes]:
    folder = files("cpushare.exchange.pages") / "static"
    return {name: (folder / name).read_bytes() for name in STATIC}


def _environment(site: Site, key: bytes, static: Mapping[str, bytes]) -> Environment:
    """Templates: what they write is made visible, then escaped."""
    environment = Environment(
        loader=PackageLoader("cpushare.exchange.pages"),
        autoescape=True,
        finalize=texts.visible,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("title_of", "count", "coins", "worth", "number", "short", "when", "lasting"):
        environment.filters[name] = getattr(texts, name)
    marks = {name: hashlib.sha256(data).hexdigest()[:12] for name, data in static.items()}
    environment.globals.update(
        site=site,
        key=show_key(key),
        version=__version__,
        plotting=plot,
        static=lambda name: f"/static/{name}?{marks[name]}",
    )
    return environment


def _number(text: str | None) -> int:
    """A whole number of an address; 0 for what is none."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > 20:
        return 0
    return min(int(text), MOST_NUMBER)


def _wish(request: Request) -> Wish:
    asked = request.query_params
    sorting = Sorting(asked.get("sort", "task")[:80], asked.get("order") == "down")
    page = max(1, _number(asked.get("page")))
    return Wish(sorting, page, asked.get("x", "")[:80], asked.get("y", "")[:80])


class Pages:
    """Handlers of all addresses; whole pages are kept for a second."""

    def __init__(self, world: World, site: Site) -> None:
        self._world = world
        self._static = _static()
        self._templates = _environment(site, world.key, self._static)
        self._kept: Kept[bytes] = Kept(world.now, 1.0, MOST_PAGES)
        self._fronts = Fronts(world)
        self._views = JobViews(world)
        self._pictures = Pictures(world)
        self._listeners = Listeners(self._fronts)
        self._downloads = asyncio.Semaphore(MOST_DOWNLOADS)

    def routes(self) -> list[Route]:
        """All of them."""
        paths: dict[str, Handler] = {
            "/": partial(self._with_front, "front.html"),
            "/health": partial(self._with_front, "health.html"),
            "/sell": partial(self._text, "sell.html"),
            "/buy": partial(self._text, "buy.html"),
            "/about": partial(self._text, "about.html"),
            "/mints": self._mints,
            "/jobs/{name}": self._job,
            "/jobs/{name}/results.csv": self._csv,
            "/jobs/{name}/{index:int}/{image}.png": self._picture,
            "/events": self._events,
            "/static/{name}": self._file,
        }
        return [
            Route(path, self._guarded(handler), methods=["GET"]) for path, handler in paths.items()
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            try:
                return await handler(request)
            except MarketError as error:
                page = self._render("problem.html", request, error=error)
                again = {"retry-after": "5"} if error.status == Unreachable.status else {}
                return _html(page, error.status, again)

        return guarded

    def _render(self, template: str, request: Request, **shown: Any) -> bytes:
        text = self._templates.get_template(template).render(path=request.url.path, **shown)
        return text.encode()

    async def _page(self, key: object, make: Callable[[], Awaitable[bytes]]) -> Response:
        return _html(await self._kept.get(key, make))

    async def _text(self, template: str, request: Request) -> Response:
        async def make() -> bytes:
            return self._render(template, request)

        return await self._page(template, make)

    async def _with_front(self, template: str, request: Request) -> Response:
        async def make() -> bytes:
            return self._render(template, request, front=await self._fronts.get())

        return await self._page(template, make)

    async def _mints(self, request: Request) -> Response:
        before = _number(request.query_params.get("before"))

        async def make() -> bytes:
            transfers, older = await read_mints(self._world, before)
            front = await self._fronts.get()
            return self._render(
                "mints.html", request, front=front, transfers=transfers, older=older, before=before
            )

        return await self._page(("mints", before), make)

    async def _job(self, request: Request) -> Response:
        name, wish = request.path_params["name"], _wish(request)

        async def make() -> bytes:
            view = await self._views.get(name, wish)
            front = await self._fronts.get()
            return self._render("job.html", request, view=view, front=front)

        return await self._page((name, wish), make)

    async def _csv(self, request: Request) -> Response:
        job = (await public_job(self._world, request.path_params["name"])).job
        what = await self._views.what(job)
        if self._downloads.locked():
            raise Unreachable("Too many downloads are under way: try again in a moment.")

        async def body() -> AsyncIterator[bytes]:
            async with self._downloads:
                async for piece in write_csv(self._world, job, what.kernel, what.order):
                    yield piece

        name = f'attachment; filename="cpushare-{job.hash[:12]}.csv"'
        headers = {**HEADERS, "cache-control": "no-store", "content-disposition": name}
        return StreamingResponse(body(), 200, headers, "text/csv; charset=utf-8")

    async def _picture(self, request: Request) -> Response:
        asked = request.path_params
        index = min(asked["index"], MOST_NUMBER)
        blob = await self._views.picture(asked["name"], index, asked["image"])
        data = await self._pictures.get(blob)
        headers = {**HEADERS, "cache-control": "public, max-age=60"}
        return Response(data, 200, headers, "image/png")

    async def _events(self, request: Request) -> Response:
        if self._listeners.is_full:
            raise Unreachable("Too many pages listen already: reload this one now and then.")
        headers = {**HEADERS, "cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._listeners.events(), 200, headers, "text/event-stream")

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in STATIC:
            raise Missing("There is no such file.")
        # The address changes with the content; without its mark it is asked for anew.
        age = "public, max-age=31536000, immutable" if request.url.query else "no-cache"
        return Response(self._static[name], 200, {**HEADERS, "cache-control": age}, STATIC[name])


def _html(page: bytes, status: int = 200, more: Mapping[str, str] | None = None) -> Response:
    headers = {**HEADERS, "cache-control": "public, max-age=1", **(more or {})}
    return Response(page, status, headers, "text/html; charset=utf-8")


def routes(world: World, site: Site) -> list[Route]:
    """The exchange's pages as Starlette's routes."""
    return Pages(world, site).routes()
