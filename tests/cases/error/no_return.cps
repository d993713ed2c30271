fn half(v: f32) -> f32 {
    let h = v / 2.0;
}   //~ CPS0404
