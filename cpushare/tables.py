"""Tables: one row a picture, from the records that kernels give. CSV, JSON lines, Parquet.

A table has a column for each in image (the file it came from), for each parameter, for each field
of the record, and one for errors. Rows stand in the order of the pictures.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from cpushare.files import whole_file
from vm import parameters as parameter_values
from vm.bits import from_raw
from vm.errors import Refused
from vm.inputs import Number
from vm.module import Kernel, Role
from vm.types import ScalarType

Cell = str | Number | list[Number] | None
Row = Mapping[str, Cell]
ERROR = "error"


def columns(kernel: Kernel) -> dict[str, ScalarType | None]:
    """The columns of a kernel's table, with the type of those that hold one number."""
    found: dict[str, ScalarType | None] = {}
    for image in kernel.images_of(Role.IN):
        found[image.name] = None
    for parameter in kernel.parameters:
        found[parameter.name] = None if parameter.length else parameter.type
    for field in kernel.fields:
        found[field_column(kernel, field.name)] = field.type
    found[ERROR] = None
    return found


def field_column(kernel: Kernel, name: str) -> str:
    """The column of a field: its name, unless an image or a parameter has it."""
    taken = {image.name for image in kernel.images} | {p.name for p in kernel.parameters}
    return f"{name} (result)" if name in taken | {ERROR} else name


def row_of(
    kernel: Kernel,
    inputs: Mapping[str, str],
    values: Mapping[str, object],
    record: Mapping[str, Number],
    error: str | None = None,
) -> dict[str, Cell]:
    """One row: files of the in images by name, parameters, and the record or an error."""
    row: dict[str, Cell] = dict(inputs)
    resolved = parameter_values.resolve(kernel, values)
    for parameter, raws in zip(kernel.parameters, resolved, strict=True):
        numbers = [from_raw(parameter.type, raw) for raw in raws]
        row[parameter.name] = numbers if parameter.length else numbers[0]
    for name, value in record.items():
        row[field_column(kernel, name)] = value
    row[ERROR] = error
    return row


def text_of(cell: Cell) -> str:
    """A cell as text: numbers in their shortest exact form, nan and inf as the language has it."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, list):
        return " ".join(map(text_of, cell))
    return cell if isinstance(cell, str) else repr(cell)


def json_of(cell: Cell) -> object:
    """A cell for JSON, which knows no NaN and no infinity: these become texts."""
    if isinstance(cell, list):
        return [json_of(each) for each in cell]
    if isinstance(cell, float) and not math.isfinite(cell):
        return text_of(cell)
    return cell


def csv_text(kernel: Kernel, rows: Sequence[Row]) -> str:
    """The table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(columns(kernel))
    writer.writerow(names)
    writer.writerows([text_of(row.get(name)) for name in names] for row in rows)
    return text.getvalue()


def _write_csv(file: BinaryIO, kernel: Kernel, rows: Sequence[Row]) -> None:
    file.write(csv_text(kernel, rows).encode())


def _write_jsonl(file: BinaryIO, kernel: Kernel, rows: Sequence[Row]) -> None:
    for row in rows:
        fields = {name: json_of(row.get(name)) for name in columns(kernel)}
        file.write(json.dumps(fields, ensure_ascii=False).encode() + b"\n")


def _write_parquet(file: BinaryIO, kernel: Kernel, rows: Sequence[Row]) -> None:
    pyarrow = _pyarrow()
    kinds = {scalar: getattr(pyarrow, _arrow_name(scalar))() for scalar in ScalarType}
    arrays = []
    for name, scalar in columns(kernel).items():
        kind = kinds[scalar] if scalar is not None else None
        if name == ERROR or name in {image.name for image in kernel.images}:
            kind = pyarrow.string()
        arrays.append(pyarrow.array([row.get(name) for row in rows], kind))
    table = pyarrow.Table.from_arrays(arrays, names=list(columns(kernel)))
    pyarrow.parquet.write_table(table, file)


def _arrow_name(scalar: ScalarType) -> str:
    if scalar.is_bool:
        return "bool_"
    kind = "float" if scalar.is_float else "int" if scalar.is_signed else "uint"
    return f"{kind}{scalar.bits}"


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise Refused(
            "a .parquet table needs pyarrow: pip install 'cpushare[table]', or write .csv"
        ) from None
    return pyarrow


WRITERS: dict[str, Callable[[BinaryIO, Kernel, Sequence[Row]], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}


def check(kernel: Kernel, path: str) -> None:
    """Raise `Refused` if a table of this name cannot be written for the kernel."""
    if not kernel.fields:
        raise Refused(
            f"kernel '{kernel.name}' gives no record, so there is no table: declare it with "
            "'-> Row' and 'return' one"
        )
    suffix = Path(path).suffix.lower()
    if suffix not in WRITERS:
        raise Refused(f"a table is a {', '.join(WRITERS)} file, not '{path}'")
    if suffix == ".parquet":
        _pyarrow()


def write(path: str, kernel: Kernel, rows: Sequence[Row]) -> None:
    """Write the table, whole or not at all."""
    with whole_file(Path(path)) as file:
        WRITERS[Path(path).suffix.lower()](file, kernel, rows)
