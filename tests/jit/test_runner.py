"""The runner: compile once, reuse the child, refuse, trap, measure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests import engines
from tests.jit import kernels
from tests.vm.build import END, LOAD_HERE, check, const, get, op, pixels
from vm import codec
from vm.errors import OverLimit, Refused, SandboxBroken, SandboxUnavailable, Trap
from vm.jit.image import KernelImage
from vm.module import Border, Image, Module, Role
from vm.opcodes import Op
from vm.sandbox.box import CompileBox
from vm.sandbox.cache import ObjectCache
from vm.sandbox.runner import NativeRunner
from vm.sandbox.warm import LEAST_DEADLINE_S, trap_of
from vm.types import ScalarType
from vm.verifier import VerifiedKernel, VerifiedModule, verify

I32, U8 = ScalarType.I32, ScalarType.U8


@pytest.fixture(scope="module")
def box() -> Iterator[CompileBox]:
    try:
        yield engines.shared_box()
    except SandboxUnavailable as reason:
        pytest.skip(str(reason))


def module_of(made: VerifiedKernel) -> VerifiedModule:
    return verify(codec.encode(Module((made.kernel,))))


def gray(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width), np.uint8)


def test_tasks_of_one_size_share_a_child(box: CompileBox) -> None:
    verified = module_of(kernels.dither())
    with NativeRunner(verified, "k", {"threshold": 90}, box=box) as runner:
        pids = set()
        for seed in range(3):
            pixels_in = np.roll(gray(20, 30), seed)
            got = runner.run({"src": pixels_in})["dst"]
            want = engines.interpret(verified, "k", {"src": pixels_in}, {"threshold": 90})["dst"]
            assert got.tobytes() == want.tobytes()
            assert got.flags.writeable
            assert runner._child is not None
            pids.add(runner._child.pid)
        assert len(pids) == 1
        runner.run({"src": gray(200, 300)})
        assert runner._child.pid not in pids
        stats = runner.stats
        assert (stats.runs, stats.tasks) == (4, 1)
        assert stats.seccomp in (1, 2)
        assert stats.start_s > 0


def test_an_interrupted_runner_runs_no_more(box: CompileBox) -> None:
    with NativeRunner(module_of(kernels.dither()), "k", {"threshold": 90}, box=box) as runner:
        runner.run({"src": gray(8, 8)})
        assert runner._child is not None
        pid = runner._child.pid
        runner.interrupt()
        with pytest.raises(SandboxBroken):
            runner.run({"src": gray(8, 8)})
        with pytest.raises(SandboxBroken, match="interrupted"):
            runner.run({"src": gray(9, 900)})
    assert not Path(f"/proc/{pid}").exists()


def test_nothing_of_an_earlier_task_is_seen(box: CompileBox) -> None:
    """An out image that a kernel never writes is zero, whatever the arena held."""
    made = check(*pixels(*LOAD_HERE, op(Op.PUT, 1, 0)), images=(
        Image("src", Role.IN, U8, 1, 0, 1),
        Image("dst", Role.OUT, U8, 1, 0, 1),
        Image("untouched", Role.OUT, U8, 1, 0, 1),
    ))  # fmt: skip
    with NativeRunner(module_of(made), "k", {}, box=box) as runner:
        runner.run({"src": gray(8, 8)})
        assert runner._child is not None
        runner._child.arena[:] = b"\xa5" * len(runner._child.arena)
        out = runner.run({"src": gray(8, 8)})
    assert not out["untouched"].any()
    assert (out["dst"] == gray(8, 8)).all()


def test_a_trap_names_code_text_and_instruction(box: CompileBox) -> None:
    verified = module_of(kernels.dither())
    with NativeRunner(verified, "k", {"weights": (0, 0, 0, 0)}, box=box) as runner:
        for _ in range(2):  # the child survives a trap
            with pytest.raises(Trap) as caught:
                runner.run({"src": gray(3, 3)})
            assert caught.value.code == "requirement"
            assert caught.value.text == "at least one weight must be positive"
            assert verified.module.kernels[0].code[caught.value.instruction].op is Op.REQUIRE


def test_the_first_trap_in_raster_order_is_reported(box: CompileBox) -> None:
    read = (get(0), const(2), op(Op.ADD, I32), get(1), op(Op.LOAD, 0, 0, Border.INSIDE))
    made = check(*pixels(*read, op(Op.PUT, 1, 0)))
    with NativeRunner(module_of(made), "k", {}, box=box) as runner:
        with pytest.raises(Trap) as caught:
            runner.run({"src": gray(3, 3)})
        assert caught.value.code == "pixel-outside"


def test_an_arena_over_the_memory_limit_is_refused_before_anything_starts(box: CompileBox) -> None:
    verified = module_of(kernels.dither())
    with NativeRunner(verified, "k", {}, box=box, memory_limit_bytes=10_000) as runner:
        runner.run({"src": gray(10, 10)})
        with pytest.raises(OverLimit, match="bytes"):
            runner.run({"src": gray(100, 100)})


def test_a_kernel_beyond_its_cpu_limit_is_stopped(box: CompileBox) -> None:
    loop = (const(0), const(1 << 20), op(Op.FOR, 3, 1, ()))
    step = (*LOAD_HERE, op(Op.CONVERT, U8, I32), get(2), op(Op.XOR, I32), get(3), op(Op.MUL, I32))
    code = pixels(const(1), op(Op.SET, 2), *loop, *step, op(Op.SET, 2), END, get(2),
                  op(Op.WRAP, I32, U8), op(Op.PUT, 1, 0))  # fmt: skip
    with NativeRunner(module_of(check(*code)), "k", {}, box=box, cpu_limit_s=0.3) as runner:
        with pytest.raises(OverLimit, match="stopped"):
            runner.run({"src": gray(1000, 1000)})
        runner.cpu_limit_s = 60.0
        assert runner.run({"src": gray(2, 2)})["dst"].shape == (2, 2)  # a new child


def test_the_cache_spares_the_second_compilation(box: CompileBox, tmp_path: object) -> None:
    from pathlib import Path

    assert isinstance(tmp_path, Path)
    cache = ObjectCache(tmp_path / "objects")
    verified = module_of(kernels.dither())
    outputs = []
    for expected in (False, True):
        with NativeRunner(verified, "k", {"threshold": 77}, box=box, cache=cache) as runner:
            outputs.append(runner.run({"src": gray(9, 9)})["dst"].tobytes())
            assert runner.stats.is_cached is expected
    assert outputs[0] == outputs[1]


def test_bad_parameters_and_kernels_are_refused(box: CompileBox) -> None:
    verified = module_of(kernels.dither())
    with pytest.raises(Refused, match="no kernel"):
        NativeRunner(verified, "other", {}, box=box)
    with pytest.raises(Refused, match="threshold"):
        NativeRunner(verified, "k", {"threshold": 256}, box=box)


def test_bench_measures_the_kernel_alone(box: CompileBox) -> None:
    verified = module_of(kernels.dither())
    with NativeRunner(verified, "k", {}, box=box) as runner:
        timings = runner.bench({"src": gray(256, 256)}, repeat=4, rounds=3)
        with pytest.raises(Refused):
            runner.bench({"src": gray(8, 8)}, repeat=1)
    assert 0 < timings.kernel_s < 1
    assert 0 < timings.round_trip_s < 1
    assert timings.form == "wavefront"
    with NativeRunner(verified, "k", {}, box=box, scalar=True) as runner:
        assert runner.bench({"src": gray(256, 256)}, repeat=2, rounds=1).form == "scalar"


@pytest.mark.parametrize("word", [1, 7 << 32 | 1, 1 << 32, 2 << 32 | 10_000, 6 << 32 | 1, -1])
def test_a_trap_that_cannot_be_is_the_childs_lie(word: int) -> None:
    with pytest.raises(SandboxBroken):
        trap_of(kernels.dither().kernel, word)


def test_the_deadline_grows_with_the_price(box: CompileBox) -> None:
    verified = module_of(kernels.dither())
    with NativeRunner(verified, "k", {}, box=box, cpu_limit_s=1e9) as runner:
        small, large = (runner._deadline_s(units) for units in (40, 40 * 2000 * 2000))
    assert small >= LEAST_DEADLINE_S
    assert large > small + 1


class Counting(ObjectCache):
    """A cache that counts what it is asked."""

    asked = 0

    def load(self, key: str) -> KernelImage | None:
        self.asked += 1
        return super().load(key)


def test_a_little_work_is_compiled_as_scalar_code(box: CompileBox, tmp_path: Path) -> None:
    """Vector code takes longer to compile than it saves; what is there is read once, and used."""
    verified = module_of(kernels.dither())
    small, cache = {"src": gray(64, 64)}, Counting(tmp_path / "objects")
    for tasks, is_scalar, asked in ((1, True, 2), (0, False, 1), (1, False, 1), (10**6, False, 1)):
        with NativeRunner(verified, "k", {}, box=box, cache=cache, tasks=tasks) as runner:
            runner.run(small)
            assert runner.scalar is is_scalar
        assert cache.asked == asked
        cache.asked = 0
    with NativeRunner(verified, "k", {}, box=box, tasks=1_000_000) as runner:
        runner.run(small)
        assert not runner.scalar
