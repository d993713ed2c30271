"""The typed tree: what `check` gives and `lower` takes. Its symbols are in `compiler.symbols`.

It is resolved and monomorphised. Names are symbols (compared by identity). Generic functions are
instances, one for each set of generic arguments; equal instances are one object. Constants are
literals. Views are gone: a read says which border it sees. Every expression has its type and its
span, every statement its span.

What lowering may rely on, because `check` refused everything else:

* Operands of `Binary` have one type, except a scaled array (see there). Narrow integers appear in
  no arithmetic but `Op.MIN`, `Op.MAX`, comparisons, `Select`, `Convert` and copies.
* Expressions have no effects; they may trap. They are evaluated left to right; `Logical` and
  `Select` evaluate only what they need.
* Functions do not recurse. `out` image parameters are met only in `CallStatement`s outside of
  pixel loops and reductions. One image is never passed twice to a call that writes it.
* Bodies of `Map`, `Scan` and `Reduce` assign no local declared outside of them; pixel loops do not
  nest, nor stand in reductions (also not through calls: `Function.has_pixel_loop`).
* `Jump` stands in a `For`, not across a pixel loop or reduction.
* A called kernel is a `Function`; requirements on its arguments are its first statements.
* `PixelWrite.here` is true in `Map` and `Scan`, false elsewhere. The image written there has the
  extents of the loop's image, as `Extent`s.
* `RowsRead` and `RowsAdd` stand in scans only, over an image as wide as the rows. A rows is used
  in one scan at a time; within one pixel its read comes before any addition to (0, 0).
"""

from __future__ import annotations

from compiler.typed.expressions import (
    ArrayFill,
    ArrayLiteral,
    Binary,
    Call,
    CarriedRead,
    Comprehension,
    ConstantArray,
    Convert,
    DimensionRead,
    Expr,
    Extents,
    FieldRead,
    Index,
    Literal,
    LocalRead,
    Logical,
    OwnRead,
    ParameterRead,
    PixelRead,
    Range,
    RecordLiteral,
    Reduce,
    RowsRead,
    Select,
    Unary,
)
from compiler.typed.program import (
    Function,
    Kernel,
    TypedProgram,
)
from compiler.typed.statements import (
    Assign,
    AssignElement,
    AssignField,
    CallStatement,
    Declare,
    DeclareImage,
    DeclareRows,
    For,
    If,
    Jump,
    Map,
    PixelWrite,
    Require,
    RowsAdd,
    Scan,
    Statement,
)

__all__ = [
    "ArrayFill",
    "ArrayLiteral",
    "Assign",
    "AssignElement",
    "AssignField",
    "Binary",
    "Call",
    "CallStatement",
    "CarriedRead",
    "Comprehension",
    "ConstantArray",
    "Convert",
    "Declare",
    "DeclareImage",
    "DeclareRows",
    "DimensionRead",
    "Expr",
    "Extents",
    "FieldRead",
    "For",
    "Function",
    "If",
    "Index",
    "Jump",
    "Kernel",
    "Literal",
    "LocalRead",
    "Logical",
    "Map",
    "OwnRead",
    "ParameterRead",
    "PixelRead",
    "PixelWrite",
    "Range",
    "RecordLiteral",
    "Reduce",
    "Require",
    "RowsAdd",
    "RowsRead",
    "Scan",
    "Select",
    "Statement",
    "TypedProgram",
    "Unary",
]
