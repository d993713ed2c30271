kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    let a = 1 +;            //~ CPS0104
    let b = 2;
    let c = (3 4);          //~ CPS0104
    map (x, y) in dst {
        dst[x, y] = b c;    //~ CPS0104
    }
}
