#!/usr/bin/env bash
# Packs programs that are built: `.ci/package.sh OUT TARGET=PROGRAM...` writes the files of a release to OUT.
# The same commit and the same programs give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."

out=$(realpath -m "${1:?"usage: .ci/package.sh OUT TARGET=PROGRAM..."}")
shift
target_dir=$(realpath -m "${CARGO_TARGET_DIR:-target}")
export PATH=$PATH:$target_dir/ci-venv/bin
export LC_ALL=C TZ=UTC
umask 022

# What nfpm.yaml asks for, too. Where files are published is in the manifests of package managers.
VERSION=$(sed -n 's/^version = "\(.*\)"$/\1/p;T;q' Cargo.toml)
RELEASE=${RELEASE:-1}
URL=${RELEASE_URL:-https://example.com/aws_signing_helper/$VERSION}
MAINTAINER=$(git log -1 --format='%an <%ae>')
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export VERSION RELEASE URL MAINTAINER SOURCE_DATE_EPOCH

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$out" "$work/completions" "$work/licences"
cp LICENSE "$work/licences"
python3 .ci/licences.py >"$work/licences/THIRD-PARTY-LICENSES"
cargo run --quiet --locked --example man_pages -- "$work/man"
# The scripts are the same on all platforms: of a program that this machine runs.
for pair in "$@"; do
    case $pair in "$(uname -m)"-*-linux-*=*) helper=${pair#*=} ;; esac
done
for script in bash:aws_signing_helper.bash zsh:_aws_signing_helper fish:aws_signing_helper.fish powershell:aws_signing_helper.ps1; do
    "${helper:?"one of the programs must be for this machine"}" completion "${script%%:*}" >"$work/completions/${script#*:}"
done

# One time for all files, as archives keep it.
dated() { find "$1" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +; }

archive() {
    local target=$1 program=$2 name=aws_signing_helper-$VERSION-$1
    local folder=$work/$name
    mkdir "$folder"
    cp -R "$work/man" "$work/completions" "$work"/licences/* CHANGELOG.md "$folder"
    case $target in
        *-windows-*)
            install -m 0755 "$program" "$folder/aws_signing_helper.exe"
            dated "$folder"
            rm -f "$out/$name.zip"
            (cd "$work" && find "$name" -type f | sort | zip -9 -q -X "$out/$name.zip" -@)
            ;;
        *)
            install -m 0755 "$program" "$folder/aws_signing_helper"
            install -m 0644 -D -t "$folder/systemd" deploy/*.service deploy/*.socket
            dated "$folder"
            tar -C "$work" --format=ustar --sort=name --owner=0 --group=0 --numeric-owner -c "$name" |
                gzip -n -9 >"$out/$name.tar.gz"
            ;;
    esac
}

# The program goes to /usr/bin here, so that the units' paths differ from those of the archives.
deb_and_rpm() {
    local root=$work/root-$1 unit
    export ARCH=$2 ROOT=$root COMPLETIONS=$work/completions LICENCES=$work/licences
    install -m 0755 -D "$3" "$root/usr/bin/aws_signing_helper"
    mkdir -p "$root/usr/lib/systemd/system" "$root/usr/share/man/man1"
    for unit in deploy/*.service deploy/*.socket; do
        sed 's,/usr/local/bin/,/usr/bin/,' "$unit" >"$root/usr/lib/systemd/system/${unit#deploy/}"
    done
    install -m 0644 -D deploy/packages/sysusers.conf "$root/usr/lib/sysusers.d/aws-signing-helper.conf"
    install -m 0644 -D deploy/packages/tmpfiles.conf "$root/usr/lib/tmpfiles.d/aws-signing-helper.conf"
    cp "$work"/man/* "$root/usr/share/man/man1"
    gzip -n -9 "$root"/usr/share/man/man1/*
    install -m 0644 -D "$work/completions/aws_signing_helper.bash" "$root/usr/share/bash-completion/completions/aws_signing_helper"
    install -m 0644 -D -t "$root/usr/share/fish/vendor_completions.d" "$work/completions/aws_signing_helper.fish"
    dated "$root"
    for packager in deb rpm; do
        nfpm package --config deploy/packages/nfpm.yaml --packager "$packager" --target "$out" >/dev/null
    done
}

images=()
for pair in "$@"; do
    target=${pair%%=*} program=${pair#*=}
    archive "$target" "$program"
    case $target in
        x86_64-*-linux-gnu) deb_and_rpm "$target" amd64 "$program" ;;
        aarch64-*-linux-gnu) deb_and_rpm "$target" arm64 "$program" ;;
        x86_64-*-linux-musl) images+=("amd64=$program") ;;
        aarch64-*-linux-musl) images+=("arm64=$program") ;;
    esac
done
[ ${#images[@]} = 0 ] || python3 .ci/image.py "$out/aws_signing_helper-$VERSION-oci.tar" "$work/licences" "${images[@]}"

# With the manual pages, which Homebrew would have to build otherwise.
source=aws_signing_helper-$VERSION
pages=("$work"/man/*)
git -c tar.umask=0022 archive --format=tar --prefix="$source/man/" "${pages[@]/#/--add-file=}" --prefix="$source/" HEAD | gzip -n -9 >"$out/$source.tar.gz"

# Manifests of package managers name the files by sum.
sums=$(cd "$out" && sha256sum -- *.tar.gz *.zip 2>/dev/null | sed 's/^\([0-9a-f]*\)  \(.*\)$/s|@SHA256 \2@|\1|/' || true)
for manifest in $(cd deploy && find homebrew winget chocolatey -type f); do
    mkdir -p "$out/$(dirname "$manifest")"
    sed -e "s|@VERSION@|$VERSION|g; s|@URL@|$URL|g" -e "$sums" "deploy/$manifest" >"$out/$manifest"
done
(cd "$out" && find . -type f ! -name SHA256SUMS -printf '%P\n' | sort | xargs sha256sum >"$work/SHA256SUMS")
cp "$work/SHA256SUMS" "$out/SHA256SUMS"
