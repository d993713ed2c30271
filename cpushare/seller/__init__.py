"""The seller: lends idle processors to checked programs, and can stop at any time.

daemon.py     one process: a worker for each `.cpu` file, signals, the control socket
worker.py     one worker: talks to the exchange while its strict child computes
desk.py       what a worker has in hand: leases in line, tasks under way, results to send
task.py       a lease becomes a task that can run, or is refused: believes nothing it is told
spool.py      results on disk until the exchange has them
orders.py     which `.cpu` files there are, and what is wrong with the others
machine.py    whether now is a time to work: pressure, battery, hours, limits
state.py      the folder of keys and spools, and its removal
control.py    the socket by which a running seller is told to pause, resume, finish, stop
backoff.py    how long to wait after a failure
words.py      texts of strangers, made harmless; logs without addresses
status.py     what is told of all this
"""
