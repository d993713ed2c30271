"""The exchange's web page: what is computed, how far it is, and what came of it.

    routes.py     addresses of pages, their headers
    front.py      what the front page, /health and /mints show
    job.py        what the page of a computation shows: with results.py, kernel.py, plot.py
    pictures.py   output rasters as small PNGs
    live.py       changes as server-sent events: one query a second, however many listen
    kept.py       what is made once a second at the most
    texts.py      strangers' words and numbers, made fit to be seen

Pages are whole without a script; the one there is only keeps numbers fresh. Nothing is loaded from
elsewhere. Only public jobs are shown, the others are counted; no key of anybody is.
"""
