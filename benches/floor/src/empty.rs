//! Nothing: what starting and ending any program costs.

fn main() {}
