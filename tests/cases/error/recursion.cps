fn factorial(n: i32) -> i32 {
    return if n < 2 { 1 } else { n * factorial(n - 1) };   //~ CPS0403
}
