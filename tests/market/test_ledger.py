"""The books: any sequence of transfers leaves them at zero, and audit notices what was changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from cpushare.market.errors import Conflict, Forbidden, MarketError, Missing, TooMuch
from cpushare.market.ledger import MOST_SUM, Balance, Step, Transfer, audit, post, transfer_id

MINT, ANN, BOB = 1, 2, 3
EMPTY = {MINT: Balance(MINT, may_owe=True), ANN: Balance(ANN), BOB: Balance(BOB)}


def move(purpose: str, debit: int, credit: int, amount: int, step: Step = Step.MOVE) -> Transfer:
    return Transfer(transfer_id(purpose), step, debit, credit, amount, purpose, 0.0)


def ending(pending: Transfer, step: Step, purpose: str) -> Transfer:
    return structs.replace(pending, id=transfer_id(purpose), step=step, pending=pending.id)


FUND = move("fund", MINT, ANN, 100)
PENDING = move("pay", ANN, BOB, 60, Step.PENDING)


def test_pending_sets_aside_and_post_moves() -> None:
    first = post(EMPTY, [FUND, PENDING], {})
    assert first.balances[ANN].available == 40
    assert first.balances[BOB].available == 0
    known = {each.id: each for each in first.transfers}
    second = post(first.balances, [ending(PENDING, Step.POST, "post")], known)
    assert second.balances[BOB].available == 60
    assert second.balances[ANN].debits_pending == 0


def test_void_frees() -> None:
    done = post(EMPTY, [FUND, PENDING, ending(PENDING, Step.VOID, "void")], {})
    assert done.balances[ANN].available == 100


def test_what_is_pending_ends_once() -> None:
    over = [FUND, PENDING, ending(PENDING, Step.VOID, "void")]
    with pytest.raises(Conflict):
        post(EMPTY, [*over, ending(PENDING, Step.POST, "post")], {})
    first = post(EMPTY, [FUND, PENDING], {})
    known = {each.id: each for each in first.transfers}
    with pytest.raises(Conflict):
        post(first.balances, [ending(PENDING, Step.POST, "post")], known, {PENDING.id})


def test_repeating_is_harmless_and_another_of_the_same_id_refused() -> None:
    first = post(EMPTY, [FUND, FUND], {})
    assert first.balances[ANN].available == 100
    again = post(first.balances, [structs.replace(FUND, created=9.0)], {FUND.id: FUND})
    assert (again.balances, again.transfers) == ({}, [])
    with pytest.raises(Conflict):
        post(first.balances, [structs.replace(FUND, amount=7)], {FUND.id: FUND})


@pytest.mark.parametrize("amount", [0, -1, (1 << 62) + 1])
def test_amounts_that_are_none(amount: int) -> None:
    with pytest.raises(Forbidden):
        post(EMPTY, [move("x", MINT, ANN, amount)], {})


def test_nobody_spends_what_it_has_not() -> None:
    with pytest.raises(TooMuch):
        post(EMPTY, [FUND, PENDING, move("x", ANN, BOB, 41)], {})
    with pytest.raises(Missing):
        post(EMPTY, [move("x", MINT, 9, 1)], {})
    with pytest.raises(Forbidden):
        post(EMPTY, [move("x", MINT, MINT, 1)], {})


def test_sums_stay_within_64_bits() -> None:
    big = [move(f"mint {n}", MINT, ANN, 1 << 62) for n in range(2)]
    with pytest.raises(TooMuch):
        post(EMPTY, big, {})
    assert post(EMPTY, big[:1], {}).balances[ANN].credits <= MOST_SUM


ACCOUNTS = st.sampled_from((MINT, ANN, BOB))
COMMANDS = st.lists(
    st.tuples(st.sampled_from(tuple(Step)), ACCOUNTS, ACCOUNTS, st.integers(1, 9)), max_size=40
)


@pytest.mark.fuzz
@given(COMMANDS)
def test_any_history_is_sound(commands: list[tuple[Step, int, int, int]]) -> None:
    balances, known, ended = dict(EMPTY), dict[bytes, Transfer](), set[bytes]()
    for number, (step, debit, credit, amount) in enumerate(commands):
        new = move(f"{number}", debit, credit, amount, step)
        if step in (Step.POST, Step.VOID):
            pending = [each for each in known.values() if each.step is Step.PENDING]
            if not pending:
                continue
            new = ending(pending[amount % len(pending)], step, f"{number}")
        try:
            posted = post(balances, [new], known, ended)
        except MarketError:
            continue
        balances |= posted.balances
        known |= {each.id: each for each in posted.transfers}
        ended |= {each.pending for each in posted.transfers if each.pending}
    assert audit(balances.values(), known.values()) == []
    assert all(each.available >= 0 for each in balances.values() if not each.may_owe)
    for number, balance in balances.items():
        changed = {**balances, number: structs.replace(balance, credits=balance.credits + 1)}
        assert audit(changed.values(), known.values())
