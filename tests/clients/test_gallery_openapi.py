"""The OpenAPI document of `/api/v1`, held against the answers of every operation."""

import copy
import json
import time

import jsonschema
import pytest

from images import of_two_platforms
from pushing import HELM_CONFIG, Pusher, image
from running import PATIENCE
from services import until

HOSTILE = "</script>\"'<b>&\u202e\u0007"


@pytest.fixture(scope="module")
def server(start_for_module):
    """A publisher with images, a chart, an artifact, an empty repository, and hostile texts."""
    server = start_for_module("--alias", "pier")
    ecr = server.client()
    for name, data in {
        "app": {"description": "An app", "aboutText": "# About", "usageText": "Use it.", "architectures": ["ARM 64"]},
        "hostile": {"description": HOSTILE, "aboutText": HOSTILE, "usageText": HOSTILE, "operatingSystems": [HOSTILE], "architectures": [HOSTILE]},
        "team/chart": {}, "empty": {}, "files": {},
    }.items():
        ecr.create_repository(repositoryName=name, catalogData=data)
    arn = ecr.describe_repositories(repositoryNames=["app"])["repositories"][0]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[
        {"Key": "roadstead:source", "Value": "https://example.org/source"}, {"Key": "roadstead:license", "Value": "Apache-2.0"},
        {"Key": "roadstead:deprecated", "Value": "see pier/other"}, {"Key": "roadstead:hidden-tags", "Value": "nightly-"},
    ])
    pusher = Pusher(server)
    digest = pusher.push("app", of_two_platforms(), "1.0", "1.1", "latest", "nightly-1")
    pusher.push("app", image(b"signature"), digest.replace(":", "-") + ".sig")
    pusher.push("hostile", image(b"x", annotations={"org.opencontainers.image.title": HOSTILE}), "v1")
    chart = json.dumps({"name": "chart", "version": "1.0.0+build", "apiVersion": "v2"}).encode()
    pusher.push("team/chart", image(b"chart", config=chart, config_type=HELM_CONFIG), "1.0.0_build")
    pusher.push("files", image(b"file", artifactType="application/x.file"), "one")
    deadline = time.monotonic() + PATIENCE
    while get(server, "/api/v1/search?q=pier")[1]["total"] != 5:
        assert time.monotonic() < deadline, "the index does not follow"
        time.sleep(0.1)
    return server


def get(server, path, **headers):
    answer = server.http.request("GET", server.url + path, headers=headers)
    return answer.status, json.loads(answer.data) if answer.data else None, answer.headers


@pytest.fixture(scope="module")
def document(server):
    status, document, headers = get(server, "/api/v1/openapi.json")
    assert (status, headers["Content-Type"], headers["Access-Control-Allow-Origin"]) == (200, "application/json", "*")
    return document


def strict(node):
    """The schemas as the server has to keep them: without members that the document does not mention."""
    if isinstance(node, dict):
        for child in node.values():
            strict(child)
        if node.get("type") == "object" and "properties" in node:
            node.setdefault("additionalProperties", False)
    elif isinstance(node, list):
        for child in node:
            strict(child)


@pytest.fixture(scope="module")
def validate(document):
    """Validates an answer as an instance of a schema."""
    checked = copy.deepcopy(document)
    strict(checked["components"]["schemas"])

    def validate(schema, answer):
        wanted = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": f"#/components/schemas/{schema}", "components": checked["components"]}
        validator = jsonschema.Draft202012Validator(wanted, format_checker=jsonschema.FormatChecker())
        assert not [f"{error.json_path}: {error.message}" for error in validator.iter_errors(answer)]

    return validate


def test_every_schema_is_one_and_every_reference_leads_somewhere(document):
    assert document["openapi"].startswith("3.1.")
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)

    def walk(node):
        if isinstance(node, dict):
            if "$ref" in node:
                found = document
                for part in node["$ref"].removeprefix("#/").split("/"):
                    found = found[part]
            node = list(node.values())
        for child in node if isinstance(node, list) else []:
            walk(child)

    walk(document)


# Each operation, and requests that show what it can answer.
REQUESTS = {
    "search": ["/search", "/search?q=app", "/search?q=zzzzqq", "/search?kind=chart&sort=name", "/search?arch=ARM+64&os=Linux&limit=1", f"/search?q={HOSTILE}"],
    "getPublisher": ["/publishers/pier", "/publishers/pier?limit=2"],
    "getRepository": [f"/repositories/pier/{name}" for name in ("app", "hostile", "team/chart", "empty", "files")],
    "listTags": [f"/repositories/pier/{name}/-/tags" for name in ("app", "hostile", "team/chart", "empty", "files")]
    + [f"/repositories/pier/app/-/tags?{query}" for query in ("sort=version&limit=1", "sort=name", "hidden=true", "q=1.")],
    "getImage": [f"/repositories/pier/{image}" for image in
                 ("app/-/images/1.0", "app/-/images/1.0?platform=linux/arm64", "hostile/-/images/v1", "team/chart/-/images/1.0.0_build", "files/-/images/one")],
    "getPulls": [f"/repositories/pier/app/-/pulls{query}" for query in ("", "?by=day", "?by=tag", "?by=image", "?from=2026-01-01&to=2026-01-31")],
}


