use "../../conftest.cps" { secret };   //~ CPS0131
use "/etc/passwd" { root };   //~ CPS0131

kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = src[x, y]; }
}
