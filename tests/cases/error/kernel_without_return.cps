record Row { mean: f64 }

kernel k(in src: image<u8>) -> Row {
    let n = src.width;
}   //~ CPS0404
