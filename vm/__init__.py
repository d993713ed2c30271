"""The bytecode machine: format, verifier, reference interpreter, native compiler, sandbox.

Nothing here knows the .cps language. The way of a program through this package:

    bytes --codec--> Module --verifier--> VerifiedModule --interp--> images
                                                        `--jit--> ELF --sandbox--> images
"""
