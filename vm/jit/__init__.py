"""The native compiler: verified kernel -> LLVM IR -> object -> static ELF.

`pipeline.kernel_ir` takes a module's bytes, verifies them and gives the IR of one kernel,
specialised to its parameters. Nothing here runs the code: that is the sandbox's business.
"""
