"""Ugly and pretty texts: what the formatter makes of each construct."""

from __future__ import annotations

WHOLE_GRAMMAR = """\
//! Everything the grammar has, laid out by nobody.
use std.math{exp,log};use "other.cps" { blur } ;
const A:i32=0xFF_00;const T:[f32;3]=embed("table.csv");
record Row{a:i32,b:f32}
record Empty{}
fn sq<T:num,const N:i32>(v:T,in a:image<u8>,out b:image<u8,3>(a.width,a.height))->T{return v*v;}
fn nothing(){}
kernel k(in src:image<u8>,out dst:image<u8>(src.width,src.height),param n:i32 in-5..=5=1)->Row{
var r:rows<i32,2>(src.width);var b=1;var c:i32=~-!2;
let s=src.or(1);
for i in 0..n step 2{if i==1{break;}else if i>2{continue;}else{b+=1;b<<=2;}}
map(x,y)in src.clamp{dst[x,y]=u8(if b>1{1}else if b<0{2}else{3});}
scan(x,y,d)in src by columns(true){r.drop[x+d,y]+=1;r[x,y+1]-=2;dst[x,y]=1;}
scan(x,y)in src{}
let m=argmin((a-b)*c for(x,y)in src for i in 0..3);
let e=[[1,2],[3;4],[i for i in 0..4],];
f(a,named:b,true&&false||!(c<=d),"text");
require(b>>1&3|4^5!=0,"why");return;
}
test "it"{assert_eq(k(fill(1,2,3),n:2,).dst[0,0,],-1.5e-3f32);}
"""

GOLDENS = [
    ("", ""),
    ("\n\n// only this\n\n\n// and this", "// only this\n\n// and this\n"),
    # A list that ends with a comma is one item a line; another one is on one line if it fits.
    (
        "fn f ( a:i32,b:i32, ) {}\n fn g(\na:i32,\nb:i32){ }",
        "fn f(\n    a: i32,\n    b: i32,\n) {}\n\nfn g(a: i32, b: i32) {}\n",
    ),
    # Images in and out stand under each other.
    (
        "kernel k(in a:image<u8>,out b:image<u8>(1,1),param c:bool=true,){}",
        "kernel k(\n    in  a: image<u8>,\n    out b: image<u8>(1, 1),\n"
        "    param c: bool = true,\n) {}\n",
    ),
    # A block of one statement may stand on a line, if its author wrote it so.
    (
        "fn f() { a(); }\nfn g() {\na(); }\nfn h() { a(); b(); }",
        "fn f() { a(); }\n\nfn g() {\n    a();\n}\n\nfn h() {\n    a();\n    b();\n}\n",
    ),
    # One blank line at most between statements, none at the ends of a block.
    (
        "fn f() {\n\n\n    a();\n\n\n\n    b();\n    c();\n\n}",
        "fn f() {\n    a();\n\n    b();\n    c();\n}\n",
    ),
    # Comments keep their place; a new comma goes in front of them.
    (
        "fn f( // one\n a:i32 // two\n ,b:i32 // three\n //four\n){ // five\n// six\n} // seven",
        "fn f(  // one\n    a: i32,  // two\n    b: i32,  // three\n    //four\n"
        ") {  // five\n    // six\n}  // seven\n",
    ),
    (
        "const A: i32 = 1;   // one\nconst LONG: i32 = 2;// two\n\nconst B: i32 = 3; // three",
        "const A: i32 = 1;     // one\nconst LONG: i32 = 2;  // two\n\n"
        "const B: i32 = 3;  // three\n",
    ),
    ("const A: i32 = // why\n1;", "const A: i32 =  // why\n    1;\n"),
    # Additions to elements that stand under each other are aligned.
    (
        "fn f() { e[x, y]+=1;\ne.drop[x+1,y]-=2;\na[0]=3;\nb[0]+=4; }",
        "fn f() {\n    e[x, y]          += 1;\n    e.drop[x + 1, y] -= 2;\n"
        "    a[0] = 3;\n    b[0] += 4;\n}\n",
    ),
    # Numbers keep the rows in which they were written.
    (
        "const K: [i32; 6] = [\n1,2, 3,\n-4,5,6,];",
        "const K: [i32; 6] = [\n    1, 2, 3,\n    -4, 5, 6,\n];\n",
    ),
    (
        f"const K: [i32; 30] = [{', '.join(['1000'] * 30)}];",
        "const K: [i32; 30] = [\n    "
        + ", ".join(["1000"] * 16)
        + ",\n    "
        + ", ".join(["1000"] * 14)
        + ",\n];\n",
    ),
    # A chain of operators that is too long keeps its author's rows, or has one operator a line.
    (
        f"const A: i32 = {'a' * 40} + {'b' * 30} -\n{'c' * 40} + {'d' * 9};",
        f"const A: i32 = {'a' * 40} + {'b' * 30}\n    - {'c' * 40} + {'d' * 9};\n",
    ),
    (
        f"const A: i32 = {'a' * 40} + {'b' * 30} - {'c' * 40} + {'d' * 9};",
        f"const A: i32 = {'a' * 40}\n    + {'b' * 30}\n    - {'c' * 40}\n    + {'d' * 9};\n",
    ),
    (
        f"const A: i32 = {'a' * 40} * ({'b' * 30} - {'c' * 40});",
        f"const A: i32 = {'a' * 40} * (\n    {'b' * 30} - {'c' * 40}\n);\n",
    ),
    # What is too long for a line breaks from the outside in.
    (
        f"fn f() {{ f({'a' * 40}, sum({'b' * 40}[i] for i in 0..10)); }}",
        f"fn f() {{\n    f(\n        {'a' * 40},\n        sum({'b' * 40}[i] for i in 0..10),\n"
        "    );\n}\n",
    ),
    (
        f"fn f() {{ let a = sum({'a' * 50}[x, y] for (x, y) in {'b' * 50}); }}",
        f"fn f() {{\n    let a = sum(\n        {'a' * 50}[x, y]\n        for (x, y) in {'b' * 50}\n"
        "    );\n}\n",
    ),
    (
        f"fn f() {{ let a = if {'a' * 40} {{ {'b' * 40} }} else {{ c }}; }}",
        f"fn f() {{\n    let a = if {'a' * 40} {{\n        {'b' * 40}\n    }} else {{\n"
        "        c\n    };\n}\n",
    ),
]
