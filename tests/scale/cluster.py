"""Three replicas behind a load balancer whose database and bucket can fail, and which can end and begin one by one."""

import contextlib
import re
import threading
from pathlib import Path

import urllib3

from deployments import Place, postgres, s3
from proxies import Balancer, Nginx, Toxiproxy
from running import Process, Server
from services import Postgres

POSTGRES, S3 = "postgres", "s3"


class Cluster(Server):
    """Replicas that reach PostgreSQL and S3 through proxies: `proxies.cut(POSTGRES)` and so on."""

    def __init__(self, data: Path, *flags: str, server: Postgres | None = None, **environment: str):
        server = server or postgres()
        self.proxies = Toxiproxy()
        # nginx answers some requests in place of the S3 server once it is told to; what it passes on goes through toxiproxy.
        self.bucket = Nginx(*refusing(self.proxies.proxy(S3, s3().port), "0%"))
        port = self.proxies.proxy(POSTGRES, server.port)
        place = Place("replicas", database_port=port, s3_endpoint=f"http://{self.bucket.address}", server=server)
        super().__init__(data, *flags, place=place, **environment)

    def metric(self, name: str) -> float:
        """The sum of a metric over all replicas and labels."""
        texts = [self.http.request("GET", f"http://{address}/metrics").data.decode() for address in self.addresses]
        values = re.findall(rf"^{name}(?:_total)?(?:{{.*}})? ([0-9.e+]+)$", "\n".join(texts), re.MULTILINE)
        return sum(map(float, values))

    def kill_replica(self, number: int) -> None:
        self.replicas[number].kill()

    def start_replica(self, number: int, balanced: bool = True) -> None:
        """Starts a replica again, at another port, and tells the load balancer."""
        log = self.replicas[number].log
        self.replicas[number] = Process(log.with_suffix(".again.log"), *self.flags, cwd=self.data.parent, **self.environment)
        self.addresses[number] = self.replicas[number].wait_until_ready()["address"]
        if balanced:
            self.balancer.use(self.addresses)

    @contextlib.contextmanager
    def failing_bucket(self, share: str):
        """The S3 server answers 503 to this share of the requests, such as 20%."""
        port = s3().port
        self.bucket.reload(*refusing(port, share))
        try:
            yield
        finally:
            self.bucket.reload(*refusing(port, "0%"))

    def close(self) -> None:
        self.kill()
        self.bucket.close()
        self.proxies.close()

    def at(self, number: int) -> "Replica":
        """One replica, for clients that do not let the load balancer choose."""
        return Replica(self, number)


class Replica:
    """What clients need of a server."""

    def __init__(self, cluster: Cluster, number: int):
        self.cluster, self.alias = cluster, cluster.alias
        self.url = f"http://{cluster.addresses[number]}"
        self.http = urllib3.PoolManager(retries=False, timeout=60)

    def client(self):
        return self.cluster.client()


def refusing(port: int, share: str) -> tuple[str, str]:
    """The configuration of an S3 proxy that answers 503 to this share of the requests."""
    slow_down = '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
    refused = "" if share == "0%" else f"{share} 1;"
    return f'split_clients "$request_id" $refused {{ {refused} * ""; }}', f"""
        location / {{
            default_type application/xml;
            if ($refused) {{ return 503 '{slow_down}'; }}
            proxy_pass http://127.0.0.1:{port};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_request_buffering off;
            proxy_buffering off;
        }}
    """


class Readiness(threading.Thread):
    """What an orchestrator does: asks every replica whether it is ready, and lets the load balancer use those that are."""

    def __init__(self, cluster: Cluster):
        super().__init__(daemon=True)
        self.cluster, self.over, self.used = cluster, threading.Event(), list(cluster.addresses)
        self.start()

    def run(self):
        while not self.over.wait(0.1):
            ready = [address for address in self.cluster.addresses if is_ready(address)]
            if ready and ready != self.used:
                self.cluster.balancer.use(ready)
                self.used = ready

    def stop(self) -> None:
        self.over.set()
        self.join()


def is_ready(address: str) -> bool:
    try:
        return urllib3.request("GET", f"http://{address}/readyz", retries=False, timeout=2).status == 200
    except urllib3.exceptions.HTTPError:
        return False
