"""The page of an image names what real clients attach to it, once, and its commands are those that real clients understand."""

import html
import re
import shlex

import pytest

from images import of_two_platforms
from pushing import image
from tools import go_tool


@pytest.fixture
def text(server, repository):
    """Fetches a page of the repository."""

    def fetch(path: str) -> str:
        answer = server.http.request("GET", f"{server.url}/{server.alias}/{repository}{path}")
        assert answer.status == 200, answer.data
        return html.unescape(answer.data.decode())

    return fetch


@pytest.mark.parametrize("referrers", [False, True], ids=["under a tag", "as a referrer"])
def test_a_signature_of_cosign_is_attached_and_no_tag(server, repository, pusher, text, tmp_path, referrers):
    cosign = go_tool("cosign", tmp_path, COSIGN_PASSWORD="secret", COSIGN_EXPERIMENTAL="1")
    cosign("generate-key-pair")
    cosign("login", server.address, "--username", "AWS", "--password-stdin", text=server.password())
    digest = pusher.push(repository, of_two_platforms(), "v1")
    mode = ["--registry-referrers-mode=oci-1-1"] if referrers else []
    plain = ("--allow-insecure-registry", "--allow-http-registry")
    cosign("sign", *mode, "--key", "cosign.key", "--tlog-upload=false", "--yes", *plain, f"{server.address}/{server.alias}/{repository}@{digest}")
    page = text(":v1")
    assert "Signature attached" in page and "cosign verify --certificate-identity" in page
    assert page.count('<th scope="row">Signature') == 1
    assert "unknown/unknown" not in page
    assert "sha256-" not in text("/-/tags")


def test_what_oras_attaches_is_named_and_pulled_by_its_own_page(server, repository, pusher, text, tmp_path):
    oras = go_tool("oras", tmp_path)
    oras("login", "--plain-http", server.address, "--username", "AWS", "--password-stdin", text=server.password())
    digest = pusher.push(repository, image(b"a layer"), "v1")
    (tmp_path / "sbom.json").write_text("{}")
    name = f"{server.address}/{server.alias}/{repository}@{digest}"
    oras("attach", "--plain-http", "--artifact-type", "application/spdx+json", name, "sbom.json:application/spdx+json")
    page = text(":v1")
    assert page.count('<th scope="row">SBOM') == 1 and ">sbom.json</a>" in page
    attached = next(found for found in re.findall(rf"/{repository}(@sha256:[0-9a-f]+)", page) if found != f"@{digest}")
    own = text(attached)
    assert "This is attached to" in own
    command = re.search(r'<code id="pull">(.*?)</code>', own)[1]
    (tmp_path / "sbom.json").unlink()
    oras(*shlex.split(command)[1:])
    assert (tmp_path / "sbom.json").read_text() == "{}"


def test_the_command_of_a_chart_pulls_it(server, repository, text, tmp_path):
    helm, (folder, name) = go_tool("helm", tmp_path), repository.split("/")
    packed = tmp_path / f"{name}-1.2.3+build.7.tgz"
    helm("create", name)
    helm("package", name, "--version", "1.2.3+build.7")
    helm("registry", "login", "--plain-http", server.address, "--username", "AWS", "--password-stdin", text=server.password())
    helm("push", "--plain-http", packed, f"oci://{server.address}/{server.alias}/{folder}")
    page = text(":1.2.3_build.7")
    assert "Helm chart" in page and "1.16.0" in page, "the version of the application that `helm create` writes"
    for identifier in ("pull", "pull-pinned"):
        packed.unlink()
        command = re.search(rf'<code id="{identifier}">(.*?)</code>', page)[1]
        helm(*shlex.split(command)[1:])
        (pulled,) = tmp_path.glob("*.tgz")
        pulled.rename(packed)
