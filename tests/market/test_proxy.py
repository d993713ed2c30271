"""Whoever goes through a proxy goes through it alone: nothing else learns who asks whom."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cpushare.exchange.certificate import make_certificate
from cpushare.exchange.edge.server import Serving
from cpushare.market.errors import BadMessage, BadSignature, Unreachable
from cpushare.market.rasters import blob_name
from cpushare.wire.client import ExchangeClient
from tests.market.parties import pair
from tests.market.serving import served

NOWHERE = "exchange.invalid"


class Socks:
    """A SOCKS5 proxy that knows one name, and takes everything for it to a port of this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.asked: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(
                    target=self._serve, args=(self._socket.accept()[0],), daemon=True
                ).start()

    def _serve(self, client: socket.socket) -> None:
        methods = client.recv(2)[1]
        client.recv(methods)
        client.sendall(b"\x05\x00")
        kind = client.recv(4)[3]
        assert kind == 3, "a name, not an address that somebody else was asked for"
        name = client.recv(client.recv(1)[0]).decode()
        client.recv(2)
        self.asked.append(name)
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            client.sendall(b"\x05\x00\x00\x01" + bytes(6))
            back = threading.Thread(target=_pass, args=(server, client), daemon=True)
            back.start()
            _pass(client, server)
            back.join()

    def close(self) -> None:
        self._socket.close()


def _pass(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def way(tmp_path: Path) -> Iterator[tuple[Socks, str, str]]:
    """A proxy, the address of an exchange that only it finds, and the exchange's certificate."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "certificate.key"
    make_certificate(NOWHERE, certificate, key, datetime.datetime.now(datetime.UTC))
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()
    with served(how=Serving(certificate, key), certificate=pin, also=NOWHERE) as exchange:
        port = int(exchange.address.rpartition(":")[2])
        proxy = Socks(port)
        yield proxy, f"https://{NOWHERE}:{port}", pin
        proxy.close()


def test_a_pinned_exchange_is_reached_through_the_proxy_alone(way: tuple[Socks, str, str]) -> None:
    proxy, address, pin = way
    with ExchangeClient(
        address, pair("somebody"), certificate=pin, proxy=f"socks5://{proxy.address}"
    ) as client:
        client.upload([b"hello"])
        assert client.download(blob_name(b"hello")) == b"hello"
    assert set(proxy.asked) == {NOWHERE}
    assert len(proxy.asked) == 1, "a connection is used again"
    with (
        ExchangeClient(address, pair("somebody"), certificate=pin) as client,
        pytest.raises(Unreachable),
    ):
        client.info()


def test_another_certificate_is_refused_before_anything_is_said(
    way: tuple[Socks, str, str],
) -> None:
    proxy, address, pin = way
    for other in ("0" * 64, ""):
        with (
            ExchangeClient(
                address, pair("somebody"), certificate=other, proxy=f"socks5://{proxy.address}"
            ) as client,
            pytest.raises(
                BadSignature if other else Unreachable,
                match=f"shows the certificate {pin[:16]}" if other else "certificate",
            ),
        ):
            client.info()


def test_what_is_no_proxy_is_said() -> None:
    with (
        ExchangeClient("https://x.example", pair("somebody"), proxy="ftp://x") as client,
        pytest.raises(BadMessage, match="socks5://HOST:PORT"),
    ):
        client.info()
