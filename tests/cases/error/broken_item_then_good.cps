kernel 5(in src: image<u8>) { }   //~ CPS0104

fn f(v: i32) -> i32 { return v + 1; }

kernel (out dst: image<u8>(1, 1)) { }   //~ CPS0104
