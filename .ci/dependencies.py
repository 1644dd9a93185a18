"""The tables of docs/dependencies.md: every direct dependency has a row, with its version in Cargo.lock, and the
crates that see a private key are those, in the versions, that were looked at. `--write` renews versions, their days
of release, and the last table, after a look at what is new."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path("docs/dependencies.md")
TOOLS = "\n## Tests and tools\n"
BEGIN, END = "<!-- crates that see a key -->\n", "<!-- end -->\n"
# What is built apart from the workspace.
APART = ["fuzz/Cargo.toml", "tests/clients/rust/Cargo.toml"]
ROW = re.compile(r"^\| `([a-z0-9_-]+)` \| (.*?) \| (.*?) \|(.*)$", re.MULTILINE)
# A private key, its password or PIN, or its encrypted form goes through these, and what they are made of.
SEE_KEYS = """aes base64 cbc clap cryptoki des dlmalloc hex hmac md-5 memchr ml-dsa p256 p384 p521 pbkdf2
percent-encoding pkcs8 rc2 ring rpassword rsa scrypt sec1 sha1 sha2 zeroize""".split()
# Files, the network, processes, variables and arguments: by the standard library, or by the system's functions.
REACHES_OUT = re.compile(
    r"\bstd::(fs|net|process|env)\b|\bstd::\{[^}]*\b(?:fs|net|process|env)\b|\blibc::(?:open|socket|exec\w+)\b|"
    r"\bfn dlopen\b|\bLoadLibrary\w+|\bCreateFile\w\b"
)
# Those that do, and what was seen in them.
REACH_OUT = {
    "clap_builder": "reads the arguments, `COLUMNS` and `LINES`; can end the process",
    "clap_lex": "can read the arguments",
    "der": "can read and write files of keys; the program never has it do so",
    "getrandom": "opens `/dev/urandom` where the system has no call for it",
    "libloading": "loads the PKCS#11 module that it is given the path of",
    "rpassword": "opens the console; on Windows only",
    "rtoolbox": "opens the console; on Windows only",
    "terminal_size": "asks the terminal for its size; its test runs `stty`",
}


def main():
    metadata = cargo_metadata("--locked")
    page = PAGE.read_text()
    if "--write" in sys.argv:
        page = renewed(metadata, page)
        PAGE.write_text(page)
    wrong = wrong_rows(metadata, page) + wrong_tools(metadata, page)
    crates, reaching = looked_at(metadata)
    wrong += reaching
    if page.partition(BEGIN)[2].partition(END)[0] != crates:
        wrong.append("today's crates that see a key are not listed: look at what is new in them, then renew the table")
    for each in wrong:
        print("%s: %s" % (PAGE, each))
    if wrong and "--write" not in sys.argv:
        print("python3 .ci/dependencies.py --write renews versions, their days of release, and the last table")
    return bool(wrong)


def cargo_metadata(*options):
    command = ["cargo", "metadata", "--quiet", "--format-version", "1", *options]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def direct_versions(metadata):
    """Direct dependencies of the library and the program, on any platform, and their versions in Cargo.lock."""
    versions = {package["id"]: (package["name"], package["version"]) for package in metadata["packages"]}
    root = next(node for node in metadata["resolve"]["nodes"] if versions[node["id"]][0] == "rolesanywhere")
    return dict(versions[id] for id in normal(root))


def wrong_rows(metadata, page):
    direct = direct_versions(metadata)
    rows = {name: rest for name, *rest in ROW.findall(page.partition(TOOLS)[0])}
    wrong = ["no row for %s" % name for name in sorted(direct.keys() - rows.keys())]
    for name, (version, released, rest) in rows.items():
        if name not in direct:
            wrong.append("%s is no dependency" % name)
        elif version != direct[name]:
            wrong.append("%s is %s in Cargo.lock, and %s here" % (name, direct[name], version))
        if not re.fullmatch(r"20\d\d-[01]\d-[0-3]\d", released):
            wrong.append("%s %s has no day of release, such as 2026-01-31" % (name, version))
        if len(rest.split("|")) != 4 or not all(cell.strip() for cell in rest.split("|")[:3]):
            wrong.append("%s has no role, number of crates, or what would be in its place" % name)
    return wrong


def wrong_tools(metadata, page):
    """What only tests, the emulator, benchmarks and fuzz targets use."""
    members = [package for package in metadata["packages"] if package["id"] in metadata["workspace_members"]]
    for manifest in APART:
        members += cargo_metadata("--no-deps", "--manifest-path", manifest)["packages"]
    used = {each["name"] for member in members for each in member["dependencies"] if each["source"]}
    tools = used - direct_versions(metadata).keys()
    first_cells = re.findall(r"^\| (`.*?) \|", page.partition(TOOLS)[2].partition("\n## ")[0], re.MULTILINE)
    rows = set(re.findall(r"`([a-z0-9_-]+)`", " ".join(first_cells)))
    return ["no row for %s among tests and tools" % name for name in sorted(tools - rows)] + [
        "%s is used by no test or tool alone" % name for name in sorted(rows - tools)
    ]


def renewed(metadata, page):
    direct = direct_versions(metadata)

    def row(match):
        name, version, released, rest = match.groups()
        if direct.get(name, version) != version:
            version, released = direct[name], day_of_release(name, direct[name])
        return "| `%s` | %s | %s |%s" % (name, version, released, rest)

    before, tools, rest = page.partition(TOOLS)
    page = ROW.sub(row, before) + tools + rest
    before, begin, rest = page.partition(BEGIN)
    return before + begin + looked_at(metadata)[0] + END + rest.partition(END)[2]


def day_of_release(name, version):
    """As Cargo's copy of the index has it, if there is one: lines of JSON, each after a zero byte."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    folder = {1: "1", 2: "2", 3: "3/" + name[0]}.get(len(name), "%s/%s" % (name[:2], name[2:4]))
    for path in home.glob("registry/index/*/.cache/%s/%s" % (folder, name)):
        for line in path.read_bytes().split(b"\0"):
            release = json.loads(line) if line.startswith(b"{") else {}
            if release.get("vers") == version:
                return release.get("pubtime", "?")[:10]
    return "?"


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
    rows, reaching = [], set()
    for package in sorted((packages[id] for id in seen), key=lambda package: (package["name"], package["version"])):
        folder = Path(package["manifest_path"]).parent
        build = any("custom-build" in target["kind"] for target in package["targets"])
        text = [code(path) for path in sorted((folder / "src").rglob("*.rs"))]
        unsafe = sum(len(re.findall(r"\bunsafe\b", each)) for each in text)
        if any(REACHES_OUT.search(each) for each in text):
            reaching.add(package["name"])
        name = package["name"]
        cells = name, package["version"], unsafe or "", "yes" if build else "", REACH_OUT.get(name, "")
        rows.append("| %s | %s | %s | %s | %s |\n" % cells)
    head = "| crate | version | `unsafe` | build script | reaches out |\n|-|-|-:|-|-|\n"
    new, gone = sorted(reaching - REACH_OUT.keys()), sorted(REACH_OUT.keys() - reaching)
    wrong = ["%s reaches files, the network, processes or variables" % name for name in new]
    wrong += ["%s reaches out no more" % name for name in gone]
    return head + "".join(rows), wrong


def is_apart(package):
    """Compiles code only, binds an operating system, or is serde or log, which name types of the standard library."""
    is_macro = any("proc-macro" in target["kind"] for target in package["targets"])
    return is_macro or re.match(
        r"(libc|errno|rustix|linux-raw-sys|windows.*|wasi.*|wit-.*|r-efi|js-sys|wasm-.*|serde|serde_core|log)$",
        package["name"],
    )


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
