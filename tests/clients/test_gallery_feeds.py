"""Atom feeds, badges and the sitemap, read by libraries that people use."""

import time
import xml.etree.ElementTree as ElementTree

import feedparser
import pytest

from pushing import Pusher, image
from running import PATIENCE

HOSTILE = "]]></title><script>alert(1)</script>&\u202e\u0001\ufffe"


@pytest.fixture(scope="module")
def gallery(start_for_module):
    server = start_for_module("--alias", "pier")
    ecr = server.client()
    for name, tags in {"app": {}, "other": {}, "secret": {"roadstead:unlisted": "true"}}.items():
        ecr.create_repository(repositoryName=name, catalogData={"description": HOSTILE}, tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    arn = ecr.describe_repositories(repositoryNames=["app"])["repositories"][0]["repositoryArn"]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "roadstead:hidden-tags", "Value": "nightly-"}])
    pusher = Pusher(server)
    digest = pusher.push("app", image(b"first"), "1.0")
    pusher.push("app", image(b"second"), "1.1", "nightly-1")
    pusher.push("app", image(b"signature"), digest.replace(":", "-") + ".sig")
    pusher.push("other", image(b"third"), "2.0")
    pusher.push("secret", image(b"fourth"), "3.0")
    deadline = time.monotonic() + PATIENCE
    while len(titles(read(server, "/-/feed.atom"))) < 3:
        assert time.monotonic() < deadline, "the index does not follow"
        time.sleep(0.1)
    return server


def read(server, path):
    answer = server.http.request("GET", server.url + path)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/atom+xml; charset=utf-8")
    ElementTree.fromstring(answer.data)
    feed = feedparser.parse(answer.data, response_headers={"content-type": answer.headers["Content-Type"]})
    assert (feed.bozo, feed.version) == (False, "atom10"), feed.get("bozo_exception")
    return feed


def titles(feed):
    return [entry.title for entry in feed.entries]


def test_a_feed_of_a_repository_has_its_listed_tags_newest_first(gallery):
    feed = read(gallery, "/pier/app/-/feed.atom")
    assert titles(feed) == ["pier/app:1.1", "pier/app:1.0"]
    (newest, _) = feed.entries
    assert newest.link == f"{gallery.url}/pier/app:1.1"
    assert newest.id.startswith(f"{gallery.url}/pier/app:1.1@sha256:")
    assert newest.updated_parsed is not None and feed.feed.updated == newest.updated
    assert newest.author == "pier"


def test_feeds_of_publisher_and_registry_leave_out_what_owners_hide(gallery):
    expected = ["pier/other:2.0", "pier/app:1.1", "pier/app:1.0"]
    for path in ("/-/feed.atom", "/pier/-/feed.atom"):
        assert titles(read(gallery, path)) == expected


def test_the_sitemap_leads_to_every_listed_repository(gallery):
    space = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
    index = ElementTree.fromstring(gallery.http.request("GET", f"{gallery.url}/-/sitemap.xml").data)
    (file,) = [place.text for place in index.findall("s:sitemap/s:loc", space)]
    entries = ElementTree.fromstring(gallery.http.request("GET", file).data)
    places = [place.text for place in entries.findall("s:url/s:loc", space)]
    assert places == [f"{gallery.url}/pier/app", f"{gallery.url}/pier/other"]
    for place in places:
        assert gallery.http.request("GET", place).status == 200
    robots = gallery.http.request("GET", f"{gallery.url}/robots.txt").data.decode()
    assert f"Sitemap: {gallery.url}/-/sitemap.xml" in robots


@pytest.mark.parametrize("name", ["tag", "size", "pulls", "platforms", "signed"])
def test_badges_are_pictures_and_documents_for_shields_io(gallery, name):
    for repository in ("app", "none"):
        picture = gallery.http.request("GET", f"{gallery.url}/pier/{repository}/-/badge/{name}.svg")
        assert (picture.status, picture.headers["Content-Type"]) == (200, "image/svg+xml")
        root = ElementTree.fromstring(picture.data)
        assert root.tag == "{http://www.w3.org/2000/svg}svg" and root.get("aria-label")
        document = gallery.http.request("GET", f"{gallery.url}/pier/{repository}/-/badge/{name}.json")
        badge = document.json()
        # https://shields.io/badges/endpoint-badge, where only a status of 200 is shown.
        assert (document.status, badge["schemaVersion"]) == (200, 1)
        assert badge["label"] and badge["message"]
        assert root.get("aria-label") == f"{badge['label']}: {badge['message']}"
    assert gallery.http.request("GET", f"{gallery.url}/pier/app/-/badge/other.svg").status == 404
