"""The front end of an exchange: HTTPS in, one transaction, JSON out.

app.py       `create_app`: all routes, what runs beside them, what is around them
gate.py      who is let in: rates, signatures, sizes, deadlines
rates.py     token buckets for addresses and keys
bodies.py    a body that is read no further than it may be
sellers.py   POST /api/workers and /api/work, with long polls (bell.py)
blobs.py     /api/blobs
buyers.py    /api/jobs, /api/accounts
public.py    /api/info, /api/mints, /healthz, /metrics
openapi.py   the document of all these, and its page
around.py    errors as answers, counts, log lines
answers.py   messages and errors as answers
protocol.py  HTTP/1.1 by httptools, with limits for headers and connections
server.py    uvicorn on a socket, until it is told to stop

A front end keeps no truth: any number of them may stand over one database.
"""
