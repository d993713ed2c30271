"""The audit: whether the books of the whole exchange are right, row by row.

Every account's sums are computed anew from the transfers, and all of them together are zero; every
execution that is called paid has its posted transfer, and nothing else was paid; whatever jobs that
have ended had set aside has gone to somebody.
"""

from __future__ import annotations

from collections.abc import Sequence

from cpushare.exchange.store import Books, Store
from cpushare.market.ledger import Auditor, Balance, Step, execution_transfer_id
from cpushare.market.states import Execution

TOGETHER = 1000
MOST_FOUND = 100
"""Sentences in one report: books that are wrong in one place are often wrong in many."""


async def audit(store: Store) -> list[str]:
    """What is wrong with the books, in sentences; nothing if all is well."""
    async with store.reading() as books:
        auditor = Auditor()
        posts = 0
        async for transfer in books.every_transfer():
            auditor.enter(transfer)
            posts += transfer.step is Step.POST
        balances: dict[int, Balance] = {}
        async for balance in books.every_balance():
            auditor.compare(balance)
            balances[balance.account] = balance
        found = auditor.found + auditor.end()
        found += await _ended_jobs(books, balances)
        found += await _paid(books, posts)
        return found[:MOST_FOUND]


async def _ended_jobs(books: Books, balances: dict[int, Balance]) -> list[str]:
    found = []
    async for job in books.every_job():
        if not job.is_over:
            continue
        left = balances.get(job.escrow, Balance(job.escrow))
        if left.credits != left.debits or left.debits_pending:
            found.append(f"job {job.hash[:16]} has ended and still holds {left}")
    return found


async def _paid(books: Books, posts: int) -> list[str]:
    found: list[str] = []
    some: list[Execution] = []
    paid = 0
    async for execution in books.every_paid():
        if execution.pay:
            paid += 1
            some.append(execution)
        if len(some) == TOGETHER:
            found += await _unpaid(books, some)
            some = []
    found += await _unpaid(books, some)
    if posts != paid:
        found.append(f"{paid} executions are called paid, and {posts} transfers paid for one")
    return found


async def _unpaid(books: Books, executions: Sequence[Execution]) -> list[str]:
    ids = {execution_transfer_id(Step.POST, each.id): each for each in executions}
    posted = await books.transfers(ids)
    found = []
    for name, execution in ids.items():
        transfer = posted.get(name)
        if transfer is None:
            found.append(f"execution {execution.id} is called paid and no transfer paid for it")
        elif (transfer.credit, transfer.amount) != (execution.account, execution.pay):
            found.append(f"execution {execution.id} was not paid what it earned: {transfer}")
    return found
