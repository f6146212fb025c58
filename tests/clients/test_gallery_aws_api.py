"""AWS's gallery operations, called by the code of public clients with only the host replaced."""

import json
import subprocess
import time

import pytest

from pushing import Pusher, image
from running import PATIENCE
from tools import need


@pytest.fixture(scope="module")
def gallery(start_for_module):
    """A verified publisher with 30 repositories; `tool-7` has three tags and a signature."""
    server = start_for_module("--alias", "biocontainers")
    ecr = server.client()
    for number in range(30):
        ecr.create_repository(
            repositoryName=f"tool-{number}",
            catalogData={"description": f"Tool {number}", "operatingSystems": ["Linux"], "architectures": ["ARM 64"]},
        )
    ecr.put_registry_catalog_data(displayName="BioContainers")
    (account,) = json.loads(server.run("account", "list", "--output", "json"))
    server.run("account", "verify", account["registryId"], "on")
    pusher = Pusher(server)
    digest = pusher.push("tool-7", image(b"layer"), "1.0", "1.1", "latest")
    pusher.push("tool-7", image(b"signature"), digest.replace(":", "-") + ".sig")
    return server


def post(server, operation, **members):
    """As most clients call: JSON without a content type."""
    answer = server.http.request("POST", f"{server.url}/{operation}", body=json.dumps(members).encode())
    return answer.status, json.loads(answer.data)


def wait_for_search(server, term, number):
    """The index follows changes within a second or so."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        status, found = post(server, "searchRepositoryCatalogData", searchTerm=term)
        assert status == 200, found
        if found["totalResults"] == number:
            return found
        time.sleep(0.1)
    raise AssertionError(found)


def test_download_statistics_as_multiqc_collects_them(gallery):
    """MultiQC asks with a raw JSON body and reads one number."""
    Pusher(gallery).request("GET", "tool-7/manifests/1.0")
    body = '{"registryAliasName": "biocontainers", "repositoryName": "tool-7"}'
    answer = gallery.http.request("POST", f"{gallery.url}/getRepositoryCatalogData", body=body)
    assert answer.status == 200
    assert isinstance(json.loads(answer.data)["insightData"]["downloadCount"], int)


def package_names(server, page_size):
    """ecosyste.ms walks the whole list by `nextToken`."""
    names, token = [], None
    while True:
        members = {"sortConfiguration": {"sortKey": "POPULARITY"}, "maxResults": page_size, **({"nextToken": token} if token else {})}
        status, page = post(server, "searchRepositoryCatalogData", **members)
        assert status == 200, page
        names += [f"{found['primaryRegistryAliasName']}/{found['repositoryName']}" for found in page["repositoryCatalogSearchResultList"]]
        token = page.get("nextToken")
        if not token:
            return names
        assert len(names) < 1000


def test_all_packages_as_ecosystems_walks_them(gallery):
    wait_for_search(gallery, "biocontainers", 30)
    expected = sorted(f"biocontainers/tool-{number}" for number in range(30))
    for page_size in (7, 100):
        assert sorted(package_names(gallery, page_size)) == expected


def test_a_package_as_ecosystems_maps_it(gallery):
    found = wait_for_search(gallery, "tool-7", 1)
    (package,) = found["repositoryCatalogSearchResultList"]
    assert package == {
        "repositoryName": "tool-7",
        "primaryRegistryAliasName": "biocontainers",
        "displayName": "BioContainers",
        "registryVerified": True,
        "repositoryDescription": "Tool 7",
        "operatingSystems": ["Linux"],
        "architectures": ["ARM 64"],
        "downloadCount": package["downloadCount"],
    }
    _, catalog = post(gallery, "getRepositoryCatalogData", registryAliasName="biocontainers", repositoryName="tool-7")
    assert catalog["catalogData"] == {"description": "Tool 7", "operatingSystems": ["Linux"], "architectures": ["ARM 64"]}
    _, publisher = post(gallery, "getRegistryCatalogData", registryAliasName="biocontainers")
    assert publisher == {"registryCatalogData": {"displayName": "BioContainers"}}
    assert post(gallery, "getRepositoryCatalogData", registryAliasName="biocontainers", repositoryName="none")[0] == 400


def test_a_shell_script_finds_the_newest_version(gallery):
    """The shape of many scripts in public repositories: curl, and jq over `imageTagDetails`."""
    need("curl", root=False)
    need("jq", root=False)
    script = """curl --silent --fail --request POST "$URL/describeImageTags" \
        --data '{"registryAliasName": "biocontainers", "repositoryName": "tool-7", "maxResults": 1000}' |
        jq -r '[.imageTagDetails[] | select(.imageTag | test("^[0-9]+[.][0-9]+$"))] | sort_by(.createdAt)[-1]
            | .imageTag + " " + (.createdAt | sub("[.][0-9]+Z$"; "Z") | fromdateiso8601 | type)'"""
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], env={"URL": gallery.url, "PATH": "/usr/bin:/bin"},
                          capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "1.1 number\n"), done.stderr


def test_the_tags_of_an_image_are_all_there_signatures_too(gallery):
    status, page = post(gallery, "describeImageTags", registryAliasName="biocontainers", repositoryName="tool-7", maxResults=1000)
    assert (status, "nextToken" in page) == (200, False)
    tags = {detail["imageTag"]: detail["imageDetail"] for detail in page["imageTagDetails"]}
    digest = tags["1.0"]["imageDigest"]
    assert set(tags) == {"1.0", "1.1", "latest", digest.replace(":", "-") + ".sig"}
