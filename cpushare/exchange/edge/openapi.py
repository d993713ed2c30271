"""The OpenAPI document of the exchange: every route, every message, made from the messages' types.

FastAPI describes its own routes; those that are hot are plain Starlette and described here. All
schemas are msgspec's, so that what is documented is what is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from fastapi import FastAPI

from cpushare.exchange.edge.answers import BYTES, JSON
from cpushare.exchange.edge.health import Health
from cpushare.market.messages import (
    Balance,
    BlobNames,
    Dispute,
    Enrolled,
    Enrolment,
    ExchangeInfo,
    History,
    JobOrder,
    JobStatus,
    Mints,
    Problem,
    ResultsPage,
    WorkAnswer,
    WorkRequest,
)

REF = "#/components/schemas/{name}"
MESSAGES = (
    Health,
    Balance,
    BlobNames,
    Dispute,
    Enrolled,
    Enrolment,
    ExchangeInfo,
    History,
    JobOrder,
    list[JobStatus],
    Mints,
    Problem,
    ResultsPage,
    WorkAnswer,
    WorkRequest,
)
INTRODUCTION = """
Sellers and buyers talk to a CPUShare exchange by these requests: JSON in both directions, amounts
in micro-coins, times in seconds since 1970, work in cost units, hashes as 64 hex digits.

Requests are signed with an ed25519 key as in RFC 9421 (HTTP Message Signatures), with the hash of
the body as in RFC 9530 (Content-Digest), and in this one form:

    Content-Digest: sha-256=:BASE64:
    Signature-Input: cpushare=("@method" "@path" "@query" "@authority" "content-digest")
                     ;created=SECONDS;keyid="KEY";alg="ed25519";nonce="32 HEX DIGITS"
    Signature: cpushare=:BASE64:

Signature-Input is one line without spaces before its semicolons.
A nonce is good once and for five minutes. Errors are a `Problem` with the status of its kind.
CPUCoins are units of account between the users of one exchange. They are no money.
"""
TAGS = [
    {"name": "sellers", "description": "Enrol a worker, get leases, send results."},
    {"name": "blobs", "description": "Programs, images and results by their sha256."},
    {"name": "jobs", "description": "Buy computations, follow them, fetch what came out."},
    {"name": "accounts", "description": "Coins of the account that signs."},
    {"name": "exchange", "description": "The exchange itself; nothing of this is signed."},
]
_BYTES_BODY = {BYTES: {"schema": {"type": "string", "format": "binary"}}}


def _json(kind: Any) -> dict[str, Any]:
    (schema,), _ = msgspec.json.schema_components([kind], ref_template=REF)
    return {JSON: {"schema": schema}}


def _responses(kind: Any) -> dict[str, Any]:
    content = _BYTES_BODY if kind is bytes else _json(kind)
    return {
        "200": {"description": "Done.", "content": content},
        "default": {"description": "What went wrong.", "content": _json(Problem)},
    }


def _extra(takes: Any, query: Sequence[str], is_signed: bool) -> dict[str, Any]:
    extra: dict[str, Any] = {"security": [{"signature": []}] if is_signed else []}
    if takes is not None:
        content = _BYTES_BODY if takes is bytes else _json(takes)
        extra["requestBody"] = {"required": True, "content": content}
    if query:
        schema = {"type": "integer", "minimum": 0, "default": 0}
        extra["parameters"] = [{"name": name, "in": "query", "schema": schema} for name in query]
    return extra


def spoken(
    gives: Any, takes: Any = None, *, query: Sequence[str] = (), is_signed: bool = True
) -> dict[str, Any]:
    """What FastAPI is to say of a route: the messages it gives and takes, numbers in its query."""
    return {
        "responses": _responses(gives),
        "openapi_extra": _extra(takes, query, is_signed),
        "response_model": None,
        "status_code": 200,
    }


def _plain(tag: str, name: str, summary: str, gives: Any, takes: Any = None) -> dict[str, Any]:
    return {
        "tags": [tag],
        "operationId": name,
        "summary": summary,
        "responses": _responses(gives),
        **_extra(takes, (), True),
    }


_NAME = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
PLAIN: dict[str, dict[str, Any]] = {
    "/api/workers": {
        "post": _plain("sellers", "enrol", "Become a worker of a sell order.", Enrolled, Enrolment),
    },
    "/api/work": {
        "post": _plain(
            "sellers", "work", "Send results, get leases, wait for work.", WorkAnswer, WorkRequest
        ),
    },
    "/api/blobs/missing": {
        "post": _plain("blobs", "missing", "Which blobs are not here.", BlobNames, BlobNames),
    },
    "/api/blobs": {
        "post": _plain(
            "blobs", "put_many", "Store a frame: 8 bytes of length, the blob, …", BlobNames, bytes
        ),
    },
    "/api/blobs/read": {
        "post": _plain(
            "blobs", "get_many", "Read blobs as a frame, as many as it holds.", bytes, BlobNames
        ),
    },
    "/api/blobs/{name}": {
        "parameters": [_NAME],
        "get": _plain("blobs", "get", "Read a blob.", bytes),
        "put": _plain("blobs", "put", "Store a blob.", BlobNames, bytes),
    },
}
"""Routes that are not FastAPI's."""


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole document."""
    from fastapi.openapi.utils import get_openapi

    document = get_openapi(
        title="CPUShare exchange",
        version=app.version,
        description=INTRODUCTION,
        routes=app.routes,
        tags=TAGS,
    )
    document["paths"] = {**document["paths"], **PLAIN}
    _, schemas = msgspec.json.schema_components(MESSAGES, ref_template=REF)
    document["components"] = {
        "schemas": schemas,
        "securitySchemes": {
            "signature": {
                "type": "apiKey",
                "in": "header",
                "name": "Signature",
                "description": "RFC 9421, see above.",
            }
        },
    }
    for path in document["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                operation["responses"].pop("422", None)
    return document
