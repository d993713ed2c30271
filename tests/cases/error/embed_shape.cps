const A: [[i32; 2]; 3] = embed("embed_table.csv");   //~ CPS0136
const B: [[i32; 3]; 4] = embed("embed_table.csv");   //~ CPS0136
const C: [[u8; 2]; 4] = embed("embed_table.csv");   //~ CPS0136

kernel k(in src: image<u8>, out dst: image<u8>(src.width, src.height)) {
    map (x, y) in dst { dst[x, y] = u8(A[0][0] + B[0][0]) ; }
}
