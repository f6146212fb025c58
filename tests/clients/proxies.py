"""What stands between servers and others in the tests: a load balancer, and proxies that break connections."""

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import urllib3

from services import PATIENCE, Service, free_port, is_listening, program, until


class Nginx(Service):
    """An nginx with one server block, which `write` replaces while it runs."""

    kind = "nginx"

    def __init__(self, upstreams: str, location: str):
        super().__init__()
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.write(upstreams, location)
        self.spawn()
        until(lambda: is_listening(self.port), self.kind)

    def command(self):
        return [program("nginx"), "-p", self.folder, "-c", self.folder / "nginx.conf", "-e", self.folder / "errors"]

    def write(self, upstreams: str, location: str) -> None:
        self.configure(f"""
            {upstreams}
            server {{
                listen 127.0.0.1:{self.port};
                client_max_body_size 0;
                large_client_header_buffers 4 64k;
                ignore_invalid_headers off;
                merge_slashes off;
                {location}
            }}
        """)

    def configure(self, servers: str) -> None:
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        owner = "user root;" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(f"""
            daemon off; {owner}
            worker_processes 1;
            worker_rlimit_nofile 20000;
            pid {self.folder}/pid;
            events {{ worker_connections 8192; }}
            http {{
                access_log off;
                {temporary}
                {servers}
            }}
        """)

    def reload(self, upstreams: str, location: str) -> None:
        """Uses another configuration for new connections, once it is in force."""
        before = self.workers()
        self.write(upstreams, location)
        self.process.send_signal(signal.SIGHUP)
        until(lambda: self.workers() - before, "nginx with another configuration")
        time.sleep(0.2)  # it lets the old workers go on for 100 ms beside the new ones

    def workers(self) -> set[str]:
        return set(Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split())


class OneServer(Nginx):
    """An nginx with a server block as an operator writes it, at a port that the block calls PORT."""

    def __init__(self, block: str):
        self.block = block
        super().__init__("", "")

    def write(self, upstreams: str, location: str) -> None:
        self.configure(self.block.replace("PORT", str(self.port)))


class Caddy(Service):
    """A Caddy with a site as an operator writes it, at a port that the site calls PORT."""

    kind = "caddy"

    def __init__(self, site: str):
        super().__init__()
        self.port = free_port()
        (self.folder / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site.replace("PORT", str(self.port)))
        self.spawn()
        until(lambda: is_listening(self.port), self.kind)

    def command(self):
        return [program("caddy"), "run", "--config", self.folder / "Caddyfile"]


class Balancer(Nginx):
    """Hands every request to the next replica, streams bodies both ways, and tells replicas the client's address and scheme."""

    kind = "balancer"

    def __init__(self, replicas: list[str]):
        self.keep_alive = True
        super().__init__(*self.configuration(replicas))

    def use(self, replicas: list[str]) -> None:
        """Hands requests to these replicas from now on."""
        self.reload(*self.configuration(replicas))

    def configuration(self, replicas: list[str]) -> tuple[str, str]:
        kept = "75s" if self.keep_alive else "0"
        servers = "".join(f"server {replica} max_fails=0;" for replica in replicas)
        return f"upstream registry {{ {servers} keepalive 64; }}", f"""
            keepalive_timeout {kept};
            keepalive_requests 1000000;
            location / {{
                proxy_pass http://registry;
                proxy_http_version 1.1;
                proxy_set_header Connection "";
                proxy_set_header Host $http_host;
                proxy_set_header X-Forwarded-For $remote_addr;
                proxy_set_header X-Forwarded-Proto $scheme;
                proxy_request_buffering off;
                proxy_buffering off;
                proxy_connect_timeout 2s;
                proxy_read_timeout 300s;
                proxy_send_timeout 300s;
            }}
        """


class Toxiproxy(Service):
    """Proxies of TCP connections that can be slow, cut, or down."""

    kind = "toxiproxy"

    def __init__(self):
        super().__init__()
        self.port = free_port()
        self.http = urllib3.PoolManager(retries=False, timeout=PATIENCE)
        self.spawn()
        until(lambda: is_listening(self.port), self.kind)

    def command(self):
        return [program("toxiproxy-server"), "-host", "127.0.0.1", "-port", self.port]

    def ask(self, method: str, path: str, **members) -> dict:
        answer = self.http.request(method, f"http://127.0.0.1:{self.port}{path}", body=json.dumps(members) if members else None)
        assert answer.status < 300, answer.data
        return json.loads(answer.data or b"{}")

    def proxy(self, name: str, to: int) -> int:
        """The port of a new proxy to a port of the loopback interface."""
        made = self.ask("POST", "/proxies", name=name, listen="127.0.0.1:0", upstream=f"127.0.0.1:{to}")
        return int(made["listen"].rsplit(":", 1)[1])

    def lead(self, name: str, to: int) -> None:
        """Lets a proxy lead to another port, and cuts its connections."""
        self.ask("POST", f"/proxies/{name}", upstream=f"127.0.0.1:{to}")

    def up(self, name: str, enabled: bool) -> None:
        """Refuses connections and cuts the open ones, or accepts them again."""
        self.ask("POST", f"/proxies/{name}", enabled=enabled)

    def cut(self, name: str) -> None:
        """Cuts all open connections at once."""
        self.up(name, False)
        self.up(name, True)

    @contextlib.contextmanager
    def toxic(self, name: str, kind: str, stream: str = "downstream", toxicity: float = 1, **attributes):
        """A fault, as toxiproxy names it, in a share of the connections."""
        self.ask("POST", f"/proxies/{name}/toxics", name=kind, type=kind, stream=stream, toxicity=toxicity, attributes=attributes)
        try:
            yield
        finally:
            self.ask("DELETE", f"/proxies/{name}/toxics/{kind}")
