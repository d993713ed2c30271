"""Signed requests, as in RFC 9421 (HTTP Message Signatures) and RFC 9530 (Content-Digest).

One signature covers the method, the path with its query, the host and the hash of the body; it
names the key, when it was made and a nonce, so that it can be used once and soon:

    Content-Digest: sha-256=:BASE64:
    Signature-Input: cpushare=("@method" "@path" "@query" "@authority" "content-digest");
                     created=1700000000;keyid="KEY";alg="ed25519";nonce="HEX"
    Signature: cpushare=:BASE64:

Only this one form is accepted: a signature that covers less is worth less.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping

from msgspec import Struct

from cpushare.market.errors import BadMessage, BadSignature
from cpushare.market.keys import KeyPair, check_signature, read_key

CLOCK_S = 300
"""How far the clocks of signer and exchange may be apart, so how long a nonce is kept."""
NONCE_BYTES = 16
COVERED = '("@method" "@path" "@query" "@authority" "content-digest")'
_INPUT = re.compile(
    r"cpushare=" + re.escape(COVERED) + r";created=([0-9]{1,12});"
    r'keyid="([a-z2-7]{56})";alg="ed25519";nonce="([0-9a-f]{32})"'
)
_DIGEST = re.compile(r"sha-256=:[A-Za-z0-9+/]{43}=:")
_SIGNATURE = re.compile(r"cpushare=:([A-Za-z0-9+/]{86}==):")


class Request(Struct, frozen=True):
    """What is signed: the method in capitals, the path as sent, the query without its '?', the
    host with its port unless that is the usual one (`authority_of`), the body.
    """

    method: str
    path: str
    query: str
    authority: str
    body: bytes = b""


class Signed(Struct, frozen=True):
    """What a signature proves: the key that made it, when, and with which nonce.

    `base` is what was signed; with `signature` it can be shown to others. `digest` is what the
    signer says of the body, as Content-Digest.
    """

    key: bytes
    created: int
    nonce: bytes
    base: bytes
    signature: bytes
    digest: str = ""


def digest_of(body: bytes) -> str:
    """The value of Content-Digest."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def authority_of(scheme: str, host: str) -> str:
    """The "@authority" of a request to a host, as in RFC 9421, 2.2.3: lower case, no usual port."""
    usual = {"https": ":443", "http": ":80"}[scheme]
    return host.lower().removesuffix(usual)


def _base(request: Request, digest: str, parameters: str) -> bytes:
    """The signature base of RFC 9421, section 2.5."""
    lines = (
        f'"@method": {request.method}',
        f'"@path": {request.path}',
        f'"@query": ?{request.query}',
        f'"@authority": {request.authority}',
        f'"content-digest": {digest}',
        f'"@signature-params": {parameters}',
    )
    return "\n".join(lines).encode(errors="surrogatepass")


def sign(request: Request, pair: KeyPair, now: float, nonce: bytes) -> dict[str, str]:
    """The three headers that sign a request; `nonce` is 16 bytes that are never used again."""
    digest = digest_of(request.body)
    parameters = (
        f'{COVERED};created={int(now)};keyid="{pair.name}";alg="ed25519";nonce="{nonce.hex()}"'
    )
    signature = base64.b64encode(pair.sign(_base(request, digest, parameters))).decode()
    return {
        "content-digest": digest,
        "signature-input": f"cpushare={parameters}",
        "signature": f"cpushare=:{signature}:",
    }


def check_head(request: Request, headers: Mapping[str, str], now: float) -> Signed:
    """Who signed a request, by its headers (names in lower case), before its body is there.

    Whether the body is the one that was signed is left to `check_body`, whether the nonce was seen
    before to the caller. Raises `BadSignature`.
    """
    given = headers.get("signature-input", "")
    found = _INPUT.fullmatch(given)
    if found is None:
        raise BadSignature(
            "the request is not signed" if not given else "Signature-Input has another form"
        )
    proof = _SIGNATURE.fullmatch(headers.get("signature", ""))
    if proof is None:
        raise BadSignature("the header Signature is missing or has another form")
    created = int(found[1])
    if abs(created - now) > CLOCK_S:
        raise BadSignature(
            f"the request was signed {now - created:+.0f} s ago by the exchange's clock, which may "
            f"be {CLOCK_S} s off: is your clock right?"
        )
    digest = headers.get("content-digest", "")
    if not _DIGEST.fullmatch(digest):
        raise BadSignature("the header Content-Digest is missing or has another form")
    try:
        key = read_key(found[2])
    except BadMessage as error:
        raise BadSignature(str(error)) from None
    base = _base(request, digest, given.removeprefix("cpushare="))
    try:
        signature = base64.b64decode(proof[1], validate=True)
    except binascii.Error:
        signature = b""
    if base64.b64encode(signature).decode() != proof[1]:  # spare bits are zeros
        raise BadSignature("the header Signature is no base64")
    check_signature(key, base, signature)
    return Signed(key, created, bytes.fromhex(found[3]), base, signature, digest)


def check_body(signed: Signed, body: bytes) -> None:
    """Raises `BadSignature` unless the body is the one that was signed."""
    if signed.digest != digest_of(body):
        raise BadSignature("the body is not the one that was signed")


def check(request: Request, headers: Mapping[str, str], now: float) -> Signed:
    """Who signed a whole request: `check_head` and `check_body`. Raises `BadSignature`."""
    signed = check_head(request, headers, now)
    check_body(signed, request.body)
    return signed
