"""Heads of the maximum length that are expensive to parse before authentication."""

from pushing import Pusher, image
from victim import is_served

LONGEST = 30_000  # bytes; a head may have 32 KiB


def filled(item: str) -> str:
    return item * (LONGEST // len(item))


def test_lists_in_a_head_are_looked_through_once_and_those_of_a_write_are_short(start):
    server = start("--create-on-push")
    pusher = Pusher(server)
    pushed = image(b"layer")
    pusher.push("app", pushed, "v1")
    app = f"/v2/{server.alias}/app"
    manifest, blob = f"{app}/manifests/v1", f"{app}/blobs/" + pusher.push_blob("app", b"x" * 5000)

    def status(method, path, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return server.http.request(method, server.url + path, headers=named).status

    different_tags = "&".join(f"tag=t{number}" for number in range(2_500))
    presigned = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20200101T000000Z&X-Amz-Expires=9&X-Amz-SignedHeaders=host&X-Amz-Signature=0"
    key = server.key()[0]
    for _ in range(5):
        assert status("PUT", f"{manifest}?{different_tags}") == 401
        assert status("PUT", f"{manifest}?{different_tags}", **pusher.headers) == 414
        assert status("PUT", f"{manifest}?{filled('a&')}") == 401
        assert status("GET", f"{app}/tags/list?{filled('n&')}") == 200
        assert status("GET", manifest, If_None_Match=filled("a,")) == 200
        assert status("GET", blob, Range="bytes=" + filled("0-0,")) == 200, "too many ranges are ignored"
        assert status("GET", blob, Range="bytes=" + ",".join(["0-4999"] * 64)) == 206
        assert status("GET", f"/token?scope={filled('repository:a/b:pull%20')}") == 200
        assert status("GET", f"/token?{filled('scope=a&')}") == 200
        scope = f"{key}/20200101/us-east-1/ecr-public/aws4_request"
        assert status("POST", f"/?{presigned}&X-Amz-Credential={scope}&{filled('b&')}", X_Amz_Target="SpencerFrontendService.DescribeRegistries") == 400
        signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={filled('a;')}, Signature=0"
        assert status("POST", "/", Authorization=signed, X_Amz_Target="SpencerFrontendService.DescribeRegistries") == 400
    assert is_served(server)


def test_many_parts_of_a_blob_are_never_more_than_the_blob_and_their_heads(start):
    server = start("--create-on-push")
    size = 1 << 20
    digest = Pusher(server).push_blob("app", bytes(size))
    path = f"{server.url}/v2/{server.alias}/app/blobs/{digest}"
    for ranges in (["0-"] * 64, [f"0-{size - 1}", *[f"{start}-" for start in range(63)]], [f"{start}-{start}" for start in range(0, 128, 2)]):
        answer = server.http.request("GET", path, headers={"Range": "bytes=" + ",".join(ranges)})
        assert answer.status == 206
        assert len(answer.data) <= size + 64 * 200
