"""Every error of the machine: one class per broken promise.

    CPUShareError
    ├── Malformed            the bytes (or the text) are not a module
    ├── Invalid              a module that breaks a numbered rule of the verifier
    ├── Trap                 a verified kernel stopped itself: bounds, division, `require` …
    ├── Refused              an image or a parameter does not fit the kernel's signature
    ├── OverLimit            size, memory or time beyond what is allowed
    ├── SandboxUnavailable   this machine cannot confine a child, so nothing runs natively
    ├── SandboxBroken        a child or the compile box died or answered nonsense
    └── Crash                what cannot happen in verified code: a bug of ours

Each carries its position, if it has one, and prints as one sentence.
"""

from __future__ import annotations


class CPUShareError(Exception):
    """The root of every error this project raises on purpose."""


class Malformed(CPUShareError):
    """Bytes or assembly text that are not a module.

    `offset` is the byte (for text: the line, counted from 1) where reading stopped.
    """

    def __init__(self, message: str, offset: int, unit: str = "byte") -> None:
        super().__init__(message, offset, unit)
        self.message = message
        self.offset = offset
        self.unit = unit

    def __str__(self) -> str:
        return f"malformed module at {self.unit} {self.offset}: {self.message}"


class Invalid(CPUShareError):
    """A module the verifier refuses.

    `rule` is the number in docs/verifier.md, such as "V12"; `instruction` the index in the
    kernel's code, or None where the rule concerns the signature.
    """

    def __init__(
        self, rule: str, message: str, kernel: str | None = None, instruction: int | None = None
    ) -> None:
        super().__init__(rule, message, kernel, instruction)
        self.rule = rule
        self.message = message
        self.kernel = kernel
        self.instruction = instruction

    def __str__(self) -> str:
        where = "" if self.kernel is None else f" in kernel '{self.kernel}'"
        if self.instruction is not None:
            where += f" at instruction {self.instruction}"
        return f"refused by rule {self.rule}{where}: {self.message}"


class Trap(CPUShareError):
    """A kernel stopped itself: the first trap in program order. Its outputs are discarded.

    `code` is a name of `vm.module.TrapCode`; `line` the source line, 0 if unknown.
    """

    def __init__(self, code: str, text: str, kernel: str, instruction: int, line: int) -> None:
        super().__init__(code, text, kernel, instruction, line)
        self.code = code
        self.text = text
        self.kernel = kernel
        self.instruction = instruction
        self.line = line

    def __str__(self) -> str:
        where = f"line {self.line}" if self.line else f"instruction {self.instruction}"
        return f"kernel '{self.kernel}' trapped at {where}: {self.text} [{self.code}]"


class Refused(CPUShareError):
    """An image, a size or a parameter that the kernel's signature does not admit."""


class OverLimit(CPUShareError):
    """More size, memory or time than is allowed. `limit` names the bound in words."""

    def __init__(self, message: str, limit: str = "") -> None:
        super().__init__(message, limit)
        self.message = message
        self.limit = limit

    def __str__(self) -> str:
        return f"{self.message} (limit: {self.limit})" if self.limit else self.message


class SandboxUnavailable(CPUShareError):
    """A child cannot be confined on this machine; the message says what to change."""


class SandboxBroken(CPUShareError):
    """A strict child or the compile box died or answered with something it must not."""


class Crash(CPUShareError):
    """What cannot happen in verified code happened: a bug in CPUShare, please report it."""
