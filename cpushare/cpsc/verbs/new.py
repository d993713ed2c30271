"""cpsc new: a folder to begin with, with a kernel, its tests, and a picture to run it on."""

from __future__ import annotations

import re
from pathlib import Path

import click

from compiler.tokens import KEYWORDS
from cpushare.cpsc import output
from vm.errors import Refused
from vm.limits import NAME_CHARS

KERNEL = """\
//! {title}.

/// Move every level by `gain` percent away from middle gray, or towards it.
kernel {name}(
    in  src: image<u8>,
    out dst: image<u8>(src.width, src.height),
    /// 100 changes nothing; less is softer, more is harder.
    param gain: i32 in 0..=1000 = 150,
) {{
    map (x, y) in src {{
        let level = i32(src[x, y]) - 128;
        dst[x, y] = sat_u8(128 + level * gain / 100);
    }}
}}

test "100 percent changes nothing" {{
    let src: image<u8> = noise(1, 32, 24);
    assert_eq({name}(src, gain: 100).dst, src);
}}

test "nothing left but gray" {{
    let src: image<u8> = noise(2, 32, 24);
    assert_eq({name}(src, gain: 0).dst, fill(128, 32, 24));
}}
"""
README = """\
# {title}

A kernel for [CPUShare](https://pypi.org/project/cpushare/).

```sh
cpsc test {name}.cps                                 # its tests
cpsc run {name}.cps picture.png -o out.png           # run it
cpsc run {name}.cps picture.png -o out.png --gain 300
cpsc view out.png                                    # look
cpsc cost {name}.cps --size 1920x1080                # what it will cost
```
"""


@click.command(help="Make a folder NAME with a kernel, its tests, a picture and a README.")
@click.argument("name", metavar="NAME")
def command(name: str) -> None:
    """Write the folder; it must not exist yet."""
    from cpushare.scene import scene
    from cpushare.writing import write_image

    folder = Path(name)
    kernel = re.sub(r"[^a-z0-9]+", "_", folder.name.lower()).strip("_")
    if not re.match(r"[a-z]", kernel) or len(kernel) > NAME_CHARS:
        raise Refused(f"a name begins with a letter, not '{folder.name}'")
    if kernel in KEYWORDS:
        raise Refused(f"'{kernel}' is a word of the language; take another name")
    if folder.exists():
        raise Refused(f"{folder} is there already")
    folder.mkdir(parents=True)
    words = {"name": kernel, "title": kernel.replace("_", " ").capitalize()}
    (folder / f"{kernel}.cps").write_text(KERNEL.format(**words))
    (folder / "README.md").write_text(README.format(**words))
    write_image(folder / "picture.png", scene())
    output.note(f"made {folder} with {kernel}.cps, picture.png, README.md; go on with:")
    output.note(f"  cd {folder}\n  cpsc test {kernel}.cps")
    output.note(f"  cpsc run {kernel}.cps picture.png -o out.png && cpsc view out.png")
