"""Prints the licences of what a release's programs are made of: each crate with its licence, and each text that a
crate brings, once."""

import json
import re
import subprocess
import sys
from pathlib import Path

TARGETS = [f"{machine}-unknown-linux-{library}" for machine in ("aarch64", "x86_64") for library in ("gnu", "musl")]
TARGETS.append("x86_64-pc-windows-gnu")
NAMES = re.compile(r"(licen[cs]e|copying|copyright|notice|unlicense)", re.IGNORECASE)
HEAD = """The programs of this release are under the Apache License 2.0, which LICENSE holds. They contain the crates below;
Rust's standard library and the crates in it (MIT OR Apache-2.0, The Rust Project Developers); LLVM's libunwind and
compiler-rt (Apache-2.0 WITH LLVM-exception); the static ones musl (MIT, Rich Felker and others); those for Windows the
runtimes of mingw-w64 (ZPL-2.1) and GCC (GPL-3.0 WITH GCC-exception-3.1). Behind the list: the texts that the crates bring.
"""


def main():
    crates = linked()
    sys.stdout.write(HEAD + "\n")
    for crate in crates:
        print(f"{crate['name']} {crate['version']}: {crate['license']}")
    texts = {}
    for crate in crates:
        folder = Path(crate["manifest_path"]).parent
        found = [path for path in sorted(folder.rglob("*")) if path.is_file() and NAMES.match(path.name)]
        if not found:
            sys.exit(f"{crate['name']} {crate['version']} brings no licence text")
        for path in found:
            lines = [line.rstrip() for line in path.read_text(errors="replace").splitlines()]
            name = f"{crate['name']} {crate['version']}: {path.relative_to(folder)}"
            texts.setdefault("\n".join(lines).strip(), []).append(name)
    for text, names in texts.items():
        print("\n", "=" * 80, "\n", "\n".join(names), "\n\n", text, sep="")


def linked():
    """The crates that are linked into a program, without this project's own, as `cargo metadata` describes them."""
    described = json.loads(cargo("metadata", "--format-version", "1"))["packages"]
    targets = [word for target in TARGETS for word in ("--target", target)]
    edges = ["--edges", "normal,no-proc-macro"]
    tree = cargo("tree", "--package", "rolesanywhere", *targets, *edges, "--prefix", "none", "--format", "{p}")
    # "aes v0.9.4", and " (*)" behind what was listed before.
    names = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    found = [crate for crate in described if (crate["name"], "v" + crate["version"]) in names and crate["source"]]
    return sorted(found, key=lambda crate: (crate["name"], crate["version"]))


def cargo(command, *arguments):
    return subprocess.run(
        ["cargo", command, "--locked", *arguments], stdout=subprocess.PIPE, text=True, check=True
    ).stdout


main()
