#!/usr/bin/env bash
# Type-checks for other platforms, where this machine has their standard library.
set -euo pipefail
cd "$(dirname "$0")/.."

has_target() { [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]; }

target=x86_64-pc-windows-gnu
if ! has_target $target; then
    echo "NOT CHECKED: Windows, as the Rust target $target is not installed"
elif ! command -v x86_64-w64-mingw32-gcc >/dev/null; then
    echo "NOT CHECKED: Windows, as there is no x86_64-w64-mingw32-gcc"
else
    cargo check --locked --target $target
fi

target=aarch64-apple-darwin
if ! has_target $target; then
    echo "NOT CHECKED: macOS, as the Rust target $target is not installed"
elif ! command -v cargo-zigbuild >/dev/null; then
    echo "NOT CHECKED: macOS, as cargo-zigbuild is not installed"
else
    cargo-zigbuild check --locked --target $target
fi
