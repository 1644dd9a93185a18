#!/usr/bin/env bash
# What may be among the dependencies, on any platform: deny.toml, no second TLS, and docs/dependencies.md.
set -euo pipefail
cd "$(dirname "$0")/.."

if cargo tree --locked --workspace --target all --edges normal,build,dev --prefix none |
    grep -E '^(openssl|openssl-sys|native-tls|aws-lc-[a-z]+) '; then
    echo "these must not be among the dependencies"
    exit 1
fi
python3 .ci/dependencies.py
if command -v cargo-deny >/dev/null; then
    # Not advisories, whose database cannot be fetched here: whoever makes a release checks them.
    cargo deny --locked check --hide-inclusion-graph bans licenses sources
else
    echo "NOT CHECKED: licences and sources, as cargo-deny is not installed"
fi
