"""Fills a server with what a public registry has: publishers, images, charts, other artifacts, and texts of people who mean no good.

Everything comes in by the doors that publishers use: the AWS API, and `/v2/` with plain HTTP requests.
"""

import json
import random
import struct
import sys
import zlib
from datetime import datetime, timedelta, timezone
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "clients"))

from pushing import HELM_CONFIG, OCI_CONFIG, OCI_EMPTY, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, Manifest, digest_of, image  # noqa: E402
from running import Server  # noqa: E402

IN_TOTO = "application/vnd.in-toto+json"
SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGSTORE_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
MARKDOWN = "text/markdown"
WASM_CONFIG = "application/vnd.wasm.config.v0+json"
CHART_LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

NGINX_ABOUT = """
# Quick reference

- Maintained by **the NGINX Docker Maintainers**
- Where to get help: the [community forum](https://community.nginx.org), or the issue tracker

# What is nginx?

Nginx (pronounced "engine-x") is an open source reverse proxy server for HTTP, HTTPS, SMTP, POP3 and IMAP protocols, as well as a load
balancer, HTTP cache, and a web server. It runs on Linux, *BSD variants, macOS and Microsoft Windows.

> It is what stands between the sea and the harbour.

## Variants

| tag | base | size |
|---|---|---:|
| `1.27` | Debian | 68 MB |
| `1.27-alpine` | Alpine | 19 MB |

## Licence

View [licence information](https://nginx.org/LICENSE) for the software contained in this image.
"""
NGINX_USAGE = """
## Hosting some simple static content

```console
$ docker run --name some-nginx -v /some/content:/usr/share/nginx/html:ro -d nginx
```

Alternatively, a simple `Dockerfile` can be used to generate a new image that includes the necessary content:

```dockerfile
FROM nginx
COPY static-html-directory /usr/share/nginx/html
```

## Customize configuration

1. Copy the configuration out of the container.
2. Change it.
3. Mount it again, **read-only**.
"""
README = """# Tide tables

Computes when the water is high enough. ![chart of a tide](https://example.org/tide.png)

- [x] offline
- [ ] on the moon

<details><summary>Flags</summary><p>None. It just works.</p></details>
"""
HOSTILE = (
    '"><script>alert(1)</script><img src=x onerror=alert(1)> \u202etxt.exe \u200b'
    "{{7*7}} javascript:alert(1) " + "Wörter" * 3 + "\U0001f525" * 3
)
HOSTILE_MARKDOWN = f"""# <script>alert(1)</script> {"overlong" * 60}

[click](javascript:alert(1)) [data](data:text/html,<script>alert(1)</script>) ![x](x" onerror="alert(1))
<style>body {{ display: none }}</style> <iframe src="https://evil.example"></iframe> <p style="position:fixed" onclick="alert(1)">over</p>
<svg onload=alert(1)></svg><form action="https://evil.example"><input name=q></form>

{HOSTILE}
"""


