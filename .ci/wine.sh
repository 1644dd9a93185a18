#!/usr/bin/env bash
# Runs a Windows program under wine, as cargo's runner: `.ci/wine.sh PROGRAM ARGUMENTS...`. Wine's own
# files are in wine/ below the target directory, and made there by the first call.
set -euo pipefail

export WINEPREFIX=$CARGO_TARGET_DIR/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml='
export PATH=/usr/lib/wine:$PATH

# Wine's loader is linked below the page of Windows at 0x7ffe0000, and Linux 6.9 and later put its heap anywhere
# in the gigabyte behind it. One start in some thousands found the page taken: "Internal error", 1359.
fixed_addresses=(setarch --addr-no-randomize)
"${fixed_addresses[@]}" true 2>/dev/null || fixed_addresses=()

# Wine 8 lacks this library, of which Rust's standard library uses one function.
make_random_library() {
    cat >"$WINEPREFIX/prng.c" <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID bytes, ULONG length); /* RtlGenRandom */
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T length) {
    return SystemFunction036(bytes, (ULONG)length);
}
C
    x86_64-w64-mingw32-gcc -shared -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" \
        "$WINEPREFIX/prng.c" -ladvapi32
}

if ! [ -e "$WINEPREFIX/ready" ]; then
    mkdir -p "$WINEPREFIX"
    "${fixed_addresses[@]}" wine64 wineboot -i >&2
    wineserver64 -w
    make_random_library
    touch "$WINEPREFIX/ready"
fi
# Of the machine's, they name files by paths of Unix.
exec "${fixed_addresses[@]}" env -u AWS_CA_BUNDLE -u SSL_CERT_FILE -u SSL_CERT_DIR wine64 "$@"
