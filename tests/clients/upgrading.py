"""Data directories as earlier versions wrote them, named by the state of the schema, in `upgrade/`.

`python upgrading.py STATE` makes one with the server that ROADSTEAD_BIN names: run it before a migration is added, so that the state before
the migration is kept.
"""

import contextlib
import json
import os
import random
import sys
import tarfile
import tempfile
from pathlib import Path

from pushing import DOCKER_CONFIG, HELM_CONFIG, Manifest, Pusher, digest_of, image, index
from running import Server

FOLDER = Path(__file__).parent / "upgrade"
EXPECTED = "expected.json"
ACCOUNT = "111122223333"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr-public:Describe*", "Resource": "*"}]}
REPOSITORY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "push", "Effect": "Allow", "Principal": "*", "Action": "ecr-public:BatchCheckLayerAvailability"}],
}


def states() -> list[str]:
    return sorted(file.name.removesuffix(".tar.xz") for file in FOLDER.glob("*.tar.xz"))


def unpack(state: str, folder: Path) -> tuple[Path, dict]:
    """The data directory of this state, and what is in it."""
    with tarfile.open(FOLDER / f"{state}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "data", json.loads((folder / EXPECTED).read_text())


def inventory(server: Server) -> dict:
    """What the clients of a server see, without addresses, which differ."""
    ecr = server.client()
    found = {"repositories": {}, "catalog": ecr.get_registry_catalog_data()["registryCatalogData"]}
    for repository in ecr.describe_repositories()["repositories"]:
        name = repository["repositoryName"]
        catalog = ecr.get_repository_catalog_data(repositoryName=name)["catalogData"]
        images = ecr.describe_images(repositoryName=name)["imageDetails"]
        found["repositories"][name] = {
            "created": repository["createdAt"].isoformat(),
            "catalog": {key: value for key, value in catalog.items() if not key.startswith("logo")},
            "tags": ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"],
            "policy": policy_of(ecr, name),
            "images": {detail["imageDigest"]: described(detail) for detail in images},
            "blobs": blobs_of(server, name, [detail["imageDigest"] for detail in images]),
        }
    for command in ("account list", "user list", "access-key list", "policy list --user alice"):
        found[command] = sorted(map(json.dumps, without_new_members(json.loads(server.run(*command.split(), "--output", "json")))))
    return found


def without_new_members(records: list[dict]) -> list[dict]:
    """What identifies records: later versions print more of them."""
    return [{key: value for key, value in record.items() if key in ("id", "account", "name", "access_key_id", "user", "policy")} for record in records]


def described(detail: dict) -> dict:
    return {
        "tags": sorted(detail.get("imageTags", [])),
        "size": detail["imageSizeInBytes"],
        "pushed": detail["imagePushedAt"].isoformat(),
        "type": detail["imageManifestMediaType"],
    }


def policy_of(ecr, name: str) -> str | None:
    with contextlib.suppress(ecr.exceptions.RepositoryPolicyNotFoundException):
        return json.loads(ecr.get_repository_policy(repositoryName=name)["policyText"])
    return None


def blobs_of(server: Server, name: str, manifests: list[str]) -> dict[str, int]:
    """The digests and sizes of the layers and configs of these manifests, all of which are pulled."""
    def pull(path: str) -> bytes:
        answer = server.http.request("GET", f"{server.url}/v2/{server.alias}/{name}/{path}")
        assert answer.status == 200, (path, answer.status)
        assert digest_of(answer.data) == path.rpartition("/")[2], path
        return answer.data

    sizes = {}
    for manifest in manifests:
        body = json.loads(pull(f"manifests/{manifest}"))
        for blob in [body["config"], *body["layers"]] if "config" in body else []:
            sizes[blob["digest"]] = len(pull(f"blobs/{blob['digest']}"))
    return sizes


def populate(server: Server) -> None:
    ecr, choice = server.client(), random.Random(0)
    ecr.put_registry_catalog_data(displayName="The harbour")
    catalog = {"description": "An application", "architectures": ["x86-64"], "operatingSystems": ["Linux"], "aboutText": "# About\n\nIt runs.",
               "usageText": "Pull it."}
    ecr.create_repository(repositoryName="team/app", catalogData=catalog, tags=[{"Key": "team", "Value": "a"}])
    ecr.create_repository(repositoryName="team/charts")
    ecr.set_repository_policy(repositoryName="team/app", policyText=json.dumps(REPOSITORY_POLICY))
    server.run("user", "create", "alice")
    server.run("access-key", "create", "--user", "alice")
    server.run("policy", "attach", "AmazonElasticContainerRegistryPublicReadOnly", "--user", "alice")
    server.run("policy", "attach", "team", "--user", "alice", "--document", "-", text=json.dumps(POLICY))
    server.run("account", "create", ACCOUNT, "--alias", "harbour")

    pusher = Pusher(server)
    large, small = 200 * choice.randbytes(1_000), choice.randbytes(300)
    first = image(large, small, config=b'{"os":"linux","architecture":"amd64"}', docker=True)
    second = image(large, 30 * choice.randbytes(1_000), config=b'{"os":"linux","architecture":"arm64"}')
    pusher.push("team/app", first, "v1", "latest")
    pusher.push("team/app", second, "v2", "latest", "gone")
    pusher.delete("team/app", "gone")
    pusher.push("team/app", index(second, image(small, config=b'{"os":"linux","architecture":"riscv64"}')), "multi")
    pusher.push("team/app", signature_of(second))
    pusher.push("team/charts", image(choice.randbytes(2_000), config=b'{"name":"chart","version":"1.2.3"}', config_type=HELM_CONFIG), "1.2.3")
    begun = pusher.request("POST", "team/app/blobs/uploads/", Content_Length="0")
    place = begun.headers["Location"].removeprefix(server.url)
    assert pusher.request("PATCH", place, b"unfinished", Content_Type="application/octet-stream").status == 202


def signature_of(subject: Manifest) -> Manifest:
    described = {"mediaType": subject.media_type, "size": len(subject.body), "digest": subject.digest}
    return image(b"signature", config=b"{}", config_type=DOCKER_CONFIG, subject=described, artifactType="application/vnd.example.signature")


def make(state: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data", "--alias", "harbours")
        populate(server)
        expected = inventory(server)
        assert server.stop() == 0
        Path(folder, EXPECTED).write_text(json.dumps(expected, indent=1))
        FOLDER.mkdir(exist_ok=True)
        with tarfile.open(FOLDER / f"{state}.tar.xz", "w:xz") as archive:
            for name in ("data", EXPECTED):
                archive.add(Path(folder, name), name, filter=anonymous)


def anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    os.umask(0o077)
    make(sys.argv[1])
