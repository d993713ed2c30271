"""Being last in every line: processor and disk are used when nobody else wants them."""

from __future__ import annotations

import ctypes
import os
import platform

IOPRIO_SET = {"x86_64": 251, "aarch64": 30}
WHO_PROCESS, CLASS_IDLE, CLASS_SHIFT = 1, 3, 13
NICEST = 19


def be_idle() -> list[str]:
    """Nice 19, SCHED_IDLE and the idle class of I/O, for this thread and what it starts.

    Threads and processes that this thread begins from now on inherit all three. Gives what could
    not be had, in words.
    """
    lacking = []
    try:
        os.setpriority(os.PRIO_PROCESS, 0, NICEST)
    except OSError as error:
        lacking.append(f"nice {NICEST} ({error.strerror})")
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (OSError, AttributeError) as error:
        lacking.append(f"SCHED_IDLE ({error})")
    number = IOPRIO_SET.get(platform.machine())
    libc = ctypes.CDLL(None, use_errno=True)
    idle = CLASS_IDLE << CLASS_SHIFT
    if number is None or libc.syscall(number, WHO_PROCESS, 0, idle):
        lacking.append("the idle class of I/O")
    return lacking
