fn count(n: i32) -> i32 {
    var c = 0;
    for i in 0..n { c += i % 2; }   //~ CPS0503
    return c;
}

const N: i32 = count(2000000000);
