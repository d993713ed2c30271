"""Where the tasks of a batch are done: here, in threads, or in processes.

Reading and writing pictures takes longer than most kernels, and Python lets one thread at a time
do much of it. So a batch for this machine has a process for each task at once, and each does whole
tasks, with a strict child of its own. An engine elsewhere is kept busy by threads, and so is the
one here if there is so little to read that processes would not have started by then.

Here tasks go in groups, which are told in one message and, where a kernel runs best on many images
at once, run together; as many pictures are in memory as there are in the groups under way.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from itertools import chain, islice

from cpushare.batch.plan import Files
from cpushare.batch.work import Outcome, Work, Workshop
from cpushare.engines import is_remote
from cpushare.engines.engine import processors

MOST_THREADS = 256
FEW, FEW_BYTES = 16, 4 << 20  # what is read and written in the time that processes take to start
MOST_STARTS = 10  # of the processes of a batch, before one gives up
AHEAD = 2  # groups in flight for each at once: the next one is there when one ends
GROUP, GROUP_BYTES = 32, 4 << 20  # the most of a group: files, and what is read of them
TURNS = 4  # groups that are left for each process, at least: all end at about the same time
Group = Sequence[Files]
Ended = Generator[tuple[Files, Outcome], None, None]


def ended(shop: Workshop, tasks: list[Files], *, fails_fast: bool = False) -> Ended:
    """Every task with what became of it, as they end. Closing this interrupts what runs.

    With `fails_fast` no task is begun after one has failed; those that are not are left out.
    """
    jobs = min(shop.work.jobs or processors(), len(tasks))
    streams = any("-" in (*task.inputs.values(), *task.outputs.values()) for task in tasks)
    is_far = is_remote(shop.work.engine)
    alone = streams or is_far or fails_fast
    groups = ([task] for task in tasks) if alone else _groups(tasks, jobs)
    if is_far:
        threads = min(2 * shop.open().slots, len(tasks), MOST_THREADS)  # half of them read or write
        return _in_threads(shop, groups, threads, fails_fast)
    if jobs == 1 or streams:
        return _here(shop, groups, fails_fast)
    if shop.work.engine == "local" and _is_little(tasks):
        shop.open(jobs)
        return _in_threads(shop, groups, jobs, fails_fast)
    return _in_processes(shop, groups, jobs, fails_fast)


def _groups(tasks: Group, jobs: int) -> Iterator[Group]:
    """Tasks in groups, which are smaller towards the end."""
    begin = 0
    while begin < len(tasks):
        most = min(GROUP, max(1, (len(tasks) - begin) // (TURNS * jobs)))
        end, room = begin + 1, GROUP_BYTES - _bytes_of(tasks[begin])
        while end < begin + most and (room := room - _bytes_of(tasks[end])) >= 0:
            end += 1
        yield tasks[begin:end]
        begin = end


def _bytes_of(task: Files) -> int:
    return sum(os.path.getsize(file) for file in task.inputs.values() if os.path.isfile(file))


def _here(shop: Workshop, groups: Iterable[Group], fails_fast: bool) -> Ended:
    for group in groups:
        for task, outcome in zip(group, shop.run(group), strict=True):
            yield task, outcome
            if fails_fast and isinstance(outcome, Exception):
                return


def _is_little(tasks: Group) -> bool:
    return len(tasks) <= FEW and sum(map(_bytes_of, tasks)) <= FEW_BYTES


def _in_threads(shop: Workshop, groups: Iterable[Group], jobs: int, fails_fast: bool) -> Ended:
    pool = ThreadPoolExecutor(jobs)

    def submit(group: Group) -> Future[list[Outcome]]:
        return pool.submit(shop.run, group)

    try:
        yield from _as_they_end(groups, submit, jobs, fails_fast)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        shop.close()  # whoever still waits for the engine is told
        pool.shutdown(wait=True)


def _in_processes(shop: Workshop, groups: Iterable[Group], jobs: int, fails_fast: bool) -> Ended:
    _compile_once(shop)
    pool = Processes(shop.work, jobs)
    try:
        yield from _as_they_end(groups, pool.submit, jobs, fails_fast)
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

    def submit(self, group: Group) -> Future[list[Outcome]]:
        """Begin some tasks. Processes that this starts are deaf to Ctrl-C until they have begun."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return self._pool.submit(_run, group)
        except BrokenExecutor as error:
            if self._starts == MOST_STARTS:
                failed: Future[list[Outcome]] = Future()
                failed.set_exception(error)
                return failed
            self._pool = self._started()
            return self._pool.submit(_run, group)
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
    groups: Iterable[Group],
    submit: Callable[[Group], Future[list[Outcome]]],
    jobs: int,
    fails_fast: bool,
) -> Ended:
    """Submit as many groups as keep `jobs` busy; give their tasks as they end.

    Those of a group whose process was killed are done one by one.
    """
    left = iter(groups)
    running: dict[Future[list[Outcome]], Group] = {}
    has_failed = False
    while True:
        if not has_failed:
            for group in islice(left, max(0, AHEAD * jobs - len(running))):
                running[submit(group)] = group
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            group = running.pop(future)
            if isinstance(future.exception(), BrokenExecutor) and len(group) > 1:
                left = chain(([task] for task in group), left)  # one of them may break it again
                continue
            outcomes = _outcomes(future, len(group))
            if fails_fast and any(isinstance(each, Exception) for each in outcomes):
                has_failed = True
                running = {other: g for other, g in running.items() if not other.cancel()}
            yield from zip(group, outcomes, strict=True)


def _outcomes(future: Future[list[Outcome]], count: int) -> list[Outcome]:
    """What became of a group: for each the same, if it has not come to its end."""
    try:
        return future.result()
    except Exception as error:
        return [error] * count


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


def _run(group: Group) -> list[Outcome]:
    global _is_busy
    assert _shop is not None
    if _is_over:  # tasks that were on their way when Ctrl-C came
        raise CancelledError
    _is_busy = True
    try:
        return _shop.run(group)
    except KeyboardInterrupt:
        _is_busy = False
        _shop.close()  # a child may run for hours yet
        raise
    finally:
        _is_busy = False
