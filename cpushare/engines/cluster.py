"""A Dask cluster of one's own as an engine: a laboratory's machines, Slurm, Kubernetes.

The workers have CPUShare installed, verify the program's bytes themselves, and run it in strict
children (cpushare/engines/worker.py). Dask repeats what a dying worker leaves behind. Pixels
travel inside the tasks, so that nothing is lost with a worker.
"""

from __future__ import annotations

import contextlib
import socket
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from cpushare._version import __version__
from cpushare.engines import worker
from cpushare.engines.engine import Batch, Task, then
from vm.errors import Refused, SandboxBroken, SandboxUnavailable

if TYPE_CHECKING:
    from vm.inputs import Outputs

CONNECT_S = 15
DASK_SETTINGS = {"distributed.admin.large-graph-warning-threshold": "1 TB"}  # tasks are images


class ClusterEngine:
    """An `Engine` of the workers that a Dask scheduler at HOST:PORT has."""

    def __init__(self, address: str) -> None:
        """Connect, and ask every worker whether it can do the work.

        Raises `Refused` without Dask or where versions differ, `SandboxUnavailable` where a worker
        cannot confine children, `OSError` where nobody answers.
        """
        try:
            import dask
            from distributed import Client
        except ImportError:
            raise Refused(
                "a Dask cluster needs the extra: pip install 'cpushare[cluster]'"
            ) from None
        dask.config.set(DASK_SETTINGS)
        is_secret = dask.config.get("distributed.comm.require-encryption", None)
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_S).close()
            self._client: Any = Client(
                f"{'tls' if is_secret else 'tcp'}://{address}",
                timeout=CONNECT_S,
                set_as_default=False,
            )
        except OSError as error:
            raise OSError(
                f"no Dask scheduler answers at {address} ({error}): start one with "
                "'dask scheduler', and workers with 'dask worker'"
            ) from None
        try:
            self._check_workers(address)
        except BaseException:
            self._client.close()
            raise
        self._executor = self._client.get_executor(pure=False)
        self._open: set[Future[Outputs]] = set()
        self._caller = uuid.uuid4().hex

    def _check_workers(self, address: str) -> None:
        try:
            self._client.wait_for_workers(1, timeout=CONNECT_S)
        except TimeoutError:
            raise OSError(
                f"the Dask scheduler at {address} has no workers: start some with "
                f"'dask worker tcp://{address}'"
            ) from None
        answers = self._client.run(worker.introduce, on_error="return")
        for name, answer in answers.items():
            if isinstance(answer, BaseException):
                raise Refused(
                    f"worker {name} cannot run CPUShare ({answer}): pip install "
                    f"'cpushare[cluster]=={__version__}' in its environment"
                )
            version, problem = answer
            if version != __version__:
                raise Refused(f"worker {name} has CPUShare {version}; this is {__version__}")
            if problem:
                raise SandboxUnavailable(f"on worker {name}: {problem}")

    @property
    def slots(self) -> int:
        """The threads of all workers there are now."""
        threads: int = sum(self._client.nthreads().values())
        return max(1, threads)

    def in_flight(self, batch: Batch, parameters: Mapping[str, object]) -> int:
        """Two for each thread of a worker: one that runs, one that travels."""
        return 2 * self.slots

    def submit(self, batch: Batch, task: Task) -> Future[Outputs]:
        """Have some worker run the task."""
        future: Future[Outputs] = self._executor.submit(
            worker.run,
            self._caller,
            batch.verified.encoded,
            batch.kernel,
            batch.checked,
            batch.memory_bytes,
            dict(task.inputs),
            dict(task.parameters),
        )
        made = then(future, _outcome)
        self._open.add(made)
        made.add_done_callback(self._open.discard)
        return made

    def close(self) -> None:
        """Cancel what is not done, end its children, and leave the cluster to others."""
        for future in list(self._open):
            future.cancel()
        self._executor.shutdown(wait=False)
        if self._client.status == "running":
            with contextlib.suppress(OSError):
                self._client.run(worker.leave, self._caller, on_error="ignore")
        self._client.close()


def _outcome(done: Future[Outputs]) -> Outputs:
    from distributed import KilledWorker

    try:
        return done.result()
    except KilledWorker as error:
        raise SandboxBroken(f"the task was given up, since workers died of it: {error}") from None
