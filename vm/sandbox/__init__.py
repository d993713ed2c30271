"""The sandbox: strict children that run native kernels, and the box that compiles them.

    capability.require_native()                raises SandboxUnavailable, says what to change
    runner.NativeRunner(verified, kernel, …)   runs a verified kernel in a strict child
    doctor.examine()                           runs harmless and hostile programs, and reports

The parent (this process) trusts neither the box nor the child: what comes from the box is audited
byte by byte, what comes from a child is copied before it is looked at.
"""