@pytest.fixture(scope="module")
def operations(document):
    return {operation["get"]["operationId"]: (path, operation["get"]) for path, operation in document["paths"].items()}


def test_the_document_has_the_operations_that_are_tested_here(operations):
    assert operations.keys() == REQUESTS.keys()


def is_not_sent_again(server, path) -> bool:
    tag = get(server, path)[2]["ETag"]
    return get(server, path, **{"If-None-Match": tag})[:2] == (304, None)


@pytest.mark.parametrize("operation", REQUESTS)
def test_every_answer_is_as_the_document_says(operations, validate, server, operation):
    _, described = operations[operation]
    schema = described["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    for path in REQUESTS[operation]:
        status, answer, headers = get(server, "/api/v1" + path)
        assert status == 200, (path, answer)
        assert headers["Access-Control-Allow-Origin"] == "*"
        validate(schema, answer)
        # The index may still learn more about what was just pushed.
        until(lambda: is_not_sent_again(server, "/api/v1" + path), f"an unchanged answer of {path}")


@pytest.mark.parametrize("path", ["/publishers/nobody", "/repositories/pier/none", "/repositories/pier/none/-/tags", "/repositories/pier/app/-/images/none",
                                  "/repositories/pier/none/-/pulls", "/nothing"])
def test_what_does_not_exist_is_a_problem_and_not_a_page(validate, server, path):
    status, answer, headers = get(server, "/api/v1" + path)
    assert (status, headers["Content-Type"], headers["Access-Control-Allow-Origin"]) == (404, "application/problem+json", "*")
    validate("Problem", answer)


@pytest.mark.parametrize("query", ["/search?limit=0", "/search?sort=age", "/repositories/pier/app/-/tags?limit=x", "/repositories/pier/app/-/tags?sort=age",
                                   "/repositories/pier/app/-/pulls?by=hour", "/repositories/pier/app/-/pulls?from=yesterday"])
def test_a_senseless_query_is_refused_with_its_reason(validate, server, query):
    status, answer, _ = get(server, "/api/v1" + query)
    assert status == 400, answer
    validate("Problem", answer)


@pytest.mark.parametrize("path, member, key", [
    ("/search?q=pier&limit=2", "results", "name"),
    ("/search?limit=1&sort=name", "results", "name"),
    ("/publishers/pier?limit=2", "repositories", "name"),
    ("/repositories/pier/app/-/tags?limit=1", "tags", "name"),
    ("/repositories/pier/app/-/tags?limit=2&sort=version&hidden=1", "tags", "name"),
    ("/repositories/pier/app/-/tags?limit=1&sort=name&q=1.", "tags", "name"),
])
def test_next_leads_through_the_whole_list(server, path, member, key):
    whole = get(server, "/api/v1" + path.replace("limit=1", "limit=100").replace("limit=2", "limit=100"))[1]
    walked, url = [], server.url + "/api/v1" + path
    while url:
        page = get(server, url.removeprefix(server.url))[1]
        walked += [entry[key] for entry in page[member]]
        url = page.get("next")
        assert len(walked) <= 100
    assert walked == [entry[key] for entry in whole[member]] and len(walked) > 1


def test_the_members_of_a_repository_mean_what_their_names_say(server):
    app = get(server, "/api/v1/repositories/pier/app")[1]
    assert app["uri"] == f"{server.address}/pier/app"
    assert app["url"] == f"{server.url}/pier/app"
    assert (app["kind"], app["tagCount"], app["hiddenTagCount"]) == ("image", 3, 1)
    assert app["deprecated"] == "see pier/other"
    assert (app["links"]["source"], app["license"]) == ("https://example.org/source", "Apache-2.0")
    assert app["about"] == "# About"
    assert set(app["architectures"]) == {"ARM 64", "x86-64"}
    (tag, *_) = get(server, "/api/v1/repositories/pier/app/-/tags?q=1.1")[1]["tags"]
    assert [f"{entry['os']}/{entry['architecture']}" for entry in tag["platforms"]] == ["linux/amd64", "linux/arm64"]
    assert (tag["attached"]["signatures"], sorted(tag["sameAs"])) == (True, ["1.0", "latest"])
    assert "hostile" in get(server, "/api/v1/search?q=hostile")[1]["results"][0]["name"]
    assert get(server, "/api/v1/repositories/pier/hostile")[1]["description"] == HOSTILE


def test_pulls_are_told_as_csv_too(server):
    answer = server.http.request("GET", f"{server.url}/api/v1/repositories/pier/app/-/pulls?format=csv")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert answer.data.decode().splitlines()[0] == "day,pulls,robots"
