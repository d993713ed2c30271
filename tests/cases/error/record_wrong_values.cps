record Row { mean: f64, count: i32 }

kernel k(in src: image<u8>) -> Row {
    let a = Row(mean: 1.0);   //~ CPS0401
    let b = Row(mean: 1, count: 2.5);   //~ CPS0301
    let c = Row(mean: 1.0, count: 2);
    c.count = 3;   //~ CPS0415
    return c;
}

// rule T9
