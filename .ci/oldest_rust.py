"""Where Cargo.toml's oldest Rust cannot be had: no package that the workspace is built of asks for a newer one.
`clippy::incompatible_msrv`, which is among the lints, does the same for the standard library's functions."""

import json
import subprocess
import sys


def main():
    output = subprocess.run(
        ["cargo", "metadata", "--quiet", "--locked", "--format-version", "1"],
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout
    metadata = json.loads(output)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = next(package for package in packages.values() if package["name"] == "rolesanywhere")
    oldest = root["rust_version"]
    built, open_ids = set(), list(metadata["workspace_members"])
    while open_ids:
        id = open_ids.pop()
        if id not in built:
            built.add(id)
            open_ids += [each["pkg"] for each in nodes[id]["deps"] if is_built(each)]
    names_none = 0
    newer = []
    for package in sorted((packages[id] for id in built), key=lambda package: package["name"]):
        if package["rust_version"] is None:
            names_none += 1
        elif numbers(package["rust_version"]) > numbers(oldest):
            newer.append("%s %s asks for Rust %s" % (package["name"], package["version"], package["rust_version"]))
    print("\n".join(newer), end="\n" if newer else "")
    if newer:
        print("FAILED: Cargo.toml promises Rust %s" % oldest)
    else:
        print("Of %d packages, none asks for a newer Rust than %s; %d name none." % (len(built), oldest, names_none))
    return bool(newer)


def is_built(dependency):
    return any(kind["kind"] != "dev" for kind in dependency["dep_kinds"])


def numbers(version):
    return [int(number) for number in (version + ".0").split(".")[:3]]


if __name__ == "__main__":
    sys.exit(main())
