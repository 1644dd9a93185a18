#!/usr/bin/env bash
# Runs cargo for one platform: `.ci/build.sh TARGET build --profile dist --bin aws_signing_helper`.
# What it makes is in platforms/TARGET/PROFILE/ below the target directory. With `lint` before the command,
# clippy compiles what is this workspace's, and its warnings are errors. Programs for Windows run under wine.
#
# Where this machine's own toolchain has the target's standard library, it is used. Otherwise Debian's
# Rust (rustc-web, rust-web-src) compiles the library as well. C compilers and linkers are zig's, by
# cargo-zigbuild, or mingw's for Windows; .ci/install.sh has all of them.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:?"usage: .ci/build.sh TARGET [lint] COMMAND..."}
shift

out=${CARGO_TARGET_DIR:-target}
case $out in /*) ;; *) out=$PWD/$out ;; esac
export CARGO_TARGET_DIR=$out/platforms PATH=$out/ci-venv/bin:$PATH
export ZIG_GLOBAL_CACHE_DIR=$CARGO_TARGET_DIR/zig CARGO_ZIGBUILD_CACHE_DIR=$CARGO_TARGET_DIR/zig
# Flags of this machine's linker are not another's. The folder it is built in leaves no trace in a program.
export RUSTFLAGS="--remap-path-prefix=$PWD=/build --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"

cargo=cargo
arguments=(--locked)
if ! [ -d "$(rustc --print target-libdir --target "$target")" ]; then
    export PATH=$out/ci-venv/bin:/usr/bin:$PATH RUSTC_BOOTSTRAP=1
    arguments+=(-Zbuild-std=std,panic_abort)
    # The files that a C library brings are zig's.
    case $target in *-musl) RUSTFLAGS+=" -Clink-self-contained=no" ;; esac
fi
# Zig ignores `-static-pie`, but makes such a program by these two.
case $target in *-musl) RUSTFLAGS+=" -Clink-arg=-pie -Clink-arg=-fPIE" ;; esac
# A static program loads no PKCS#11 modules.
case $target in *-musl) arguments+=(--no-default-features) ;; esac

if [ "${1:-}" = lint ]; then
    shift
    RUSTC_WORKSPACE_WRAPPER=$(dirname "$(command -v rustc)")/clippy-driver
    # Clippy does not see the `const` of a thread local where the system has none of its own.
    CLIPPY_ARGS=$(printf '%s__CLIPPY_HACKERY__' -Dwarnings -Aclippy::missing_const_for_thread_local)
    export RUSTC_WORKSPACE_WRAPPER CLIPPY_ARGS
fi
command=${1:?"usage: .ci/build.sh TARGET [lint] COMMAND..."}
shift
case $target in
    *-windows-gnu) export CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER=$PWD/.ci/wine.sh ;;
    *-linux-gnu) cargo=cargo-zigbuild target+=.2.17 ;;
    *) cargo=cargo-zigbuild ;;
esac
exec "$cargo" "$command" "${arguments[@]}" --target "$target" "$@"
