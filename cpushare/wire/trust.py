"""Whom a client believes to be the exchange: an authority's certificate, or a pinned one."""

from __future__ import annotations

import hashlib
import ssl

from cpushare.market.errors import BadSignature


def context_for(certificate: str, host: str, port: int) -> ssl.SSLContext:
    """TLS settings for an exchange; `certificate` is the sha256 of its own, in hex, or empty.

    A pinned certificate is fetched, held against its hash, and then the only one believed.
    Raises `BadSignature` if it is another, `OSError` if nobody answers.
    """
    if not certificate:
        return ssl.create_default_context()
    text = ssl.get_server_certificate((host, port), timeout=10)
    found = hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
    if found != certificate:
        raise BadSignature(
            f"{host}:{port} shows the certificate {found[:16]}…, not {certificate[:16]}… as the "
            "sell order says: it is not that exchange, or has a new certificate"
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=text)
    context.check_hostname = False  # the certificate itself is what was promised
    return context
