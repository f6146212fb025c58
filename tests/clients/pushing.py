"""Pushes images to `/v2/` with plain HTTP requests, so that tests control every byte."""

import hashlib
import json
from dataclasses import dataclass

from running import Server

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Manifest:
    """A manifest and the blobs or manifests that it references."""

    media_type: str
    body: bytes
    blobs: tuple[bytes, ...] = ()
    children: tuple["Manifest", ...] = ()

    @property
    def digest(self) -> str:
        return digest_of(self.body)

    @property
    def size(self) -> int:
        """The compressed size, as AWS counts it."""
        own = sum(map(len, self.blobs))
        return max((child.size for child in self.children), default=own)


def _descriptor(media_type: str, content: bytes) -> dict:
    return {"mediaType": media_type, "size": len(content), "digest": digest_of(content)}


def image(*layers: bytes, config: bytes = b"{}", docker: bool = False, config_type: str | None = None, **members) -> Manifest:
    """An image of these layers. `members` are added to the manifest."""
    media_type = DOCKER_MANIFEST if docker else OCI_MANIFEST
    body = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": _descriptor(config_type or (DOCKER_CONFIG if docker else OCI_CONFIG), config),
        "layers": [_descriptor(DOCKER_LAYER if docker else OCI_LAYER, layer) for layer in layers],
        **members,
    }
    return Manifest(media_type, json.dumps(body).encode(), (config, *layers))


def index(*children: Manifest, docker: bool = False, **members) -> Manifest:
    """An index (Docker: manifest list) of these manifests."""
    media_type = DOCKER_LIST if docker else OCI_INDEX
    platforms = ("amd64", "arm64", "riscv64", "s390x")
    listed = [
        {**_descriptor(child.media_type, child.body), "platform": {"os": "linux", "architecture": architecture}}
        for child, architecture in zip(children, platforms)
    ]
    body = {"schemaVersion": 2, "mediaType": media_type, "manifests": listed, **members}
    return Manifest(media_type, json.dumps(body).encode(), children=children)


class Pusher:
    """A client with push permission, using the token of GetAuthorizationToken as bearer token."""

    def __init__(self, server: Server, client=None):
        """Authenticates as the account's root, or as the principal of `client`."""
        self.server = server
        token = (client or server.client()).get_authorization_token()["authorizationData"]["authorizationToken"]
        self.headers = {"Authorization": f"Bearer {token}"}

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str):
        """Sends a request; `path` is relative to the registry's alias, or absolute if it starts with a slash."""
        url = self.server.url + (path if path.startswith("/") else f"/v2/{self.server.alias}/{path}")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.server.http.request(method, url, body=body, headers={**self.headers, **named})

    def push_blob(self, repository: str, content: bytes) -> str:
        digest = digest_of(content)
        begun = self.request("POST", f"{repository}/blobs/uploads/", Content_Length="0")
        assert begun.status == 202, begun.data
        place = begun.headers["Location"].removeprefix(self.server.url)
        place += ("&" if "?" in place else "?") + f"digest={digest}"
        ended = self.request("PUT", place, content, Content_Type="application/octet-stream")
        assert ended.status == 201, ended.data
        return digest

    def put_manifest(self, repository: str, manifest: Manifest, reference: str):
        return self.request("PUT", f"{repository}/manifests/{reference}", manifest.body, Content_Type=manifest.media_type)

    def push(self, repository: str, manifest: Manifest, *tags: str) -> str:
        """Pushes a manifest and everything it references: by its tags, or by digest if it has none."""
        for blob in manifest.blobs:
            self.push_blob(repository, blob)
        for child in manifest.children:
            self.push(repository, child)
        for reference in tags or (manifest.digest,):
            answer = self.put_manifest(repository, manifest, reference)
            assert answer.status == 201, answer.data
            assert answer.headers["Docker-Content-Digest"] == manifest.digest
        return manifest.digest

    def delete(self, repository: str, reference: str) -> None:
        answer = self.request("DELETE", f"{repository}/manifests/{reference}")
        assert answer.status == 202, answer.data


def push_layer_through_api(ecr, repository: str, content: bytes) -> str:
    """Pushes a layer through the AWS API only, in parts of the size that the service requests."""
    begun = ecr.initiate_layer_upload(repositoryName=repository)
    for first in range(0, len(content), begun["partSize"]):
        part = content[first : first + begun["partSize"]]
        ecr.upload_layer_part(
            repositoryName=repository, uploadId=begun["uploadId"], partFirstByte=first, partLastByte=first + len(part) - 1, layerPartBlob=part
        )
    done = ecr.complete_layer_upload(repositoryName=repository, uploadId=begun["uploadId"], layerDigests=[digest_of(content)])
    return done["layerDigest"]


def push_through_api(ecr, repository: str, manifest: Manifest, *tags: str) -> str:
    """Pushes an image through the AWS API only, with its tags or without any."""
    found = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest_of(blob) for blob in manifest.blobs])
    missing = {failure["layerDigest"] for failure in found["failures"]}
    for blob in manifest.blobs:
        if digest_of(blob) in missing:
            push_layer_through_api(ecr, repository, blob)
    for tag in [{"imageTag": tag} for tag in tags] or [{}]:
        ecr.put_image(repositoryName=repository, imageManifest=manifest.body.decode(), **tag)
    return manifest.digest
