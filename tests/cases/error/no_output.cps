kernel k(in src: image<u8>) {   //~ CPS0606
}
