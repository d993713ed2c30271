"""The order of the checks, and the only place where verified modules are made."""

from __future__ import annotations

import hashlib

from vm import codec
from vm.module import Kernel
from vm.opcodes import Op
from vm.verifier import verified
from vm.verifier.analysis import analyse
from vm.verifier.clearing import find_cleared
from vm.verifier.dimensions import KernelDimensions
from vm.verifier.expression import TooComplexError
from vm.verifier.price import Pricing, check_total, find_reaches
from vm.verifier.rules import Rule, refuse
from vm.verifier.signature import check_module
from vm.verifier.structure import check_structure
from vm.verifier.verified import Facts, VerifiedKernel, VerifiedModule


def verify(data: bytes) -> VerifiedModule:
    """Check a module's bytes against every rule.

    Raises `Malformed` if they are no module, `Invalid` if the module breaks a rule.
    """
    module = codec.decode(data)
    check_module(module)
    kernels = {kernel.name: _verify_kernel(kernel) for kernel in module.kernels}
    return VerifiedModule(
        module,
        bytes(data),
        hashlib.sha256(data).hexdigest(),
        hashlib.sha256(codec.meaning_bytes(module)).hexdigest(),
        kernels,
        verified._KEY,
    )


def _verify_kernel(kernel: Kernel) -> VerifiedKernel:
    structure = check_structure(kernel)
    reaches = find_reaches(kernel, structure.regions.values())
    analysis = analyse(kernel, structure, reaches)
    cleared = find_cleared(kernel, structure.regions)
    pricing = Pricing(kernel, KernelDimensions(kernel))
    try:
        cost = analysis.cost
        for index in sorted(cleared):
            cost += pricing.clearing(index)
        memory = pricing.memory(reaches)
    except TooComplexError as error:
        raise refuse(Rule.COST, f"the price has {error}", kernel.name) from None
    check_total(kernel, cost, memory)
    regions = structure.regions.values()
    facts = Facts(
        end_of={region.start: region.end for region in regions},
        else_of={
            region.start: region.otherwise
            for region in regions
            if region.op is Op.IF and region.otherwise is not None
        },
        proved=frozenset(analysis.proved),
        checked=frozenset(analysis.checked),
        ranges=analysis.ranges,
        exact=frozenset(analysis.exact),
        doubts=analysis.doubts,
        reaches=reaches,
        cleared=cleared,
    )
    return VerifiedKernel(kernel, facts, cost, memory, verified._KEY)
