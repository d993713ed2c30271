"""Hypothesis strategies for modules and what they run on: for our tests and for yours.

    modules()                  modules that the verifier accepts, using every instruction
    scan_modules()             modules of scans that lean on vector code
    lane_images(kernel)        arrays of sizes around lanes
    images(kernel)             arrays for a kernel's inputs
    parameter_values(kernel)   values for its parameters
    forms()                    modules of the right form, meaningless: for codec and assembler
    mutated(data)              bytes with a few changes
    mutants(module)            the module with a few instructions changed

Only tests import this package; the machine itself does not need hypothesis.
"""

from __future__ import annotations

from vm.testing.forms import forms, mutated
from vm.testing.mutants import mutants
from vm.testing.programs import modules
from vm.testing.scans import lane_images, scan_modules
from vm.testing.values import images, parameter_values

__all__ = [
    "forms",
    "images",
    "lane_images",
    "modules",
    "mutants",
    "mutated",
    "parameter_values",
    "scan_modules",
]
