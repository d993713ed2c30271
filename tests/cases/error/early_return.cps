fn sign(v: i32) -> i32 {
    if v < 0 { return -1; }   //~ CPS0404
    return 1;
}
