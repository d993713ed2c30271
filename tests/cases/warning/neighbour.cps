kernel drag(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst {
        dst[x, y] = src[x + 1, y];   //~ CPS0808
    }
}
