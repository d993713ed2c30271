const ZERO: i32 = 0;
const BAD: i32 = 7 / ZERO;   //~ CPS0502
