"""What is around the exchange's questions: TLS, documents, health, numbers, disks, its folder."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import json
import ssl
from pathlib import Path

import httpx
import obstore
import pytest
from http_message_signatures import HTTPMessageSigner, HTTPMessageVerifier, algorithms
from http_message_signatures.resolvers import HTTPSignatureKeyResolver
from msgspec import structs
from obstore.store import LocalStore, MemoryStore

from cpushare.exchange.blobs import BlobStore, DiskFull, describe
from cpushare.exchange.certificate import make_certificate
from cpushare.exchange.config import read_config, write_config
from cpushare.exchange.edge.answers import TooOften
from cpushare.exchange.edge.rates import Addresses, Rates
from cpushare.exchange.edge.server import Serving
from cpushare.exchange.store import BlobRow
from cpushare.market import signing
from cpushare.market.errors import BadMessage, BadSignature, Unreachable
from cpushare.market.keys import read_key
from cpushare.market.messages import Mints, decode
from cpushare.market.mint import check_mint
from cpushare.market.rasters import blob_name
from tests.market.parties import pair
from tests.market.serving import FREE, served
from tests.market.study import job, picture, submit


def test_tls_with_a_certificate_that_orders_pin(tmp_path: Path) -> None:
    certificate, key = tmp_path / "c.pem", tmp_path / "c.key"
    make_certificate("127.0.0.1", certificate, key, datetime.datetime.now(datetime.UTC))
    assert key.stat().st_mode & 0o777 == 0o600
    pin = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()
    with served(how=Serving(certificate, key), certificate=pin) as exchange:
        assert exchange.address.startswith("https://")
        with exchange.client(exchange.buyer) as buyer:
            assert submit(buyer, job()).tasks == 4
        exchange.certificate = "0" * 64
        with exchange.client(exchange.buyer) as buyer, pytest.raises(BadSignature, match="shows"):
            buyer.balance()


def test_documents_health_and_numbers() -> None:
    with served() as exchange, httpx.Client(base_url=exchange.address) as client:
        document = client.get("/api/openapi.json").json()
        assert {"/api/work", "/api/blobs/{name}", "/api/jobs/{job}/results"} <= set(
            document["paths"]
        )
        text = json.dumps(document)
        named = set(document["components"]["schemas"])
        refs = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
        assert refs <= named
        page = client.get("/api/docs").text
        assert "POST /api/work" in page
        assert "src=" not in page
        assert client.get("/healthz").json() == dict.fromkeys(
            ("store", "blobs", "sweep", "checker"), "ok"
        )
        client.get("/nothing/here")
        numbers = client.get("/metrics").text
        assert "cpushare_ledger_sum 0.0" in numbers
        assert 'cpushare_requests_total{route="none",status="404"} 1.0' in numbers
        assert "nothing" not in numbers
        assert client.get("/").status_code == 200


def test_anybody_can_check_how_coins_came_into_being() -> None:
    with served() as exchange:
        mints = decode(httpx.get(f"{exchange.address}/api/mints").content, Mints)
        (found,) = mints.mints
        check_mint(found.mint, bytes.fromhex(found.signature), read_key(mints.operator))


def test_large_blobs_come_through() -> None:
    blob = bytes(20 << 20)
    with served() as exchange, exchange.client(pair("somebody")) as client:
        client.upload([blob])
        assert client.download(blob_name(blob)) == blob


# RFC 9421, against a library of another's.


class _Keys(HTTPSignatureKeyResolver):
    """Ed25519 keys as that library wants them."""

    def resolve_public_key(self, key_id: str) -> object:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        return Ed25519PublicKey.from_public_bytes(read_key(key_id))

    def resolve_private_key(self, key_id: str) -> object:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        seeds = {pair("signer").name: bytes(pair("signer")._signing)}
        return Ed25519PrivateKey.from_private_bytes(seeds[key_id])


def test_another_library_verifies_our_signature() -> None:
    url = httpx.URL("https://exchange.example:443/api/jobs?after=3")
    authority = signing.authority_of("https", "Exchange.example:443")
    now = datetime.datetime.now().timestamp()
    request = signing.Request("POST", "/api/jobs", "after=3", authority, b"{}")
    headers = signing.sign(request, pair("signer"), now, bytes(16))
    message = httpx.Request("POST", url, headers=headers, content=b"{}")
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=_Keys())
    (found,) = verifier.verify(message)  # type: ignore[arg-type]
    assert found.parameters["keyid"] == pair("signer").name
    assert '"@authority"' in found.covered_components


def test_we_verify_the_signature_of_another_library() -> None:
    now = datetime.datetime.now()
    digest = signing.digest_of(b"{}")
    message = httpx.Request(
        "POST",
        "https://exchange.example/api/jobs?after=3",
        headers={"content-digest": digest},
        content=b"{}",
    )
    HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=_Keys()).sign(
        message,  # type: ignore[arg-type]
        key_id=pair("signer").name,
        created=now,
        nonce="00" * 16,
        label="cpushare",
        use_existing_digest=True,
        covered_component_ids=("@method", "@path", "@query", "@authority", "content-digest"),
    )
    request = signing.Request("POST", "/api/jobs", "after=3", "exchange.example", b"{}")
    found = signing.check(request, message.headers, now.timestamp())
    assert found.key == pair("signer").public


# Rates.


def test_buckets_fill_and_are_few() -> None:
    now = [0.0]
    rates = Rates(2.0, 4.0, lambda: now[0], most=10)
    for _ in range(4):
        rates.take(b"a")
    with pytest.raises(TooOften):
        rates.take(b"a")
    now[0] = 0.5
    rates.take(b"a")
    for number in range(100):
        rates.take(b"%d" % number)
    assert len(rates) == 10


def test_addresses_are_hashes_and_networks_of_ipv6_are_one() -> None:
    names = Addresses()
    assert names.name("2001:db8::1") == names.name("2001:db8::2")
    assert names.name("192.0.2.1") != names.name("192.0.2.2")
    assert b"192" not in names.name("192.0.2.1")
    assert Addresses().name("192.0.2.1") != names.name("192.0.2.1")


# Blobs, and the folder.


def test_a_full_disk_is_a_clear_error_and_loses_nothing(tmp_path: Path) -> None:
    blobs = BlobStore.open((tmp_path / "blobs").as_uri(), least_free_bytes=0)
    with served(blobs=blobs) as exchange, exchange.client(pair("somebody")) as client:
        client.upload([b"kept"])
        blobs.least_free_bytes = 1 << 62
        with pytest.raises(DiskFull, match="disk is full"):
            exchange.run(blobs.put(b"more"))
        with pytest.raises(Unreachable, match="disk is full"):
            client.upload([b"more"])
        assert client.missing([blob_name(b"more")]) == {blob_name(b"more")}
        assert client.download(blob_name(b"kept")) == b"kept"
        assert httpx.get(f"{exchange.address}/healthz").status_code == 503
        blobs.least_free_bytes = 0
        client.upload([b"more"])
        assert client.download(blob_name(b"more")) == b"more"


def test_a_blob_that_the_disk_has_spoilt_is_not_there(tmp_path: Path) -> None:
    def opened() -> BlobStore:  # what one has in memory another has not
        return BlobStore.open(tmp_path.as_uri(), least_free_bytes=0)

    row = asyncio.run(opened().put(b"whole"))
    name = row.name
    assert asyncio.run(opened().get(row)) == b"whole"
    (tmp_path / name[:2] / name).write_bytes(b"who")
    assert asyncio.run(opened().get(row)) is None
    assert asyncio.run(opened().put(b"whole")) == row
    assert asyncio.run(opened().get(row)) == b"whole"


@pytest.mark.parametrize("kind", ["folder", "memory"])
def test_blobs_that_come_together_are_one_pack(tmp_path: Path, kind: str) -> None:
    blobs = [b"first", b"", b"third" * 1000, b"first", b"last"]
    store = LocalStore(tmp_path) if kind == "folder" else MemoryStore()

    def opened() -> BlobStore:
        return BlobStore(store, tmp_path if kind == "folder" else None, least_free_bytes=0)

    rows = asyncio.run(opened().put_all(blobs))
    assert [row.name for row in rows] == [blob_name(data) for data in blobs]
    (pack,) = {row.pack for row in rows}
    expected = dict(zip([row.name for row in rows], blobs, strict=True))
    assert asyncio.run(opened().get_all(rows)) == expected
    assert asyncio.run(opened().get_all(rows[::-2])) == {
        row.name: expected[row.name] for row in rows[::-2]
    }
    assert asyncio.run(opened().get(rows[2])) == b"third" * 1000
    alone = asyncio.run(opened().put(b"alone"))
    assert (alone.pack, alone.start) == ("", 0)
    assert asyncio.run(opened().get_all([alone, rows[4]])) == {
        alone.name: b"alone",
        rows[4].name: b"last",
    }
    for spoilt, left in ((b"first", {b"first", b""}), (b"fi", {b""}), (b"F" * 5019, {b""})):
        obstore.put(store, f"{pack[:2]}/{pack}", spoilt)
        assert set(asyncio.run(opened().get_all(rows)).values()) == left
    obstore.delete(store, f"{pack[:2]}/{pack}")
    assert asyncio.run(opened().get_all([*rows, alone])) == {alone.name: b"alone"}


def test_blobs_are_asked_for_by_names_alone(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"secret")
    blobs = BlobStore.open((tmp_path / "in").as_uri(), least_free_bytes=0)
    for name in ("../x", "A" * 64, "0" * 63, f"{'0' * 64}\n"):
        with pytest.raises(BadMessage):
            asyncio.run(blobs.get(BlobRow(name, 6)))
        with pytest.raises(BadMessage):
            asyncio.run(blobs.get(BlobRow(blob_name(b"secret"), 6, pack=name)))
    assert asyncio.run(blobs.get(BlobRow(blob_name(b"other"), 5))) is None


def test_a_raster_is_described_if_it_is_whole() -> None:
    found = describe("0" * 64, picture(1))
    assert found.shape is not None
    assert (found.shape.width, found.shape.height) == (6, 4)
    assert describe("0" * 64, picture(1)[:-1]).shape is None
    assert describe("0" * 64, b"text").shape is None


def test_a_new_configuration_can_be_read(tmp_path: Path) -> None:
    write_config(tmp_path, "https://exchange.example", "0.0.0.0:8443")
    config = read_config(tmp_path)
    assert config.authority == "exchange.example"
    assert config.place == ("0.0.0.0", 8443)
    (tmp_path / "config.toml").write_text("nonsense = 1\n")
    with pytest.raises(BadMessage, match=r"config\.toml"):
        read_config(tmp_path)


def test_what_is_uploaded_in_a_day_is_bounded() -> None:
    limits = structs.replace(FREE, stored_bytes_day=10_000.0)
    with (
        served(limits=limits) as exchange,
        exchange.client(pair("greedy")) as greedy,
        exchange.client(pair("modest")) as modest,
        exchange.client(pair("third")) as third,
    ):
        greedy.upload([bytes(9_000)])
        greedy.upload([b"1" * 9_000])  # who has a byte left may owe the rest
        with pytest.raises(Unreachable, match="429"):
            greedy.upload([b"2"])
        assert greedy.missing([blob_name(b"2")]) == {blob_name(b"2")}
        modest.upload([b"2"])  # another key from the same address
        third.upload([b"3" * 30_000])
        with pytest.raises(Unreachable, match="429"):
            modest.upload([b"4"])  # all keys of one address together had 40,000
