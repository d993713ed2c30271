"""Accounts, sell orders and settings on the buyer's own machine; no exchange is asked but once."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import socket
import ssl
import stat
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from cpushare.buyer.accounts import account_file, load_account
from cpushare.buyer.exchanges import certificate_of, find_exchange
from cpushare.buyer.verbs.order import read_memory
from cpushare.market.errors import Unreachable
from cpushare.market.keys import KeyPair
from cpushare.market.order import read_order
from tests.market.buyers import at_home, cpushare
from tests.market.serving import served
from vm.errors import Refused


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    at_home(tmp_path, monkeypatch)
    return tmp_path


def test_an_account_is_a_private_file() -> None:
    said = cpushare("account", "new")
    assert said.code == 0
    assert "not money" in said.err
    pair = load_account("default")
    assert said.out.strip() == pair.name
    assert stat.S_IMODE(account_file("default").stat().st_mode) == 0o600
    assert cpushare("account", "new").code == 2
    assert load_account("default").public == pair.public


def test_there_may_be_several_accounts() -> None:
    names = {name: cpushare("account", "new", "--account", name) for name in ("lab", "home")}
    shown = cpushare("account", "show").out.splitlines()
    assert shown == [f"{name}  {names[name].out.strip()}" for name in ("home", "lab")]
    assert cpushare("account", "show", "--account", "lab").out.split()[0] == "lab"


@pytest.mark.parametrize("name", ["../x", "", ".x", "a/b", "a" * 65])
def test_an_accounts_name_is_no_path(name: str) -> None:
    with pytest.raises(Refused, match="letters"):
        account_file(name)


def test_a_key_that_others_may_read_is_not_used() -> None:
    cpushare("account", "new")
    account_file("default").chmod(0o644)
    said = cpushare("account", "show")
    assert said.code == 2
    assert "chmod 600" in said.err


def test_a_backup_is_the_key_itself_and_says_so(home: Path) -> None:
    cpushare("account", "new")
    printed = cpushare("account", "export")
    assert printed.out == account_file("default").read_text()
    assert "WARNING" in printed.err
    assert cpushare("account", "export", home / "copy.key").code == 0
    assert KeyPair.load(home / "copy.key").public == load_account("default").public
    assert stat.S_IMODE((home / "copy.key").stat().st_mode) == 0o600
    assert cpushare("account", "export", home / "copy.key").code == 5  # never over another


def test_who_has_no_account_is_told_how_to_make_one() -> None:
    said = cpushare("account", "balance", "--exchange", "http://127.0.0.1:1")
    assert said.code == 2
    assert "cpushare account new" in said.err
    assert "which exchange" in cpushare("account", "balance").err


def test_an_exchange_that_is_not_there_is_named() -> None:
    cpushare("account", "new")
    said = cpushare("account", "balance", "--exchange", "http://127.0.0.1:1")
    assert said.code == 5
    assert "does not answer" in said.err


def test_an_order_is_signed_and_explained(home: Path) -> None:
    mine = cpushare("account", "new", "--account", "lab").out.strip()
    with served() as exchange:
        made = ("order", "new", "--credit", "lab", "--min-price", 1000, "--memory", "1Gi")
        made += ("--hours", "22:00-07:00", "--exchange", exchange.address)
        unsure = cpushare(*made)
        assert unsure.code == 2  # nobody is there to compare the key
        assert exchange.exchange.name in unsure.err
        sure = cpushare(*made, "--yes")
        known = cpushare(*made, "--exchange-key", exchange.exchange.name)
        assert sure.out == known.out
        order = read_order(sure.out)
        by_key = cpushare(*made[:2], "--credit", mine, *made[4:], "--yes")
        assert by_key.out == sure.out
    assert (order.credit, order.min_price, order.memory_bytes) == (mine, 1000, 1 << 30)
    assert order.exchange_key == exchange.exchange.name
    path = home / "mine.cpu"
    path.write_text(sure.out)
    shown = cpushare("order", "show", path)
    assert shown.code == 0
    for fact in (mine, order.exchange, "between 22:00 and 07:00", "signature holds"):
        assert fact in shown.out
    assert find_exchange(str(path)).key == order.exchange_key


def test_a_changed_order_is_shown_to_be_forged(home: Path) -> None:
    mine = cpushare("account", "new").out.strip()
    other = KeyPair.new().name
    key = KeyPair.new().name
    place = ("--exchange", "http://127.0.0.1:9", "--exchange-key", key)
    text = cpushare("order", "new", "--min-price", 5, *place).out
    path = home / "forged.cpu"
    for changed in (text.replace("= 5 ", "= 50 "), text.replace(mine, other)):
        assert changed != text
        path.write_text(changed)
        said = cpushare("order", "show", path)
        assert said.code == 1
        assert "not signed" in said.err
    refused = cpushare("order", "new", "--credit", other, "--min-price", 5, *place)
    assert refused.code == 2
    assert "not on this machine" in refused.err


@pytest.mark.parametrize(
    ("text", "size"),
    [("2G", 2 * 10**9), ("512M", 512 * 10**6), ("1GiB", 1 << 30), ("64000000", 64000000)],
)
def test_memory_is_read(text: str, size: int) -> None:
    assert read_memory(text) == size


def test_memory_that_is_none_is_refused() -> None:
    with pytest.raises(Refused):
        read_memory("much")


def test_a_certificate_that_no_authority_signed_is_told_by_its_hash(home: Path) -> None:
    certificate, key = self_signed(home)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    wanted = hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.read_text())).hexdigest()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for _ in range(2):  # one that is refused, one that looks
                with contextlib.suppress(OSError):
                    plain, _ = listening.accept()
                    with plain, context.wrap_socket(plain, server_side=True):
                        pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        address = f"https://127.0.0.1:{listening.getsockname()[1]}"
        assert certificate_of(address) == wanted
        thread.join(10)
    with pytest.raises(Unreachable):
        certificate_of(address)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate and its key, as an exchange makes them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "exchange")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    none = serialization.NoEncryption()
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, none))
    return certificate, secret
