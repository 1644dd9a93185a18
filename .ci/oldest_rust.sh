#!/usr/bin/env bash
# Compiles with the oldest Rust that Cargo.toml promises, by that very toolchain.
set -euo pipefail
cd "$(dirname "$0")/.."

oldest=$(grep -m1 -oE '^rust-version = "[0-9.]+"' Cargo.toml | grep -oE '[0-9.]+').0
if ! command -v rustup >/dev/null; then
    echo "NOT CHECKED: Rust $oldest, as there is no rustup"
elif ! rustup toolchain install "$oldest" --profile minimal --no-self-update; then
    echo "NOT CHECKED: Rust $oldest, as it cannot be had"
else
    # Tests and benchmarks may need a newer one.
    CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/oldest-rust cargo "+$oldest" check --locked --workspace
fi
