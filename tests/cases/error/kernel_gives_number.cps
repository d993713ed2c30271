kernel k(in src: image<u8>) -> f64 {   //~ CPS0314
    return 1.0;
}
