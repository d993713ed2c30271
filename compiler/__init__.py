"""The compiler: from `.cps` text to a `vm.module.Module`.

    Source --parse--> syntax --check--> TypedProgram --lower--> ir --passes, emit--> Module

    pipeline.compile_path(path), compile_text(text)   the whole way, to verified bytes
    check.program.check_program(source)               up to the typed tree
    testing.run_tests(...)                            the `test` blocks of a program

What is wrong with a program is told by `diagnostics.CompileError`, which carries every diagnostic
that was found. Nothing here runs a kernel but `testing`, in the engines it is given.
"""
