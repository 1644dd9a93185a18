#!/usr/bin/env bash
# The README's test command. A test that skips itself says SKIPPED: those of the programs that
# install.sh and clients.sh bring must not.
set -euo pipefail
cd "$(dirname "$0")/.."

log=${CARGO_TARGET_DIR:-target}/ci-test.log
export PATH=$(dirname "$(realpath -m "$log")")/ci-venv/bin:$PATH
mkdir -p "$(dirname "$log")"
cargo test --workspace 2>&1 | tee "$log"

# The harness may have printed the test's name in front of it.
skipped=$(grep -oE 'SKIPPED .*' "$log" || true)
echo
echo "${skipped:-No test was skipped.}"
if grep -qE '^SKIPPED (botocore|aws_cli|boto3|aws_sdk_for_rust|aws_sdk_for_go|files_made_by_openssl|pipelines|walkthrough|systemd_finds_no_fault)' <<<"$skipped"; then
    echo "FAILED: openssl, curl, boto3, the AWS CLI, PyYAML, the Rust and Go clients and systemd-analyze have to be there (.ci/install.sh, .ci/clients.sh)"
    exit 1
fi
