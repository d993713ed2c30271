record Row {
    mean: f64,
    mean: f32,   //~ CPS0122
    values: [f64; 3],   //~ CPS0314
}

record Empty { }   //~ CPS0308

kernel k(in src: image<u8>) -> Row {
    return Row(mean: 1.0);
}
