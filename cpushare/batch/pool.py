"""Where the tasks of a batch are done: here, in threads, or in processes.

Reading and writing pictures takes longer than most kernels, and Python lets one thread at a time
do much of it. So a batch for this machine has a process for each task at once, and each does whole
tasks, with a strict child of its own. An engine elsewhere is kept busy by threads, and so is the
one here if there is so little to read that processes would not have started by then. As many
pictures are in memory as there are tasks at once.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from itertools import islice

from cpushare.batch.plan import Files
from cpushare.batch.work import Done, Work, Workshop
from cpushare.engines import is_remote
from cpushare.engines.engine import processors

MOST_THREADS = 256
FEW, FEW_BYTES = 16, 4 << 20  # what is read and written in the time that processes take to start
MOST_STARTS = 10  # of the processes of a batch, before one gives up
AHEAD = 2  # tasks in flight for each at once: the next one is there when one ends
Ended = Generator[tuple[Files, "Future[Done]"], None, None]


def ended(shop: Workshop, tasks: list[Files], *, fails_fast: bool = False) -> Ended:
    """Every task with its future, as they end. Closing this interrupts what runs.

    With `fails_fast` no task is begun after one has failed; those that are not are left out.
    """
    jobs = min(shop.work.jobs or processors(), len(tasks))
    if is_remote(shop.work.engine):
        threads = min(2 * shop.open().slots, len(tasks), MOST_THREADS)  # half of them read or write
        return _in_threads(shop, tasks, threads, fails_fast)
    streams = any("-" in (*task.inputs.values(), *task.outputs.values()) for task in tasks)
    if jobs == 1 or streams:
        return _here(shop, tasks, fails_fast)
    if shop.work.engine == "local" and _is_little(tasks):
        shop.open(jobs)
        return _in_threads(shop, tasks, jobs, fails_fast)
    return _in_processes(shop, tasks, jobs, fails_fast)


def _here(shop: Workshop, tasks: list[Files], fails_fast: bool) -> Ended:
    for task in tasks:
        future: Future[Done] = Future()
        try:
            future.set_result(shop.run(task))
        except Exception as error:
            future.set_exception(error)
        yield task, future
        if fails_fast and future.exception() is not None:
            return


def _is_little(tasks: list[Files]) -> bool:
    if len(tasks) > FEW:
        return False
    files = [file for task in tasks for file in task.inputs.values() if os.path.isfile(file)]
    return sum(map(os.path.getsize, files)) <= FEW_BYTES


def _in_threads(shop: Workshop, tasks: list[Files], jobs: int, fails_fast: bool) -> Ended:
    pool = ThreadPoolExecutor(jobs)
    try:
        yield from _as_they_end(tasks, lambda task: pool.submit(shop.run, task), jobs, fails_fast)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        shop.close()  # whoever still waits for the engine is told
        pool.shutdown(wait=True)


def _in_processes(shop: Workshop, tasks: list[Files], jobs: int, fails_fast: bool) -> Ended:
    _compile_once(shop)
    pool = Processes(shop.work, jobs)
    try:
        yield from _as_they_end(tasks, pool.submit, jobs, fails_fast)
    except BaseException:
        pool.interrupt()
        raise
    finally:
        pool.close()


class Processes:
    """Processes that do tasks, and others in their place if one of them is killed.

    What was under way then has failed: which picture was too much for one, nobody knows.
    """

    def __init__(self, work: Work, jobs: int) -> None:
        self._work = work
        self._jobs = jobs
        self._others = set(multiprocessing.active_children())
        self._starts = 0
        self._pool = self._started()

    def _started(self) -> ProcessPoolExecutor:
        self._starts += 1
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(self._jobs, context, _begin, (self._work,))

    def submit(self, task: Files) -> Future[Done]:
        """Begin a task. Processes that this starts are deaf to Ctrl-C until they have begun."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return self._pool.submit(_run, task)
        except BrokenExecutor as error:
            if self._starts == MOST_STARTS:
                failed: Future[Done] = Future()
                failed.set_exception(error)
                return failed
            self._pool = self._started()
            return self._pool.submit(_run, task)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def interrupt(self) -> None:
        """End what runs; what has not begun never will."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - self._others:
            if process.pid is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGINT)

    def close(self) -> None:
        """Wait for the end of all processes."""
        self._pool.shutdown(wait=True, cancel_futures=True)


def _as_they_end(
    tasks: list[Files], submit: Callable[[Files], Future[Done]], jobs: int, fails_fast: bool
) -> Ended:
    """Submit as many tasks as keep `jobs` busy; give them as they end."""
    left = iter(tasks)
    running: dict[Future[Done], Files] = {}
    has_failed = False
    while True:
        if not has_failed:
            for task in islice(left, max(0, AHEAD * jobs - len(running))):
                running[submit(task)] = task
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            task = running.pop(future)
            if fails_fast and future.exception() is not None:
                has_failed = True
                running = {other: t for other, t in running.items() if not other.cancel()}
            yield task, future


def _compile_once(shop: Workshop) -> None:
    """Put the compiled kernel on disk, where every process finds it."""
    from cpushare.config import object_cache
    from vm.sandbox.runner import NativeRunner

    work = shop.work
    if work.engine == "local" and work.use_cache:
        with NativeRunner(
            shop.batch.verified,
            work.kernel,
            work.values,
            cache=object_cache(),
            checked=work.checked,
        ) as runner:
            runner.compile()


# In the processes.

_shop: Workshop | None = None
_is_busy = _is_over = False


def _begin(work: Work) -> None:
    """Get ready for tasks. Ctrl-C ends the one that is being done, and no other begins."""
    global _shop
    signal.signal(signal.SIGINT, _interrupted)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _shop = Workshop(work)


def _interrupted(number: int, frame: object) -> None:
    global _is_over
    _is_over = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # what is cleared up is not interrupted
    if _is_busy:
        raise KeyboardInterrupt


def _end_with_parent() -> None:
    """Nobody waits for a process whose parent has been killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(task: Files) -> Done:
    global _is_busy
    assert _shop is not None
    if _is_over:  # a task that was on its way when Ctrl-C came
        raise CancelledError
    _is_busy = True
    try:
        return _shop.run(task)
    except KeyboardInterrupt:
        _is_busy = False
        _shop.close()  # a child may run for hours yet
        raise
    finally:
        _is_busy = False
