"""The API's documentation: /api/openapi.json, and the same as a page that needs no script."""

from __future__ import annotations

from functools import cache
from html import escape
from typing import Any

import msgspec
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from cpushare.exchange.edge.answers import JSON
from cpushare.exchange.edge.openapi import describe

HEADERS = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
STYLE = """
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: auto; padding: 1rem; }
pre { overflow-x: auto; padding: .5rem; border: 1px solid; }
summary { cursor: pointer; } h3 { margin-bottom: 0; } code { overflow-wrap: anywhere; }
"""


def document_routes(app: FastAPI) -> list[Route]:
    """The document and its page, made when they are first asked for."""

    @cache
    def document() -> dict[str, Any]:
        return describe(app)

    async def openapi(request: Request) -> Response:
        return Response(msgspec.json.encode(document()), media_type=JSON)

    async def handbook(request: Request) -> Response:
        return HTMLResponse(render(document()), headers=HEADERS)

    return [Route("/api/openapi.json", openapi), Route("/api/docs", handbook)]


def render(document: dict[str, Any]) -> str:
    """The page of an OpenAPI document."""
    title = escape(document["info"]["title"])
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}: API</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{STYLE}</style></head><body><main><h1>{title}: API</h1>",
        _paragraphs(document["info"]["description"]),
        '<p>The same for programs: <a href="/api/openapi.json">openapi.json</a>.</p>',
    ]
    for tag in document["tags"]:
        parts.append(f"<h2>{escape(tag['name'].capitalize())}</h2><p>{tag['description']}</p>")
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if isinstance(operation, dict) and tag["name"] in operation["tags"]:
                    parts.append(_operation(method, path, operation))
    parts.append("<h2>Messages</h2>")
    for name, schema in document["components"]["schemas"].items():
        text = msgspec.json.format(msgspec.json.encode(schema)).decode()
        about = escape(schema.get("description", "").partition("\n")[0])
        parts.append(f'<details id="{name}"><summary><code>{name}</code> {about}</summary>')
        parts.append(f"<pre>{escape(text)}</pre></details>")
    parts.append("</main></body></html>")
    return "\n".join(parts)


def _paragraphs(text: str) -> str:
    made = []
    for block in text.strip().split("\n\n"):
        tag = "pre" if block.startswith("    ") else "p"
        made.append(f"<{tag}>{escape(block)}</{tag}>")
    return "\n".join(made)


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    lines = [f"<h3><code>{method.upper()} {escape(path)}</code></h3>"]
    lines.append(f"<p>{escape(operation.get('description') or operation['summary'])}")
    takes = operation.get("requestBody", {}).get("content", {})
    gives = operation["responses"]["200"].get("content", {})
    for word, content in (("Takes", takes), ("Gives", gives)):
        if content:
            lines.append(f"<br>{word} {_kind(content)}.")
    lines.append("</p>" if operation.get("security") else "<br>Not signed.</p>")
    return "".join(lines)


def _kind(content: dict[str, Any]) -> str:
    for form, found in content.items():
        schema = found["schema"]
        name = schema.get("$ref", schema.get("items", {}).get("$ref", "")).rpartition("/")[2]
        many = "a list of " if "items" in schema else ""
        if name:
            return f'{many}<a href="#{name}"><code>{name}</code></a>'
        return f"<code>{escape(form)}</code>"
    return "nothing"
