"""Figures: our native code beside C and other libraries, all in one run.

    make bench                      everything, to docs/benchmarks.md: about five minutes
    python -m bench --help          parts of it
    python -m bench --quick         a first look in the terminal
    python -m bench.instructions    instruction counts, which guard against regressions in CI

Contenders take turns, round by round, so that whatever else the machine does hits all of them;
each has the median of its rounds, in CPU time, and only ratios within the run mean anything.
`bench.works` lists what is computed; bench/kernels, examples/ and bench/c hold it in our language
and in C, bench/peers by others. Peers live in an environment of their own (.venv-bench), since
numba wants another llvmlite; who is not there is skipped by name.
"""
