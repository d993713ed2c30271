"""`use`: the standard library, files beside the main one, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from compiler.check.program import check_program
from compiler.diagnostics import CompileError, Diagnostic
from compiler.source import Source
from compiler.typed import TypedProgram

USER = "use {path} {{ half }};\nfn quarter(v: f32) -> f32 {{ return half(half(v)); }}\n"
HALF = "fn half(v: f32) -> f32 { return v / 2.0; }\n"


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".cps")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder / "main.cps"


def checked(main: Path) -> TypedProgram:
    return check_program(Source.from_path(main))


def refused(main: Path) -> tuple[Diagnostic, ...]:
    with pytest.raises(CompileError) as caught:
        checked(main)
    return caught.value.diagnostics


def test_a_file_beside_the_main_one(tmp_path: Path) -> None:
    main = written(tmp_path, main=USER.format(path='"lib/half.cps"'), lib__half=HALF)
    found = checked(main)
    assert [each.label for each in found.functions] == ["half", "quarter"]
    assert [Path(each.name).name for each in found.sources] == ["main.cps", "half.cps"]
    assert all(len(each.sha256) == 64 for each in found.sources)
    assert found.sources[1].name == "lib/half.cps"


def test_what_a_module_uses_it_passes_on(tmp_path: Path) -> None:
    main = written(
        tmp_path,
        main=USER.format(path='"a.cps"'),
        a='use "lib/b.cps" { half };\n',
        lib__b='use "../c.cps" { half };\n',
        c=HALF,
    )
    assert len(checked(main).sources) == 4


def test_a_file_used_twice_is_read_once(tmp_path: Path) -> None:
    main = written(
        tmp_path,
        main='use "a.cps" { one };\nuse "b.cps" { two };\n'
        "fn f() -> i32 { return one() + two(); }\n",
        a='use "c.cps" { C };\nfn one() -> i32 { return C; }\n',
        b='use "c.cps" { C };\nfn two() -> i32 { return C; }\n',
        c="const C: i32 = 7;\n",
    )
    assert len(checked(main).sources) == 4


def test_a_missing_file_names_a_near_one(tmp_path: Path) -> None:
    main = written(tmp_path, main=USER.format(path='"halv.cps"'), half=HALF)
    (found,) = refused(main)
    assert (found.code, found.label) == ("CPS0131", "no such file")
    assert found.helps == ("did you mean 'half.cps'?",)


def test_a_circle_is_shown(tmp_path: Path) -> None:
    main = written(
        tmp_path,
        main='use "a.cps" { a };\n',
        a='use "b.cps" { b };\nfn a() -> i32 { return 1; }\n',
        b='use "a.cps" { a };\nfn b() -> i32 { return 2; }\n',
    )
    found = refused(main)
    assert found[0].code == "CPS0133"
    assert found[0].notes == ("the circle: main.cps → a.cps → b.cps → a.cps",)
    selfish = written(tmp_path, main='use "main.cps" { a };\n')
    assert refused(selfish)[0].code == "CPS0133"


@pytest.mark.parametrize(
    "path",
    ["../half.cps", "/half.cps", "sub/../../half.cps", "half.txt", "a\\\\half.cps", "link.cps"],
)
def test_files_elsewhere_are_never_read(tmp_path: Path, path: str) -> None:
    (tmp_path / "half.cps").write_text("SECRET\n")
    (tmp_path / "half.txt").write_text("SECRET\n")
    folder = tmp_path / "project"
    main = written(folder, main=USER.format(path=f'"{path}"'), sub__x="")
    (folder / "half.txt").write_text("SECRET\n")
    (folder / "link.cps").symlink_to(tmp_path / "half.cps")
    found = refused(main)
    assert {each.code for each in found} == {"CPS0131"}
    assert not any("SECRET" in each.render() for each in found)


def test_text_that_is_no_file_has_no_files_beside_it() -> None:
    with pytest.raises(CompileError) as caught:
        check_program(Source.from_text("<text>", USER.format(path='"half.cps"')))
    assert [each.code for each in caught.value.diagnostics] == ["CPS0131"]


def test_a_used_file_with_errors_shows_them_there(tmp_path: Path) -> None:
    main = written(tmp_path, main=USER.format(path='"half.cps"'), half=HALF.replace("2.0", "two"))
    (found,) = refused(main)
    assert found.code == "CPS0121"
    assert found.span is not None
    assert found.span.source.name == "half.cps"
    broken = written(tmp_path, half="fn half( {\n")
    assert {each.code for each in refused(broken)} <= {"CPS0104", "CPS0106"}


def test_a_used_file_that_is_no_text(tmp_path: Path) -> None:
    main = written(tmp_path, main=USER.format(path='"half.cps"'))
    (tmp_path / "half.cps").write_bytes(b"\xff\xfe")
    assert [each.code for each in refused(main)] == ["CPS0131"]
    (tmp_path / "half.cps").write_bytes(b" " * (1 << 21))
    assert [each.code for each in refused(main)] == ["CPS0131"]


def test_too_many_files(tmp_path: Path) -> None:
    files = {f"f{i}": f'use "f{i + 1}.cps" {{ half }};\n' for i in range(80)}
    main = written(tmp_path, main='use "f0.cps" { half };\n', f80=HALF, **files)
    assert refused(main)[0].code == "CPS0135"


def test_a_name_that_is_used_and_declared(tmp_path: Path) -> None:
    main = written(tmp_path, main=USER.format(path='"half.cps"') + HALF, half=HALF)
    assert [each.code for each in refused(main)] == ["CPS0122"]


def test_builtins_can_be_named_in_a_use() -> None:
    text = "use std.image { min, clamp };\nfn f(a: i32) -> i32 { return min(clamp(a, 0, 9), 5); }\n"
    found = check_program(Source.from_text("a.cps", text))
    assert [each.label for each in found.functions] == ["clamp<i32>", "f"]
    assert found.sources[1].name == "std.image"
