"""Mint documents: how coins come into being. The operator signs each; anybody may list them."""

from __future__ import annotations

from cpushare.market.keys import KeyPair, check_signature
from cpushare.market.messages import Mint, canonical

DOMAIN = b"CPUShare mint 1\n"


def sign_mint(mint: Mint, operator: KeyPair) -> bytes:
    """The operator's signature."""
    return operator.sign(DOMAIN + canonical(mint))


def check_mint(mint: Mint, signature: bytes, operator: bytes) -> None:
    """Raises `BadSignature` unless the operator has signed."""
    check_signature(operator, DOMAIN + canonical(mint), signature)
