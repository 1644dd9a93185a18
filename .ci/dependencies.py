"""The tables of docs/dependencies.md: every direct dependency has a row, and the crates that see a private key
are those, in the versions, that were looked at. `--write` renews the second table, after a look at what is new."""

import json
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path("docs/dependencies.md")
BEGIN, END = "<!-- crates that see a key -->\n", "<!-- end -->\n"
# A key, its password, or its encrypted form goes through these, and what they are made of.
SEE_KEYS = """aes base64 cbc des hex hmac md-5 ml-dsa p256 p384 p521 pbkdf2 pkcs8 rc2 ring rsa scrypt sec1 sha1 sha2
zeroize""".split()
REACHES_OUT = re.compile(r"\bstd::(fs|net|process)\b|\bstd::env::(var|args)")


def main():
    output = subprocess.run(
        ["cargo", "metadata", "--locked", "--format-version", "1"], capture_output=True, text=True, check=True
    ).stdout
    metadata = json.loads(output)
    page = PAGE.read_text()
    wrong = missing_rows(metadata, page)
    crates, reaching = looked_at(metadata)
    wrong += ["%s: %s reaches files, the network or other processes" % pair for pair in reaching]
    before, _, rest = page.partition(BEGIN)
    table, _, after = rest.partition(END)
    if "--write" in sys.argv:
        PAGE.write_text(before + BEGIN + crates + END + after)
    elif table != crates:
        wrong.append(
            "%s does not list today's crates that see a key: look at what is new in them, then run "
            "python3 .ci/dependencies.py --write" % PAGE
        )
    print("\n".join(wrong), end="\n" if wrong else "")
    return bool(wrong)


def missing_rows(metadata, page):
    """Direct dependencies of the library and the program without a row, and rows without a dependency."""
    root = next(package for package in metadata["packages"] if package["name"] == "rolesanywhere")
    direct = {dependency["name"] for dependency in root["dependencies"] if dependency["kind"] != "dev"}
    first_cells = re.findall(r"^\| (`.*?) \|", page.partition("\n## ")[0], re.MULTILINE)
    rows = set(re.findall(r"`([a-z0-9_-]+)`", " ".join(first_cells)))
    return ["%s: no row for %s" % (PAGE, name) for name in sorted(direct - rows)] + [
        "%s: %s is no dependency" % (PAGE, name) for name in sorted(rows - direct)
    ]


def looked_at(metadata):
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = next(id for id in nodes if packages[id]["name"] == "rolesanywhere")
    open_ids = [id for id in normal(nodes[root]) if packages[id]["name"] in SEE_KEYS]
    seen = set()
    while open_ids:
        id = open_ids.pop()
        if id not in seen and not is_apart(packages[id]):
            seen.add(id)
            open_ids += normal(nodes[id])
    rows, reaching = [], []
    for package in sorted((packages[id] for id in seen), key=lambda package: (package["name"], package["version"])):
        folder = Path(package["manifest_path"]).parent
        build = any("custom-build" in target["kind"] for target in package["targets"])
        text = [code(path) for path in sorted((folder / "src").rglob("*.rs"))]
        unsafe = sum(len(re.findall(r"\bunsafe\b", each)) for each in text)
        reaching += [(PAGE, package["name"]) for each in text if REACHES_OUT.search(each)][:1]
        rows.append("| %s | %s | %s | %s |\n" % (package["name"], package["version"], unsafe or "", "yes" if build else ""))
    head = "| crate | version | `unsafe` | build script |\n|-|-|-:|-|\n"
    return head + "".join(rows), reaching


def is_apart(package):
    """Compiles code only, binds an operating system, or is serde, which names the types that it serialises."""
    is_macro = any("proc-macro" in target["kind"] for target in package["targets"])
    return is_macro or re.match(r"(libc|windows.*|wasi.*|wit-.*|r-efi|js-sys|wasm-.*|serde|serde_core)$", package["name"])


def normal(node):
    return [
        dependency["pkg"]
        for dependency in node["deps"]
        if any(kind["kind"] is None for kind in dependency["dep_kinds"])
    ]


def code(path):
    return re.sub(r"//.*", "", path.read_text(errors="replace")).replace("unsafe_code", "")


if __name__ == "__main__":
    sys.exit(main())
