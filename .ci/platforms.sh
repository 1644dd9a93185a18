#!/usr/bin/env bash
# Every platform of a release: compiled and linted, and run where this machine can. docs/platforms.md says
# what is checked of which. With CI=true nothing may stay unchecked.
set -euo pipefail
cd "$(dirname "$0")/.."

target_folder=${CARGO_TARGET_DIR:-target}
case $target_folder in /*) ;; *) target_folder=$PWD/$target_folder ;; esac
export PATH=$target_folder/ci-venv/bin:$PATH
unchecked=0

# has WHAT PROGRAM...: whether all of them are there; one that is not is named.
has() {
    local what=$1 program
    shift
    for program in "$@"; do
        if ! command -v "$program" >/dev/null; then
            echo "NOT CHECKED: $what, as there is no $program (.ci/install.sh)"
            unchecked=1
            return 1
        fi
    done
}

# can_build TARGET WHAT PROGRAM...: also whether there is Rust for the target.
can_build() {
    local target=$1 what=$2
    shift 2
    if ! [ -d "$(rustc --print target-libdir --target "$target")" ] &&
        ! [ -d "$(/usr/bin/rustc --print sysroot 2>/dev/null)/lib/rustlib/src/rust/library/std" ]; then
        echo "NOT CHECKED: $what, as there is no Rust for $target (.ci/install.sh)"
        unchecked=1
        return 1
    fi
    has "$what" "$@"
}

binary() { echo "$target_folder/platforms/$1/release/aws_signing_helper"; }

# done_with TARGET: of Linux, keeps the program, which .ci/packages.sh takes. CI's machine may have little room.
done_with() {
    if [ "${CI:-}" = true ]; then
        rm -rf "$target_folder/platforms/$1"/{debug,release/{deps,build,.fingerprint}}
    fi
}

# The static program: no interpreter, no library, and loaded at any address.
check_static() {
    local headers
    headers=$(readelf --file-header --program-headers --dynamic --wide "$1")
    if grep -qE 'INTERP|\(NEEDED\)' <<<"$headers" || ! grep -qE 'Type: +DYN' <<<"$headers"; then
        echo "FAILED: $1 is not static and position independent"
        exit 1
    fi
}

# The dynamic one: glibc's libraries alone, in versions up to 2.17.
check_dynamic() {
    local newest libraries
    newest=$(readelf --dyn-syms --wide "$1" | grep -oE 'GLIBC_[0-9.]+' | sort -uV | tail -n 1)
    if [ "$(printf '%s\n' "$newest" GLIBC_2.17 | sort -V | tail -n 1)" != GLIBC_2.17 ]; then
        echo "FAILED: $1 needs $newest"
        exit 1
    fi
    libraries=$(readelf --dynamic --wide "$1" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p')
    if grep -vE '^(libc|libdl|libpthread|libm|librt|ld-linux-[a-z0-9-]+)\.so\.[0-9]+$' <<<"$libraries"; then
        echo "FAILED: $1 needs the libraries above"
        exit 1
    fi
}

# A script that runs the program of a target under qemu. Its loader is named: with -L, qemu would look for
# every path in that folder first, for those of the tests too.
emulated() {
    local script=$target_folder/platforms/$1/emulated libraries=/usr/aarch64-linux-gnu/lib loader=""
    case $1 in *-gnu) loader="$libraries/ld-linux-aarch64.so.1 --library-path $libraries" ;; esac
    printf '#!/bin/sh\nexec qemu-aarch64-static %s %s "$@"\n' "$loader" "$(binary "$1")" >"$script"
    chmod +x "$script"
    echo "$script"
}

# A script that runs the program for Windows on the terminal of its caller. Wine makes a console of a terminal
# that it finds in its streams; stdout stays what it is.
on_console() {
    local target=x86_64-pc-windows-gnu
    local script=$target_folder/platforms/$target/on_console
    printf '#!/bin/sh\nexport CARGO_TARGET_DIR="%s" LC_ALL=C.UTF-8\nexec bash "%s" "%s" "$@" </dev/tty 2>/dev/tty\n' \
        "$target_folder/platforms" "$PWD/.ci/wine.sh" \
        "$target_folder/platforms/$target/debug/aws_signing_helper.exe" >"$script"
    chmod +x "$script"
    echo "$script"
}

# One program keeps wine's server and its services, until `held` is closed. A test that had to start them would hand
# them its pipes, and wait for their end in vain: two of the services stayed.
hold_wine() {
    local wine=(env "CARGO_TARGET_DIR=$target_folder/platforms" bash .ci/wine.sh cmd /c)
    "${wine[@]}" exit </dev/null >/dev/null 2>&1
    exec {held}> >("${wine[@]}" 'set /p line=' >/dev/null 2>&1)
    # Returns once the services are there.
    "${wine[@]}" exit </dev/null >/dev/null 2>&1
}

# run_with PROGRAM TEST...: tests that start the helper as a process, with the program of another platform in
# its place.
run_with() {
    local program=$1
    shift
    HELPER_UNDER_TEST=$program cargo test --locked --test suite -- "$@"
}
# Messages that quote Windows, and what docs/platforms.md says wine lacks, are left out.
RUN_ON_WINDOWS=(windows:: credential_process::credentials credential_process::every_kind cache::concurrency
    credentials_file:: doctor::each_fault doctor::each_answer inspect:: role_chain::chains role_chain::credentials
    role_chain::parameters serve::container::who_shows serve::status::status_address session_policy:: sigv4::
    update::once::once_writes vectors::)
RUN_ELSEWHERE=(credential_process:: cache::second doctor:: pkcs11::keys::build role_chain:: update::once
    serve::status)
RUN_ON_CONSOLE=(identity::terminal::password_may identity::terminal::password_with_any serve::start::control_c)

for machine in x86_64 aarch64; do
    for library in gnu musl; do
        target=$machine-unknown-linux-$library
        can_build "$target" "Linux $machine, $library" cargo-zigbuild readelf || continue
        echo "----- $target"
        bash .ci/build.sh "$target" build --release --bin aws_signing_helper
        case $library in
            musl) check_static "$(binary "$target")" ;;
            *) check_dynamic "$(binary "$target")" ;;
        esac
        if [ "$target" = "$(uname -m)-unknown-linux-gnu" ]; then
            # The one that loads PKCS#11 modules of this machine.
            run_with "$(binary "$target")" "${RUN_ELSEWHERE[@]}" pkcs11::keys pkcs11::pins
        elif [ "$machine" = "$(uname -m)" ]; then
            run_with "$(binary "$target")" "${RUN_ELSEWHERE[@]}"
        elif has "Linux $machine, $library: running it" qemu-aarch64-static; then
            run_with "$(emulated "$target")" "${RUN_ELSEWHERE[@]}"
        fi
        done_with "$target"
    done
done

target=x86_64-pc-windows-gnu
if can_build $target Windows x86_64-w64-mingw32-gcc; then
    echo "----- $target"
    bash .ci/build.sh $target lint build --workspace --all-targets
    if has "Windows: running it" /usr/lib/wine/wine64; then
        hold_wine
        bash .ci/build.sh $target lint test --lib
        bash .ci/build.sh $target lint test --test suite -- "${RUN_ON_WINDOWS[@]}"
        run_with "$(on_console)" "${RUN_ON_CONSOLE[@]}"
        exec {held}>&-
    fi
    done_with $target
fi

target=aarch64-apple-darwin
if can_build $target macOS cargo-zigbuild; then
    echo "----- $target"
    bash .ci/build.sh $target lint check --workspace --all-targets
    done_with $target
fi

if [ "${CI:-}" = true ] && [ $unchecked = 1 ]; then
    echo "FAILED: in CI, every platform is checked"
    exit 1
fi
