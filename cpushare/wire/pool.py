"""Connections to an exchange: an authority vouches for its certificate, or it is the pinned one.

A pinned certificate is looked at on the very connection that is used, before anything is said on
it. Through a proxy goes everything, the question where the exchange is too.
"""

from __future__ import annotations

import re
import ssl
from typing import Any

import urllib3
from urllib3.contrib.socks import SOCKSProxyManager

from cpushare.market.errors import BadMessage

CONNECT_S, READ_S = 10.0, 90.0
CONNECTIONS = 8


def pool_for(certificate: str = "", proxy: str = "") -> urllib3.PoolManager:
    """Connections; `certificate` is the sha256 of the exchange's own, in hex, `proxy` an address
    such as socks5://127.0.0.1:9050. Raises `BadMessage` for another kind of proxy.
    """
    options: dict[str, Any] = {
        "maxsize": CONNECTIONS,
        "timeout": urllib3.Timeout(connect=CONNECT_S, read=READ_S),
        "retries": False,
    }
    if certificate:  # it itself is what was promised, whatever name stands in it
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        options |= {"ssl_context": context, "cert_reqs": "CERT_NONE"}
        options |= {"assert_fingerprint": certificate}
    else:
        options |= {"ssl_context": ssl.create_default_context()}
    scheme, _, place = proxy.partition("://")
    if not proxy:
        return urllib3.PoolManager(**options)
    if scheme in ("socks5", "socks5h"):
        return SOCKSProxyManager(f"socks5h://{place}", **options)
    if scheme == "http":
        return urllib3.ProxyManager(proxy, **options)
    raise BadMessage(f"'{proxy}' is no proxy: socks5://HOST:PORT or http://HOST:PORT")


def told(error: Exception) -> str:
    """What is wrong with a connection, in few words."""
    return str(error).rpartition(": ")[2]


def shown_instead(error: Exception) -> str:
    """The sha256 of the certificate that was shown instead of the pinned one, if that is it."""
    found = re.search(r'Fingerprints did not match.*got "([0-9a-f]{64})"', str(error))
    return found[1] if found else ""
