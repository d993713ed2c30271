"""Peers: what other libraries do of the same works, each on one core.

    python -m bench.peers LIBRARY        in .venv-bench; `bench.peer` is the other side

A module each, with VERSION and WORKS: for the name of a work a function that takes the picture and
gives a function that does the work and gives the result. What happens once (compiling, a table)
happens before that.
"""
