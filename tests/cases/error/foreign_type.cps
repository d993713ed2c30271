fn half(v: float) -> float {   //~ CPS0126
    return v / 2.0;
}
