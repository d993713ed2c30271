"""The exchange: where sell orders and jobs meet, and coins change hands.

    service.py   what may be asked: requests in, answers out, each in one transaction
    store.py     what keeps the rows: memory.py in dictionaries, sql/ in SQLite or PostgreSQL
    sweep.py     what time brings: leases that run out, jobs that end

The rules themselves are pure and stand in cpushare/market. Nothing here compiles or runs a
program: it is verified, and priced.
"""
