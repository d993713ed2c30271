"""From the untyped tree to the typed one: names, types, generics, constants, and the loop rules.

`check_program(source)` (in `compiler.check.program`) takes a source and gives a `TypedProgram`, or
raises `CompileError` with all it found. What has been diagnosed gets the type `POISON`, which fits
everywhere, so that one mistake is reported once.

    program     the whole: items, main source, imports
    modules     `use`: finding files, cycles, what a module offers
    world       what all bodies share: diagnostics, instances, limits
    body        one kernel, function, constant or test being checked; dispatch by kind of node
    scope       names in blocks
    literals, operators, conversions, folding, arrays, names      expressions
    calls, generics, functions, builtins, reductions              calls
    images, extents, rows, loops                                  pixels
    statements, assignments, kernels, testblocks                  the rest
"""
