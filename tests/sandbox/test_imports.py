"""What a compile box and a cache hit import: a start is mostly imports."""

from __future__ import annotations

import json
from pathlib import Path

from compiler.pipeline import compile_path
from tests.sandbox.children import ROOT, in_subprocess
from vm.jit.image import KernelImage
from vm.parameters import resolve, to_bytes
from vm.sandbox.box import warm_module
from vm.sandbox.cache import ObjectCache
from vm.sandbox.messages import CompileRequest
from vm.sandbox.native import _llvmlite_version, object_key

CPU = "x86-64-v2"
OURS = {"compiler", "cpushare", "stdlib"}
EXAMPLES = sorted((ROOT / "examples").glob("*.cps"))

BOX = """
import json, sys
from pathlib import Path
from vm.sandbox import box_main
from msgspec import structs
from vm.sandbox.messages import CompileRequest
folder, cpu = Path({folder!r}), {cpu!r}
box_main.warm((folder / "warm").read_bytes(), cpu)
warm = set(sys.modules)
for name, kernel, parameters in json.loads((folder / "requests").read_text()):
    module = (folder / name).read_bytes()
    for attempt in (0, 5) if name == "dither" else (5,):
        for checked in (False, True):
            given = bytes.fromhex(parameters)
            request = CompileRequest(module, kernel, given, cpu, attempt, checked)
            assert box_main.compile_kernel(request).text
            if name == "dither":
                many = structs.replace(request, parameters=b"", sets=(given,))
                assert box_main.compile_kernel(many).text
print(json.dumps([sorted(warm), sorted(set(sys.modules) - warm)]))
"""

HIT = """
import json, sys
from pathlib import Path
from vm.sandbox.box import CompileBox
from vm.sandbox.cache import ObjectCache
from vm.sandbox.messages import CompileRequest
from vm.sandbox.native import native_kernel
from vm.parameters import resolve, to_bytes
from vm.verifier import verify
folder = Path({folder!r})
verified = verify((folder / "module").read_bytes())
box = CompileBox({cpu!r})
kernel = verified.kernels["dither"].kernel
request = CompileRequest(verified.encoded, "dither", to_bytes(kernel, resolve(kernel, {{}})))
made = native_kernel(request, box, ObjectCache(folder / "objects"))
print(json.dumps([made.is_cached, made.attempts, box.process is None, sorted(sys.modules)]))
"""


def test_the_box_imports_all_it_needs_before_it_is_confined_and_no_more(tmp_path: Path) -> None:
    """Afterwards it cannot open a file; and what it does not use it need not wait for."""
    (tmp_path / "warm").write_bytes(warm_module())
    requests = []
    for path in EXAMPLES:
        compiled = compile_path(path)
        (tmp_path / path.stem).write_bytes(compiled.encoded)
        for kernel in compiled.module.kernels:
            parameters = to_bytes(kernel, resolve(kernel, {}))
            requests.append((path.stem, kernel.name, parameters.hex()))
    (tmp_path / "requests").write_text(json.dumps(requests))
    warm, later = in_subprocess(BOX.format(folder=str(tmp_path), cpu=CPU))
    assert "llvmlite.binding" in warm
    assert later == []
    unwanted = {"numpy", "PIL", "lark", "vm.interp", "vm.docs", *OURS}
    assert not unwanted & set(warm)


def test_a_cache_hit_starts_no_box_and_imports_no_compiler(tmp_path: Path) -> None:
    """Of LLVM not even the version is asked."""
    compiled = compile_path(ROOT / "examples" / "dither.cps")
    (tmp_path / "module").write_bytes(compiled.encoded)
    kernel = compiled.module.kernels[0]
    cache = ObjectCache(tmp_path / "objects")
    given = to_bytes(kernel, resolve(kernel, {}))
    request = CompileRequest(compiled.encoded, "dither", given, CPU)
    cache.store(object_key(request), KernelImage(b"\x31\xc0\xc3", b""))
    hit, attempts, is_idle, modules = in_subprocess(HIT.format(folder=str(tmp_path), cpu=CPU))
    assert (hit, attempts, is_idle) == (True, 0, True)
    unwanted = {"llvmlite", "numpy", "lark", "importlib.metadata", "tempfile", "subprocess"}
    assert not (unwanted | OURS) & set(modules)


def test_the_name_of_an_entry_holds_llvmlites_version() -> None:
    import llvmlite

    assert llvmlite.__version__.encode() in _llvmlite_version()
