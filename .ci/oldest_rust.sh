#!/usr/bin/env bash
# Compiles with the oldest Rust that Cargo.toml promises, by that very toolchain. Where it cannot be had, checks
# that no package asks for a newer one.
set -euo pipefail
cd "$(dirname "$0")/.."

oldest=$(grep -m1 -oE '^rust-version = "[0-9.]+"' Cargo.toml | grep -oE '[0-9.]+').0
if command -v rustup >/dev/null && rustup toolchain install "$oldest" --profile minimal --no-self-update; then
    # Tests and benchmarks may need a newer one.
    CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/oldest-rust cargo "+$oldest" check --locked --workspace
else
    echo "Rust $oldest cannot be had here: going by what each package asks for."
    python3 .ci/oldest_rust.py
fi
