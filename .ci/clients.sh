#!/usr/bin/env bash
# Builds the programs of tests/clients, which take credentials from `serve` by the AWS SDKs for Rust
# and Go, into clients/ below the target directory. The tests find them there.
set -euo pipefail
cd "$(dirname "$0")/.."

clients=${CARGO_TARGET_DIR:-target}/clients
case $clients in /*) ;; *) clients=$PWD/$clients ;; esac
export PATH=${clients%/clients}/ci-venv/bin:$PATH

cargo fmt --manifest-path tests/clients/rust/Cargo.toml --check
cargo build --locked --manifest-path tests/clients/rust/Cargo.toml --target-dir "$clients/rust"

cd tests/clients/go
needed=$(awk '$1 == "go" { print $2 }' go.mod)
# One that is old but knows how fetches the Go that go.mod names; one that is older says its own version.
found=$(go version 2>/dev/null | grep -oE '[0-9]+\.[0-9.]+' | head -n 1 || true)
if [ -z "$found" ]; then
    echo "NOT CHECKED: the AWS SDK for Go, as there is no go that runs"
elif [ "$(printf '%s\n' "$needed" "$found" | sort -V | head -n 1)" != "$needed" ]; then
    echo "NOT CHECKED: the AWS SDK for Go, as go is $found and $needed is needed"
else
    unformatted=$("$(go env GOROOT)/bin/gofmt" -l .)
    [ -z "$unformatted" ] || { echo "FAILED: gofmt would change $unformatted"; exit 1; }
    go build -mod=readonly -trimpath -o "$clients/go/" .
fi
