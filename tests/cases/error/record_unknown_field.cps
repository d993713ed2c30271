record Row { mean: f64, white: f64 }

kernel k(in src: image<u8>) -> Row {
    var row = Row(mean: 0.0, white: 0.0);
    row.maen = 1.0;   //~ CPS0127
    return Row(mean: row.wite, white: 0.0);   //~ CPS0127
}