def png(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """A picture of one colour with a lighter disc (Portable Network Graphics specification)."""

    def pixel(x: int, y: int) -> bytes:
        inside = (x - width / 2) ** 2 + (y - height / 2) ** 2 < (width / 3) ** 2
        return bytes(min(255, part + 120) if inside else part for part in colour)

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + b"".join(pixel(x, y) for x in range(width)) for y in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def descriptor(media_type: str, content: bytes, **members) -> dict:
    return {"mediaType": media_type, "size": len(content), "digest": digest_of(content), **members}


def image_config(architecture: str, version: str, layers: int, created: datetime, **config) -> bytes:
    history = [
        {"created": created.isoformat(), "created_by": "/bin/sh -c #(nop) ADD file:4eedf861fb567fffb2694b65e in / "},
        {"created": created.isoformat(), "created_by": f"ENV PKG_VERSION={version}", "empty_layer": True},
        *[
            {"created": created.isoformat(), "created_by": f"RUN /bin/sh -c set -eux; apt-get install -y part{number}={version} # buildkit"}
            for number in range(1, layers)
        ],
        {"created": created.isoformat(), "created_by": 'CMD ["nginx" "-g" "daemon off;"]', "empty_layer": True},
    ]
    return json.dumps({
        "created": created.isoformat(), "architecture": architecture, "os": "linux", "history": history,
        "config": {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin", f"PKG_VERSION={version}"], "Cmd": ["nginx", "-g", "daemon off;"], **config},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(f"{version}{architecture}{number}".encode()) for number in range(layers)]},
    }).encode()


def built(version: str, architecture: str, created: datetime, size: int = 400, layers: int = 4, **config) -> Manifest:
    """An image as a build makes it: a config with history, and layers of different sizes."""
    contents = [random.Random(f"{version}/{architecture}/{number}").randbytes(size * (layers - number) ** 2) for number in range(layers)]
    return image(*contents, config=image_config(architecture, version, layers, created, **config))


def attestation(subject: Manifest) -> Manifest:
    """The provenance and the SBOM that BuildKit puts beside an image (Docker documentation, "Image attestation storage")."""
    statements = {
        "https://slsa.dev/provenance/v0.2": {"predicateType": "https://slsa.dev/provenance/v0.2", "subject": subject.digest},
        "https://spdx.dev/Document": {"predicateType": "https://spdx.dev/Document", "subject": subject.digest},
    }
    bodies = {kind: json.dumps(statement).encode() for kind, statement in statements.items()}
    config = json.dumps({"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {"type": "layers"}}).encode()
    manifest = {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(OCI_CONFIG, config),
        "layers": [descriptor(IN_TOTO, body, annotations={"in-toto.io/predicate-type": kind}) for kind, body in bodies.items()],
    }
    return Manifest(OCI_MANIFEST, json.dumps(manifest).encode(), (config, *bodies.values()))


def multi_platform(version: str, created: datetime, platforms=("linux/amd64", "linux/arm64/v8", "linux/s390x"), attested=True, **options) -> Manifest:
    listed, children = [], []
    for platform in platforms:
        system, architecture, *variant = platform.split("/")
        child = built(version, architecture + "".join(variant), created, **options)
        named = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
        children.append(child)
        listed.append(descriptor(child.media_type, child.body, platform=named))
    for child in list(children) if attested else []:
        proof = attestation(child)
        children.append(proof)
        about = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": child.digest}
        listed.append(descriptor(OCI_MANIFEST, proof.body, platform={"os": "unknown", "architecture": "unknown"}, annotations=about))
    annotations = {
        "org.opencontainers.image.version": version, "org.opencontainers.image.source": "https://github.com/nginx/docker-nginx",
        "org.opencontainers.image.licenses": "BSD-2-Clause", "org.opencontainers.image.url": "https://nginx.org",
        "org.opencontainers.image.revision": digest_of(version.encode())[7:47],
    }
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed, "annotations": annotations}
    return Manifest(OCI_INDEX, json.dumps(body).encode(), children=tuple(children))


def attached(subject: Manifest, artifact_type: str, layer_type: str, content: bytes) -> Manifest:
    """An artifact that refers to a manifest by its `subject` (OCI image specification)."""
    manifest = {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type, "config": descriptor(OCI_EMPTY, b"{}"),
        "layers": [descriptor(layer_type, content)], "subject": descriptor(subject.media_type, subject.body),
    }
    return Manifest(OCI_MANIFEST, json.dumps(manifest).encode(), (b"{}", content))


class Publisher:
    """An account with a registry, and its key."""

    def __init__(self, server: Server, number: int, alias: str, name: str = "", verified: bool = False):
        verifying = ["--verified"] if verified else []
        created = json.loads(server.run("account", "create", f"{number:012}", "--alias", alias, *verifying, "--output", "json"))
        self.server, self.alias = server, alias
        session = server.session(created["accessKeyId"], created["secretAccessKey"])
        self.ecr = session.client("ecr-public", endpoint_url=server.url)
        self.token = self.ecr.get_authorization_token()["authorizationData"]["authorizationToken"]
        if name:
            self.ecr.put_registry_catalog_data(displayName=name)

    def create(self, repository: str, tags: dict[str, str] | None = None, logo: bytes | None = None, **catalog_data) -> None:
        if logo:
            catalog_data["logoImageBlob"] = logo
        described = {"catalogData": catalog_data} if catalog_data else {}
        labels = [{"Key": key, "Value": value} for key, value in (tags or {}).items()]
        self.ecr.create_repository(repositoryName=repository, **described, **({"tags": labels} if labels else {}))

    def request(self, method: str, path: str, body: bytes = b"", media_type: str = "application/octet-stream"):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": media_type}
        return self.server.http.request(method, f"{self.server.url}/v2/{self.alias}/{path}", body=body, headers=headers)

    def push(self, repository: str, manifest: Manifest, *tags: str) -> Manifest:
        for blob in manifest.blobs:
            answer = self.request("POST", f"{repository}/blobs/uploads/?digest={digest_of(blob)}", blob)
            assert answer.status == 201, answer.data
        for child in manifest.children:
            self.push(repository, child)
        for reference in tags or (manifest.digest,):
            answer = self.request("PUT", f"{repository}/manifests/{reference}", manifest.body, manifest.media_type)
            assert answer.status == 201, answer.data
        return manifest

    def sign(self, repository: str, subject: Manifest) -> None:
        """Signs as cosign 2 does: an image under a tag named after the digest."""
        signature = image(json.dumps({"critical": {"image": subject.digest}}).encode())
        body = json.loads(signature.body)
        body["layers"][0]["mediaType"] = SIMPLE_SIGNING
        self.push(repository, Manifest(OCI_MANIFEST, json.dumps(body).encode(), signature.blobs), subject.digest.replace(":", "-") + ".sig")


def pull(server: Server, path: str, times: int, agent: str = "docker/28.3.3 go/go1.24 os/linux arch/amd64") -> None:
    for _ in range(times):
        server.http.request("GET", f"{server.url}/v2/{path}", headers={"User-Agent": agent, "Accept": f"{OCI_INDEX}, {OCI_MANIFEST}"})


def seed_nginx(docker: Publisher, now: datetime) -> Manifest:
    docker.create(
        "library/nginx", logo=png(128, 128, (0, 110, 70)), description="Official build of Nginx.", aboutText=NGINX_ABOUT, usageText=NGINX_USAGE,
        operatingSystems=["Linux"], architectures=["x86-64", "ARM 64"], tags={"roadstead:keywords": "proxy http web server"},
    )
    versions = ["1.25.4", "1.25.5", "1.26.1", "1.26.2", "1.27.0-rc1", "1.27.0", "1.27.1", "1.27.2", "1.27.3"]
    for age, version in enumerate(versions):
        created = now - timedelta(days=14 * (len(versions) - age))
        alpine = docker.push("library/nginx", multi_platform(f"{version}-alpine", created, ("linux/amd64", "linux/arm64/v8"), size=150), f"{version}-alpine")
        plain = multi_platform(version, created, ExposedPorts={"80/tcp": {}}, Entrypoint=["/docker-entrypoint.sh"], StopSignal="SIGQUIT")
        docker.push("library/nginx", plain, version, version.rsplit(".", 1)[0], *(["latest", "mainline"] if version == versions[-1] else []))
        docker.sign("library/nginx", plain)
        docker.sign("library/nginx", alpine)
    for child in plain.children[:3]:
        docker.sign("library/nginx", child)
    docker.push("library/nginx", attached(plain, "application/spdx+json", "application/spdx+json", b'{"spdxVersion":"SPDX-2.3"}'))
    docker.push("library/nginx", attached(plain, SIGSTORE_BUNDLE, SIGSTORE_BUNDLE, b'{"mediaType":"bundle"}'))
    return plain


def seed_artifacts(harbour: Publisher, now: datetime) -> None:
    harbour.create("charts/anchor", description="Keeps a fleet of proxies in place.")
    for version in ("0.9.0", "1.0.0", "1.1.0"):
        config = json.dumps({
            "apiVersion": "v2", "name": "anchor", "version": version, "appVersion": "1.27.3", "description": "Keeps a fleet of proxies in place.",
            "home": "https://anchor.example.org", "sources": ["https://github.com/harbour/anchor"], "type": "application",
            "maintainers": [{"name": "Mary Read", "email": "mary@example.org"}],
            "dependencies": [{"name": "chain", "version": "2.x", "repository": "oci://registry.example.org/charts"}],
        }).encode()
        chart = image(random.Random(version).randbytes(6000), config=config, config_type=HELM_CONFIG)
        body = json.loads(chart.body)
        body["layers"][0]["mediaType"] = CHART_LAYER
        harbour.push("charts/anchor", Manifest(OCI_MANIFEST, json.dumps(body).encode(), chart.blobs), version)
    harbour.create("tide", description="Tide tables as a WebAssembly component.")
    config = json.dumps({
        "created": now.isoformat(), "architecture": "wasm", "os": "wasip2", "layerDigests": [digest_of(b"\0asm")],
        "component": {"exports": ["harbour:tide/table@0.2.0"], "imports": ["wasi:clocks/wall-clock@0.2.0"], "target": "harbour:tide/tide@0.2.0"},
    }).encode()
    wasm = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(WASM_CONFIG, config), "layers": [descriptor("application/wasm", b"\0asm")]}
    harbour.push("tide", Manifest(OCI_MANIFEST, json.dumps(wasm).encode(), (config, b"\0asm")), "0.2.0", "latest")
    readme = {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": MARKDOWN, "config": descriptor(OCI_EMPTY, b"{}"),
        "layers": [descriptor(MARKDOWN, README.encode(), annotations={"org.opencontainers.image.title": "README.md"})],
    }
    harbour.push("tide", Manifest(OCI_MANIFEST, json.dumps(readme).encode(), (b"{}", README.encode())), "readme")
    harbour.create("models/pilot", description="A model that steers.")
    files = {"pilot.gguf": random.Random(1).randbytes(50_000), "LICENSE": b"Apache-2.0"}
    model = {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/vnd.example.pilot", "config": descriptor(OCI_EMPTY, b"{}"),
        "layers": [descriptor("application/octet-stream", content, annotations={"org.opencontainers.image.title": name}) for name, content in files.items()],
        "annotations": {"org.opencontainers.image.description": "A model that steers.", "org.opencontainers.image.created": now.isoformat()},
    }
    harbour.push("models/pilot", Manifest(OCI_MANIFEST, json.dumps(model).encode(), (b"{}", *files.values())), "v1")


def seed_hostile(stranger: Publisher, now: datetime) -> Manifest:
    stranger.create("hostile", description=HOSTILE[:1024], aboutText=HOSTILE_MARKDOWN, usageText=HOSTILE_MARKDOWN, logo=png(64, 64, (160, 20, 20)))
    labels = {"org.opencontainers.image.source": "javascript:alert(1)", "org.opencontainers.image.title": HOSTILE, HOSTILE[:100]: HOSTILE}
    config = json.loads(built("1", "amd64", now, Labels=labels, Entrypoint=[HOSTILE], User=HOSTILE, WorkingDir="/" + "long" * 100).blobs[0])
    config["history"][0]["created_by"] = HOSTILE
    evil = image(b"layer" * 100, config=json.dumps(config).encode(), annotations={HOSTILE[:80]: HOSTILE, "org.opencontainers.image.licenses": HOSTILE})
    listed = [descriptor(evil.media_type, evil.body, platform={"os": "<b>linux", "architecture": HOSTILE[:60]})]
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": listed, "annotations": labels}).encode()
    stranger.push("hostile", evil, "single", "very-long-tag-" + "x" * 110)
    return stranger.push("hostile", Manifest(OCI_INDEX, index, children=(evil,)), "latest", "1.0.0")


def seed(server: Server) -> dict[str, str]:
    """Fills the server. Returns the addresses of what pages cannot be found without: images by their digests."""
    now = datetime.now(timezone.utc).replace(microsecond=0)
    docker = Publisher(server, 1001, "docker", "Docker", verified=True)
    harbour = Publisher(server, 1002, "harbour", "The Harbour Project", verified=True)
    stranger = Publisher(server, 1003, "x9y8z7w6", HOSTILE[:40])
    nginx = seed_nginx(docker, now)
    seed_artifacts(harbour, now)
    hostile = seed_hostile(stranger, now)
    harbour.create("empty", description="Nothing has been pushed here yet.")
    harbour.create("old", {"roadstead:deprecated": "harbour/tide"}, description="The tide tables of last year.")
    harbour.push("old", built("1.0", "amd64", now - timedelta(days=700)), "1.0", "latest")
    names = ["redis", "postgres", "python", "node", "alpine", "busybox", "memcached", "golang", "rabbitmq", "traefik", "haproxy", "mariadb"]
    names += ["ubuntu", "debian", "fedora", "httpd", "caddy", "vault", "consul", "influxdb", "grafana", "telegraf", "registry", "ghost"]
    for number, name in enumerate(names):
        docker.create(f"library/{name}", description=f"Official build of {name.capitalize()}.", architectures=["x86-64"], operatingSystems=["Linux"])
        docker.push(f"library/{name}", multi_platform(f"{number + 1}.2.0", now - timedelta(days=number), attested=number % 2 == 0, size=90), f"{number + 1}.2.0", "latest")
        pull(server, f"docker/library/{name}/manifests/latest", len(names) - number)
    harbour.create("many", description="A repository with many tags.")
    for number in range(130):
        harbour.push("many", image(f"layer {number}".encode(), config=image_config("amd64", f"0.{number}.0", 1, now)), f"0.{number}.0", f"nightly-{number}")
    pull(server, "docker/library/nginx/manifests/latest", 120)
    pull(server, "docker/library/nginx/manifests/1.27.3-alpine", 40)
    pull(server, "docker/library/nginx/manifests/1.27.3", 25, "Renovate/41.0.0 (https://github.com/renovatebot/renovate)")
    return {"nginx": nginx.digest, "platform": nginx.children[1].digest, "hostile": hostile.digest}
