"""Assembles the container image, without an engine: `image.py FILE.tar LICENCES ARCHITECTURE=PROGRAM...`

An OCI image layout in a tar file, which Podman, Skopeo and Docker 25 or later read. It holds an index
with an image per architecture; each is a static program and the folder LICENCES. deploy/Containerfile builds
the same image with an engine. VERSION and SOURCE_DATE_EPOCH are .ci/package.sh's.
"""

import gzip
import hashlib
import io
import json
import os
import sys
import tarfile
from datetime import datetime, timezone
from pathlib import Path, PurePosixPath

VERSION = os.environ["VERSION"]
EPOCH = int(os.environ["SOURCE_DATE_EPOCH"])
CREATED = datetime.fromtimestamp(EPOCH, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
PROGRAM = "usr/local/bin/aws_signing_helper"
SECOND = 1_000_000_000
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def main(target, licences, *pairs):
    blobs = {}
    licences = {f"licenses/{path.name}": path.read_bytes() for path in Path(licences).iterdir()}
    programs = dict(pair.split("=", 1) for pair in pairs)
    manifests = [
        image(blobs, architecture, {PROGRAM: Path(program).read_bytes()} | licences)
        for architecture, program in programs.items()
    ]
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
    top = document(blobs, INDEX, index)
    top["annotations"] = {
        "io.containerd.image.name": f"localhost/aws-signing-helper:{VERSION}",
        "org.opencontainers.image.ref.name": VERSION,
    }
    layout = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [top]}
    blobs["index.json"] = json.dumps(layout).encode()
    blobs["oci-layout"] = json.dumps({"imageLayoutVersion": "1.0.0"}).encode()
    Path(target).write_bytes(archive(blobs))


def image(blobs, architecture, files):
    layer = archive(files)
    config = {
        "created": CREATED,
        "architecture": architecture,
        "os": "linux",
        "config": {
            "User": "65532:65532",
            "Env": ["PATH=/usr/local/bin", "AWS_SIGNING_HELPER_STATUS_ADDRESS=127.0.0.1:9912"],
            "Entrypoint": ["aws_signing_helper"],
            "Cmd": ["serve"],
            "Labels": {
                "org.opencontainers.image.title": "aws_signing_helper",
                "org.opencontainers.image.version": VERSION,
                "org.opencontainers.image.licenses": "Apache-2.0",
            },
            # Docker's extension of the format: Podman and Kubernetes do not read it.
            "Healthcheck": {
                "Test": ["CMD", "aws_signing_helper", "serve", "--healthcheck"],
                "Interval": 10 * SECOND,
                "Timeout": 5 * SECOND,
                "StartPeriod": 60 * SECOND,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
        "history": [{"created": CREATED, "created_by": "aws_signing_helper"}],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": document(blobs, CONFIG, config),
        "layers": [blob(blobs, LAYER, gzip.compress(layer, mtime=0))],
    }
    platform = {"architecture": architecture, "os": "linux"}
    return document(blobs, MANIFEST, manifest) | {"platform": platform}


def document(blobs, media_type, value):
    return blob(blobs, media_type, json.dumps(value).encode())


def blob(blobs, media_type, content):
    """Adds the content to the blobs, and returns its descriptor."""
    blobs[f"blobs/{digest(content).replace(':', '/')}"] = content
    return {"mediaType": media_type, "digest": digest(content), "size": len(content)}


def digest(content):
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def archive(files):
    """The bytes of a tar file with these files and the folders above them, sorted."""
    buffer = io.BytesIO()
    folders = {str(folder) for path in files for folder in PurePosixPath(path).parents}
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folders - {"."}):
            entry = tarfile.TarInfo(path)
            entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, EPOCH
            tar.addfile(entry)
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mtime = len(content), EPOCH
            entry.mode = 0o755 if path == PROGRAM else 0o644
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


main(*sys.argv[1:])
