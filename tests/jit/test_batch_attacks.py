"""Tasks that differ where a batch cannot: refused, and nothing wrong is given to LLVM."""

from __future__ import annotations

import pytest

from tests.vm.listings import encoded, framed
from vm.jit.backend import parse
from vm.jit.lower import VECTOR_TARGETS
from vm.jit.lower.kernel import lower_batch
from vm.jit.lower.lanes import NotVector
from vm.parameters import resolve
from vm.verifier import verify

CPU = "x86-64-v3"
NUMBER = "param p i32 low 0 high 3\n"
SCAN = "const bool false\nscan rows l2 l0 l1 src.width src.height\n"
SHOWN = f"{SCAN}own src 0\nconvert u8 i32\nget l3\nadd i32\nwrap i32 u8\nput dst 0\nend\n"
LOOP = "code\nconst i32 1\nset l3\nconst i32 0\nparam p\nfor l4 1\nconst i32 7\nset l3\nend\n"
REFUSED = {
    "condition": "code\nconst i32 1\nset l3\nparam p\nconst i32 2\ngt i32\nif\nconst i32 7\n"
    f"set l3\nend\n{SHOWN}",
    "loop": LOOP + SHOWN,
    "reduction": f"code\nconst i32 0\nparam p\nreduce sum i32 l4\nget l4\nend\nset l3\n{SHOWN}",
    "index": f"array i32[4]\n  data 1 2 3 4\ncode\nparam p\nelem.get a0\nset l3\n{SHOWN}",
    "array in memory": f"array i32[100]\ncode\nparam p\narray.fill a0\nconst i32 2\nelem.get a0\n"
    f"set l3\n{SHOWN}",
    "direction": "code\nparam p\nconst i32 2\ngt i32\n"
    "scan rows l2 l0 l1 src.width src.height\nown src 0\nput dst 0\nend\n",
    "place": f"code\n{SCAN}get l0\nparam p\nadd i32\nget l1\nload src 0 clamp\nput dst 0\nend\n",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_differs_from_task_to_task_is_refused(name: str) -> None:
    kernel = verify(encoded(framed(NUMBER + REFUSED[name]))).kernels["k"]
    sets = [resolve(kernel.kernel, {"p": value}) for value in (1, 2, 3)]
    with pytest.raises(NotVector):
        lower_batch(kernel, sets, [0], VECTOR_TARGETS[CPU])
    alike = lower_batch(kernel, sets[:1], [0], VECTOR_TARGETS[CPU]) if name in ALIKE else None
    assert alike is None or parse(alike.ir, CPU)


ALIKE = sorted(set(REFUSED) - {"array in memory"})  # a batch of tasks that do not differ is made
