"""A roadstead server under measurement, and the requests that fill it."""

import concurrent.futures
import configparser
import datetime
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import re
import subprocess
import tempfile
import time

BINARY = os.environ.get("ROADSTEAD_BIN", "target/release/roadstead")
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Server:
    """Runs the binary on a free loopback port, in a folder of its own."""

    def __init__(self, data=None):
        self.folder = tempfile.TemporaryDirectory(prefix="roadstead-bench-") if data is None else None
        self.data = pathlib.Path(data or self.folder.name)
        self.start()

    def start(self):
        begun = time.perf_counter()
        command = [BINARY, "serve", "--listen", "127.0.0.1:0", "--data", str(self.data)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ROADSTEAD_")}
        environment["ROADSTEAD_LOG"] = "roadstead::banner=info,warn"
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=environment)
        line = self.process.stderr.readline()
        self.start_milliseconds = (time.perf_counter() - begun) * 1000
        self.port = int(re.search(r"address=127\.0\.0\.1:(\d+)", line)[1])
        self.alias = re.search(r"alias=(\S+)", line)[1]
        keys = configparser.ConfigParser()
        keys.read(self.data / "credentials")
        self.key_id, self.secret = keys["default"]["aws_access_key_id"], keys["default"]["aws_secret_access_key"]

    def stop(self):
        self.process.terminate()
        self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        if self.folder:
            self.folder.cleanup()

    def memory(self):
        """RssAnon, RssFile and VmRSS in MiB."""
        text = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return {name: int(re.search(rf"{name}:\s+(\d+) kB", text)[1]) / 1024 for name in ("RssAnon", "RssFile", "VmRSS")}

    def cpu_seconds(self):
        """User and system time of the process so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)

    def sign(self, operation, body):
        """The headers of a signed request to the control API, which may be repeated for five minutes."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{now[:8]}/us-east-1/ecr-public/aws4_request"
        host, target = f"127.0.0.1:{self.port}", f"SpencerFrontendService.{operation}"
        names = "host;x-amz-date;x-amz-target"
        canonical = f"POST\n/\n\nhost:{host}\nx-amz-date:{now}\nx-amz-target:{target}\n\n{names}\n{hashlib.sha256(body).hexdigest()}"
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        key = b"AWS4" + self.secret.encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        return {
            "Host": host, "X-Amz-Date": now, "X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1",
            "Authorization": f"AWS4-HMAC-SHA256 Credential={self.key_id}/{scope}, SignedHeaders={names}, Signature={signature}",
        }

    def aws(self, operation, request):
        body = json.dumps(request).encode()
        connection = self.connection()
        connection.request("POST", "/", body, self.sign(operation, body))
        answer = json.load(connection.getresponse())
        assert "__type" not in answer, answer
        return answer

    def login(self):
        token = self.aws("GetAuthorizationToken", {})["authorizationData"]["authorizationToken"]
        return {"Authorization": f"Bearer {token}"}


def ask(connection, method, path, body=None, headers=None, expect=(200, 201, 202)):
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    content = response.read()
    assert response.status in expect, (method, path, response.status, content[:300])
    return response, content


def push_blob(connection, path, content, headers):
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    ask(connection, "POST", f"{path}/blobs/uploads/?digest={digest}", content, headers)
    return digest


def fill(server, repository, tags, tags_per_image=80, connections=8):
    """Pushes as many tags as asked for, eighty to an image: as many answer headers as Python takes."""
    server.aws("CreateRepository", {"repositoryName": repository})
    path, headers = f"/v2/{server.alias}/{repository}", server.login()
    config = push_blob(server.connection(), path, b"{}", headers)

    def push(numbers):
        connection = server.connection()
        for number in numbers:
            manifest = json.dumps({
                "schemaVersion": 2, "mediaType": OCI_MANIFEST, "annotations": {"n": str(number)},
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2}, "layers": [],
            }).encode()
            digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
            first = number * tags_per_image
            query = "&".join(f"tag=v{tag:08d}" for tag in range(first, min(first + tags_per_image, tags)))
            ask(connection, "PUT", f"{path}/manifests/{digest}?{query}", manifest, headers | {"Content-Type": OCI_MANIFEST})

    images = range((tags + tags_per_image - 1) // tags_per_image)
    with concurrent.futures.ThreadPoolExecutor(connections) as pool:
        list(pool.map(push, [images[start::connections] for start in range(connections)]))
    return path


