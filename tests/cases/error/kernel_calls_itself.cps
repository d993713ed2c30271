kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    k(src, dst);   //~ CPS0403
}
