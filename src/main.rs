//! Which program: `tandem`.
fn main() {}
