"""An installation with something of everything, and what its clients see of it."""

import hashlib
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

from images import png
from pushing import DOCKER_CONFIG, HELM_CONFIG, OCI_CONFIG, OCI_EMPTY, OCI_LAYER, OCI_MANIFEST, Manifest, Pusher, digest_of, image, index
from running import Server

OTHER_ACCOUNT, OTHER_ALIAS = "111122223333", "harbour"
READ_ONLY = "AmazonElasticContainerRegistryPublicReadOnly"
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr-public:TagResource", "Resource": "*"}]}
PUSH = ("BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage")
LOGIN = {"Effect": "Allow", "Action": ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"], "Resource": "*"}

Keys = dict[str, tuple[str, str]]
"""Access keys and their secrets, by the names of users; that of the other account's root by its alias."""


def populate(server: Server) -> Keys:
    """Fills an empty server."""
    ecr = server.client()
    ecr.put_registry_catalog_data(displayName="The roadstead")
    for alias in (["dock"], ["quay", "--status", "PENDING"]):
        server.run("alias", "add", *alias)
    create_repositories(ecr)
    keys = create_principals(server)
    set_policies(server, ecr)
    pusher = Pusher(server)
    push_images(pusher)
    push_charts(pusher)
    push_what_is_deleted(ecr, pusher)
    begin_uploads(ecr, pusher)
    other = client_of(server, keys[OTHER_ALIAS])
    other.create_repository(repositoryName="pier", catalogData={"description": "A pier"})
    Pusher(server, other).push(f"/v2/{OTHER_ALIAS}/pier", image(b"planks"), "v1")
    return keys


def client_of(server: Server, key: tuple[str, str]):
    return server.session(*key).client("ecr-public", endpoint_url=server.url)


def create_repositories(ecr) -> None:
    catalog = {
        "description": "An application", "architectures": ["x86-64"], "operatingSystems": ["Linux"],
        "aboutText": "# About\n\nIt runs.", "usageText": "Pull it.", "logoImageBlob": png(60),
    }
    tags = [{"Key": "team", "Value": "a"}, {"Key": "roadstead:hidden-tags", "Value": "nightly-"}]
    ecr.create_repository(repositoryName="team/app", catalogData=catalog, tags=tags)
    for name in ("team/charts", "team/empty", "team/gone"):
        ecr.create_repository(repositoryName=name)


def create_principals(server: Server) -> Keys:
    keys = {}
    for user in ("alice", "bob", "carol", "dave"):
        server.run("user", "create", user)
        made = json.loads(server.run("access-key", "create", "--user", user, "--output", "json"))
        keys[user] = made["accessKeyId"], made["secretAccessKey"]
    server.run("policy", "attach", READ_ONLY, "--user", "alice")
    server.run("policy", "attach", "team", "--user", "alice", "--document", "-", text=json.dumps(POLICY))
    login = {"Version": "2012-10-17", "Statement": [LOGIN]}
    server.run("policy", "attach", "login", "--user", "bob", "--document", "-", text=json.dumps(login))
    server.run("access-key", "disable", keys["dave"][0])
    made = json.loads(server.run("account", "create", OTHER_ACCOUNT, "--alias", OTHER_ALIAS, "--verified", "--output", "json"))
    keys[OTHER_ALIAS] = made["accessKeyId"], made["secretAccessKey"]
    return keys


def set_policies(server: Server, ecr) -> None:
    """Policies for everybody, for a user, and for one who is deleted afterwards."""
    own = ecr.describe_registries()["registries"][0]["registryId"]
    everybody = {"Sid": "check", "Effect": "Allow", "Principal": "*", "Action": "ecr-public:BatchCheckLayerAvailability"}
    users = {"AWS": [f"arn:aws:iam::{own}:user/{user}" for user in ("bob", "carol")]}
    pushers = {"Sid": "push", "Effect": "Allow", "Principal": users, "Action": [f"ecr-public:{action}" for action in PUSH]}
    for name, statement in (("team/app", everybody), ("team/charts", pushers)):
        document = {"Version": "2012-10-17", "Statement": [statement]}
        ecr.set_repository_policy(repositoryName=name, policyText=json.dumps(document))
    server.run("user", "delete", "carol")


def noise(seed: str, size: int) -> bytes:
    """Bytes that look random, the same for each seed. They repeat after a while, so that an archive of them is small."""
    period = min(size, 200)
    return (hashlib.shake_128(seed.encode()).digest(period) * (size // period + 1))[:size]


def push_images(pusher: Pusher) -> None:
    shared = noise("shared", 200_000)
    first = image(shared, noise("small", 300), config=b'{"os":"linux","architecture":"amd64"}', docker=True)
    second = image(shared, noise("second", 16 << 10), noise("third", (16 << 10) + 1), config=b'{"os":"linux","architecture":"arm64"}')
    third = image(b"", config=b'{"os":"linux","architecture":"riscv64"}')
    pusher.push("team/app", first, "1.0.0", "latest")
    pusher.push("team/app", second, "1.1.0", "latest", "nightly-1")
    pusher.push("team/app", index(second, third), "multi")
    pusher.push("team/app", index(first, docker=True), "list")
    pusher.push("team/app", of_sha512(pusher, noise("sha512", 20_000)), "sha512")
    pusher.push("team/app", image(noise("untagged", 100)))
    annotations = {"org.example.note": 'with "quotes", a \\ and ü'}
    pusher.push("team/app", referrer(second, "application/vnd.example.signature", b"signature", annotations=annotations))
    pusher.push("team/app", image(b"cosign"), f"sha256-{second.digest.removeprefix('sha256:')}.sig")


def of_sha512(pusher: Pusher, layer: bytes) -> Manifest:
    """An image whose layer has a digest by SHA-512. The layer is pushed here."""
    config, digest = b'{"os":"linux"}', "sha512:" + hashlib.sha512(layer).hexdigest()
    pushed = pusher.request("POST", f"team/app/blobs/uploads/?digest={digest}", layer, Content_Type="application/octet-stream")
    assert pushed.status == 201, pushed.data
    body = {
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "size": len(config), "digest": digest_of(config)},
        "layers": [{"mediaType": OCI_LAYER, "size": len(layer), "digest": digest}],
    }
    return Manifest(OCI_MANIFEST, json.dumps(body).encode(), (config,))


def referrer(subject: Manifest, artifact_type: str, content: bytes, **members) -> Manifest:
    described = {"mediaType": subject.media_type, "size": len(subject.body), "digest": subject.digest}
    return image(content, config=b"{}", config_type=OCI_EMPTY, subject=described, artifactType=artifact_type, **members)


def push_charts(pusher: Pusher) -> None:
    config = b'{"apiVersion":"v2","name":"chart","version":"1.2.3"}'
    pusher.push("team/charts", image(noise("chart", 2_000), config=config, config_type=HELM_CONFIG), "1.2.3")
    pusher.push("team/charts", image(b"# Charts\n\nOne of them.", config=b"{}", config_type=OCI_EMPTY, artifactType="text/markdown"), "readme")


def push_what_is_deleted(ecr, pusher: Pusher) -> None:
    """A tag, an image, and a repository with all that is in it."""
    gone = image(noise("gone", 30_000), config=b'{"gone":true}', config_type=DOCKER_CONFIG)
    pusher.push("team/app", image(noise("kept", 100)), "kept", "untagged")
    pusher.delete("team/app", "untagged")
    pusher.push("team/app", gone, "gone")
    pusher.delete("team/app", gone.digest)
    pusher.push("team/gone", gone, "v1")
    ecr.delete_repository(repositoryName="team/gone", force=True)


def begin_uploads(ecr, pusher: Pusher) -> None:
    """Sessions of both doors that nobody completes, one of which has a file."""
    for content in (noise("begun", 100), noise("begun", 40_000)):
        begun = pusher.request("POST", "team/app/blobs/uploads/", Content_Length="0")
        place = begun.headers["Location"].removeprefix(pusher.server.url)
        assert pusher.request("PATCH", place, content, Content_Type="application/octet-stream").status == 202
    begun = ecr.initiate_layer_upload(repositoryName="team/app")
    part = noise("part", 100)
    ecr.upload_layer_part(repositoryName="team/app", uploadId=begun["uploadId"], partFirstByte=0, partLastByte=len(part) - 1, layerPartBlob=part)


def inventory(server: Server, keys: Keys) -> dict:
    """What the clients of a server see, without its address. Every manifest and every blob of an image is pulled."""
    found = {"catalog": server.client().get_registry_catalog_data()["registryCatalogData"]}
    for alias, ecr in ((server.alias, server.client()), (OTHER_ALIAS, client_of(server, keys[OTHER_ALIAS]))):
        found[alias] = {
            "registries": [without_addresses(registry) for registry in ecr.describe_registries()["registries"]],
            "repositories": {
                repository["repositoryName"]: contents(server, ecr, alias, repository) for repository in ecr.describe_repositories()["repositories"]
            },
        }
    for command in ("account list", "user list", "access-key list", "policy list --user alice", "policy list --user bob"):
        found[command] = sorted(map(json.dumps, without_new_members(json.loads(server.run(*command.split(), "--output", "json")))))
    return found


def without_addresses(registry: dict) -> dict:
    return {key: value for key, value in registry.items() if key != "registryUri"}


def without_new_members(records: list[dict]) -> list[dict]:
    """What identifies records of commands: later versions print more of them."""
    known = ("registryId", "verified", "userName", "accessKeyId", "status", "policyName", "arn", "createdAt")
    return [{key: value for key, value in record.items() if key in known} for record in records]


def contents(server: Server, ecr, alias: str, repository: dict) -> dict:
    name, path = repository["repositoryName"], f"/v2/{alias}/{repository['repositoryName']}"
    catalog = ecr.get_repository_catalog_data(repositoryName=name)["catalogData"]
    logo = catalog.pop("logoUrl", None)
    images = {detail["imageDigest"]: described(server, path, detail) for detail in ecr.describe_images(repositoryName=name)["imageDetails"]}
    return {
        "created": repository["createdAt"].isoformat(),
        "catalog": catalog,
        "logo": digest_of(get(server, urlsplit(logo).path)) if logo else None,
        "resource tags": sorted(ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"], key=lambda tag: tag["Key"]),
        "policy": policy_of(ecr, name),
        "tags": {tag: digest_of(get(server, f"{path}/manifests/{tag}")) for tag in json.loads(get(server, f"{path}/tags/list"))["tags"] or []},
        "images": images,
        "blobs": dict(sorted(blobs_of(server, path, images))),
    }


def described(server: Server, path: str, detail: dict) -> dict:
    digest = detail["imageDigest"]
    referrers = json.loads(get(server, f"{path}/referrers/{digest}"))["manifests"]
    return {
        "tags": sorted(detail.get("imageTags", [])),
        "size": detail["imageSizeInBytes"],
        "pushed": detail["imagePushedAt"].isoformat(),
        "type": detail["imageManifestMediaType"],
        "artifact": detail.get("artifactMediaType"),
        "referrers": sorted(referrers, key=lambda referrer: referrer["digest"]),
    }


def policy_of(ecr, name: str) -> dict | None:
    try:
        return json.loads(ecr.get_repository_policy(repositoryName=name)["policyText"])
    except ecr.exceptions.RepositoryPolicyNotFoundException:
        return None


def blobs_of(server: Server, path: str, manifests: dict) -> Iterator[tuple[str, int]]:
    """The digests and sizes of the configs and layers of these manifests."""
    for manifest in manifests:
        body = json.loads(pull(server, f"{path}/manifests/{manifest}"))
        for blob in [body["config"], *body["layers"]] if "config" in body else []:
            yield blob["digest"], len(pull(server, f"{path}/blobs/{blob['digest']}"))


def pull(server: Server, path: str) -> bytes:
    """What has the digest at the end of this path."""
    content = get(server, path)
    algorithm, _, digest = path.rpartition("/")[2].partition(":")
    assert hashlib.new(algorithm, content).hexdigest() == digest, path
    return content


def get(server: Server, path: str) -> bytes:
    # Clients without a known name are robots, whose pulls do not count.
    answer = server.http.request("GET", server.url + path, headers={"User-Agent": "docker/27.0"})
    assert answer.status == 200, (path, answer.status, answer.data)
    return answer.data
