"""What strangers send reads back as it was written, or is refused with an error of the market."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from cpushare.market import signing
from cpushare.market.errors import BadMessage, BadSignature, MarketError
from cpushare.market.frames import pack_blobs, unpack_blobs
from cpushare.market.keys import KeyPair, read_key, show_key
from cpushare.market.messages import JobOrder, WorkRequest, decode, encode
from cpushare.market.order import SellOrder, read_order, write_order
from cpushare.market.rasters import decode_raster, encode_raster
from cpushare.market.signing import CLOCK_S, Request

PAIR = KeyPair(bytes(range(32)))
OTHER = KeyPair(bytes(32))
NONCE = bytes(16)
REQUEST = Request("POST", "/api/work", "a=1", "exchange.example", b"{}")
ORDER = SellOrder("https://exchange.example:8443", OTHER.name, PAIR.name, 1000, hours="22:00-07:00")
WORDS = st.text(st.characters(codec="utf-8"), max_size=80)

pytestmark = pytest.mark.fuzz


@given(st.binary(min_size=32, max_size=32))
def test_keys_read_back(public: bytes) -> None:
    assert read_key(show_key(public)) == public


@given(st.integers(0, 55), st.sampled_from("abcxyz27A=é0"))
def test_a_mistyped_key_is_noticed(place: int, letter: str) -> None:
    text = PAIR.name[:place] + letter + PAIR.name[place + 1 :]
    if text != PAIR.name:
        with pytest.raises(BadMessage):
            read_key(text)


@given(st.binary(max_size=300), st.sampled_from((WorkRequest, JobOrder)))
def test_no_bytes_break_the_decoder(data: bytes, kind: type[WorkRequest | JobOrder]) -> None:
    try:
        message = decode(data, kind)
    except BadMessage:
        return
    assert decode(encode(message), kind) == message


def test_leases_beyond_62_bits_are_refused() -> None:
    for number in (-1, (1 << 62) + 1, 1 << 64):
        with pytest.raises(BadMessage):
            decode(b'{"holding": [%d]}' % number, WorkRequest)


@given(WORDS)
def test_no_text_breaks_the_reader_of_orders(text: str) -> None:
    with pytest.raises(MarketError):
        read_order(text)


def test_an_order_reads_back_and_notices_any_change() -> None:
    text = write_order(ORDER, PAIR)
    assert read_order(text).min_price == 1000
    for old, new in (("1000", "1001"), ("22:00", "21:00"), (OTHER.name, PAIR.name)):
        with pytest.raises(BadSignature):
            read_order(text.replace(old, new, 1))


@given(WORDS)
def test_an_address_that_is_none_is_never_written(host: str) -> None:
    order = SellOrder(f"https://{host}", OTHER.name, PAIR.name, 1)
    try:
        text = write_order(order, PAIR)
    except BadMessage:
        return
    assert read_order(text).exchange == order.exchange


def test_a_signature_is_for_one_request_and_soon() -> None:
    headers = signing.sign(REQUEST, PAIR, 1000.0, NONCE)
    signed = signing.check(REQUEST, headers, 1000.0 + CLOCK_S)
    assert (signed.key, signed.nonce) == (PAIR.public, NONCE)
    for now in (1001.0 + CLOCK_S, 999.0 - CLOCK_S):
        with pytest.raises(BadSignature):
            signing.check(REQUEST, headers, now)
    changed = [
        Request("PUT", "/api/work", "a=1", "exchange.example", b"{}"),
        Request("POST", "/api/jobs", "a=1", "exchange.example", b"{}"),
        Request("POST", "/api/work", "a=2", "exchange.example", b"{}"),
        Request("POST", "/api/work", "a=1", "other.example", b"{}"),
        Request("POST", "/api/work", "a=1", "exchange.example", b"[]"),
    ]
    for request in changed:
        with pytest.raises(BadSignature):
            signing.check(request, headers, 1000.0)


def test_a_signature_has_one_spelling() -> None:
    headers = signing.sign(REQUEST, PAIR, 1000.0, NONCE)
    head, last = headers["signature"][:-4], headers["signature"][-4]
    assert headers["signature"][-3:] == "==:"
    for letter in set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") - {last}:
        with pytest.raises(BadSignature):
            signing.check(REQUEST, headers | {"signature": f"{head}{letter}==:"}, 1000.0)


@given(st.sampled_from(("content-digest", "signature-input", "signature")), st.data())
def test_any_change_of_a_header_is_noticed(name: str, data: st.DataObject) -> None:
    headers = signing.sign(REQUEST, PAIR, 1000.0, NONCE)
    place = data.draw(st.integers(0, len(headers[name]) - 1))
    letter = data.draw(st.characters(codec="latin-1"))
    changed = headers[name][:place] + letter + headers[name][place + 1 :]
    if changed != headers[name]:
        with pytest.raises(BadSignature):
            signing.check(REQUEST, headers | {name: changed}, 1000.0)


DTYPES = st.sampled_from(("|u1", "|i1", "<u2", "<i2", "<i4", "<i8", "<f4", "<f8", "|b1"))
SHAPES = arrays.array_shapes(min_dims=2, max_dims=3, max_side=5)


@given(DTYPES.flatmap(lambda dtype: arrays.arrays(np.dtype(dtype), SHAPES)))
def test_rasters_read_back(pixels: np.ndarray) -> None:  # type: ignore[type-arg]
    try:
        blob = encode_raster(pixels)
    except BadMessage:
        return
    again = decode_raster(blob)
    assert again.tobytes() == pixels.tobytes()
    assert encode_raster(again) == blob


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_raster_has_one_form(place: int, byte: int) -> None:
    blob = bytearray(encode_raster(np.arange(72, dtype=np.uint8).reshape(8, 9)))
    blob[place % len(blob)] = byte
    try:
        pixels = decode_raster(bytes(blob))
    except BadMessage:
        return
    assert encode_raster(pixels) == bytes(blob)


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_frames_read_back(blobs: list[bytes]) -> None:
    assert list(unpack_blobs(pack_blobs(blobs))) == blobs


@given(st.binary(max_size=60))
def test_a_frame_is_whole_or_refused(frame: bytes) -> None:
    try:
        blobs = list(unpack_blobs(frame))
    except BadMessage:
        return
    assert pack_blobs(blobs) == frame
