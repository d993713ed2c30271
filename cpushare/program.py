"""A program in Python's hands: compile or load, run on arrays, know the price."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vm import extents
from vm import parameters as parameter_values
from vm.errors import Refused
from vm.module import Kernel, Role
from vm.verifier import VerifiedModule, verify

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cpushare.engines import Batch, Engine
    from vm.inputs import Number, Outputs
    from vm.sandbox.box import CompileBox
    from vm.sandbox.runner import NativeRunner


class Result:
    """The out images of one run, as attributes: `result.dst`; its record: `result.record["mean"]`.

    All images are in `outputs` too, should one of them be named `record`.
    """

    def __init__(self, outputs: Outputs) -> None:
        self.outputs = dict(outputs)
        self.record: dict[str, Number] = outputs.record

    def __getattr__(self, name: str) -> NDArray[Any]:
        try:
            return self.__dict__["outputs"][name]  # type: ignore[no-any-return]
        except KeyError:
            listed = ", ".join(self.__dict__.get("outputs", ()))
            raise AttributeError(f"there is no out image '{name}' (there is: {listed})") from None

    def __repr__(self) -> str:
        shapes = ", ".join(f"{name}={image.shape}" for name, image in self.outputs.items())
        return f"Result({shapes})" if not self.record else f"Result({shapes}, {self.record})"


class Program:
    """A verified program. `compile` and `load` make one."""

    def __init__(self, verified: VerifiedModule) -> None:
        self.verified = verified
        self._box: CompileBox | None = None
        self._engines: dict[str, Engine] = {}
        self._lock = threading.Lock()

    @property
    def hash(self) -> str:
        """The program's name: sha256 of its bytes, in hex."""
        return self.verified.hash

    @property
    def kernels(self) -> tuple[str, ...]:
        """The names of its kernels."""
        return tuple(self.verified.kernels)

    def kernel(self, name: str | None = None) -> Kernel:
        """A kernel by name; without a name the only one, or the one that is first in the file."""
        if name is None:
            return self.verified.module.kernels[0]
        if name not in self.verified.kernels:
            raise Refused(f"there is no kernel '{name}' (there is: {', '.join(self.kernels)})")
        return self.verified.kernels[name].kernel

    def run(
        self,
        kernel: str | None = None,
        /,
        *,
        engine: str = "local",
        checked: bool = False,
        **arguments: object,
    ) -> Result:
        """Run a kernel on arrays (h, w) or (h, w, channels) and parameters, all by name.

        `engine` is "local" (a strict child), "interpret" (anywhere, slowly) or "dask://HOST:PORT"
        (a cluster); a `checked` run traps where signed arithmetic would wrap. Raises `Trap`,
        `Refused`, `OverLimit`, `SandboxUnavailable`.
        """
        wanted = self.kernel(kernel)
        if engine != "local":
            return self.submit(
                wanted.name, engine=engine, checked=checked, cache=False, **arguments
            ).result()
        images, values = _split(wanted, arguments)
        with self.runner(wanted.name, values, checked=checked, tasks=1) as runner:
            return Result(runner.run(images))

    def runner(
        self,
        kernel: str,
        values: Mapping[str, object],
        *,
        use_cache: bool = True,
        checked: bool = False,
        tasks: int = 0,
    ) -> NativeRunner:
        """A native runner for one kernel with these parameters, to be used as a context.

        `tasks` is how many there will be, if that is known.
        """
        from cpushare.config import object_cache
        from vm.sandbox.runner import NativeRunner

        cache = object_cache() if use_cache else None
        return NativeRunner(
            self.verified,
            kernel,
            values,
            box=self.box(),
            cache=cache,
            checked=checked,
            tasks=tasks,
        )

    def box(self) -> CompileBox:
        """The compile box of this program; it starts when something must be compiled."""
        from vm.sandbox.box import CompileBox

        with self._lock:
            if self._box is None:
                self._box = CompileBox()
            return self._box

    def cost(self, kernel: str | None = None, /, **arguments: object) -> int:
        """Units of work for inputs of these sizes, `src=(height, width)`, and parameters."""
        wanted = self.kernel(kernel)
        sizes, values = _split(wanted, arguments)
        resolved = parameter_values.resolve(wanted, values)
        pairs = {name: (int(size[1]), int(size[0])) for name, size in sizes.items()}
        dimensions = extents.resolve(wanted, pairs, resolved)
        return self.verified.kernels[wanted.name].cost.evaluate(dimensions, resolved)

    def submit(
        self,
        kernel: str | None = None,
        /,
        *,
        engine: str = "local",
        checked: bool = False,
        cache: bool = True,
        **arguments: object,
    ) -> Future[Result]:
        """Begin what `run` does, and give a future: `concurrent.futures` says what it can do.

        As many run at once as this machine has processors, or the cluster threads. A result that
        is kept from an earlier run is given back, unless `cache` is false. The engine stays open
        until `close`.
        """
        from cpushare.engines import Task
        from cpushare.engines.engine import then

        wanted = self.kernel(kernel)
        images, values = _split(wanted, arguments)
        copies = {
            name: image.copy() if hasattr(image, "copy") else image
            for name, image in images.items()
        }
        found = self._engine(engine, cache).submit(
            self._batch(wanted.name, checked, cache), Task(copies, values)
        )
        return then(found, lambda done: Result(done.result()))

    def map(
        self,
        images: Iterable[NDArray[Any]],
        kernel: str | None = None,
        /,
        *,
        engine: str = "local",
        jobs: int = 0,
        checked: bool = False,
        cache: bool = True,
        **values: object,
    ) -> Iterator[Result]:
        """Run a kernel of one in image on many images; results in their order.

        Images are taken as they are needed, so that there may be more than fit into memory; the
        array of one must not be changed before its result has come. `jobs` run at once on this
        machine (0: one for each processor). `engine`, `checked` and `cache` are those of `submit`.
        """
        from cpushare.engines import Task, open_engine

        wanted = self.kernel(kernel)
        inputs = wanted.images_of(Role.IN)
        if len(inputs) != 1:
            raise Refused(f"kernel '{wanted.name}' takes {len(inputs)} images; map gives one")
        batch = self._batch(wanted.name, checked, cache)
        opened = open_engine(engine, jobs=jobs, use_cache=cache)
        waiting: deque[Future[Outputs]] = deque()
        try:
            most = opened.in_flight(batch, values)
            for image in images:
                waiting.append(opened.submit(batch, Task({inputs[0].name: image}, values)))
                while len(waiting) >= most:
                    yield Result(waiting.popleft().result())
            while waiting:
                yield Result(waiting.popleft().result())
        finally:
            opened.close()

    def _batch(self, kernel: str, checked: bool, use_cache: bool) -> Batch:
        from cpushare.config import setting
        from cpushare.engines import Batch

        return Batch(self.verified, kernel, checked, setting("memory_bytes"), use_cache)

    def _engine(self, name: str, cache: bool) -> Engine:
        """The engine of this name that is kept open."""
        from cpushare.engines import open_engine

        key = f"{name} {cache}"
        with self._lock:
            if key not in self._engines:
                self._engines[key] = open_engine(name, use_cache=cache)
            return self._engines[key]

    def close(self) -> None:
        """End the engines that `submit` opened, and the compile box, if one runs."""
        with self._lock:
            for engine in self._engines.values():
                engine.close()
            self._engines.clear()
            if self._box is not None:
                self._box.close()
                self._box = None

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<cpushare.Program {self.hash[:12]}: {', '.join(self.kernels)}>"


def _split(kernel: Kernel, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    names = {image.name for image in kernel.images_of(Role.IN)}
    images = {name: value for name, value in arguments.items() if name in names}
    return images, {name: value for name, value in arguments.items() if name not in names}


def compile(source: Path | str) -> Program:
    """Compile a .cps file. Raises `CompileError` with every diagnostic, `OSError`."""
    from compiler.pipeline import compile_path

    return Program(verify(compile_path(Path(source)).encoded))


def load(path: Path | str) -> Program:
    """Read and verify a .cpb file. Raises `Malformed`, `Invalid`, `OSError`."""
    from vm.limits import MODULE_BYTES

    with Path(path).open("rb") as file:
        return Program(verify(file.read(MODULE_BYTES + 1)))
