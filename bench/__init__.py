"""Figures: our native code beside C, Pillow and numba, all in one run.

    python -m bench [--size WxH] [--rounds N] [--json]

Contenders take turns, round by round, so that whatever else the machine does hits all of them;
each has the median of its rounds, and the table compares ratios within the run only. The C in
kernels.c is built by gcc and clang, whichever is there; numba lives in an environment of its own
(.venv-bench: `pip install -r bench/requirements.txt` there), since it wants another llvmlite.
"""
