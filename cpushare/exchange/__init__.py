"""The exchange: where sell orders and jobs meet, and coins change hands.

    workdesk.py jobs.py blobdesk.py    what sellers and buyers may ask: requests in, answers out
    together.py  sellers' requests that come at the same time, in one transaction
    service.py   what all of these have of the world outside
    store.py     what keeps the rows: memory.py in dictionaries, sql/ in SQLite or PostgreSQL
    sweep.py     what time brings: leases that run out, jobs that end

The rules themselves are pure and stand in cpushare/market. Nothing here compiles or runs a
program: it is verified, and priced.
"""
