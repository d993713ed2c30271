kernel k(in src: image<u8>, out dst: image<f32>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = f32(srgb_to_liner([src[x, y]; 3])[0]); }   //~ CPS0121
}
