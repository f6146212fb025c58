"""Certificate authorities for the tests: self-signed certificates, and Pebble, which issues certificates by ACME."""

import json
import re
import socket
import subprocess
import threading
from pathlib import Path

import urllib3

from services import PATIENCE, Service, free_port, is_listening, program, until


def self_signed(folder: Path, name: str = "localhost") -> tuple[Path, Path]:
    """The PEM files of a new certificate for a name and for 127.0.0.1, and of its key."""
    chain, key = folder / f"{name}-chain.pem", folder / f"{name}-key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name},IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key, "-out", chain],
        check=True, capture_output=True,
    )
    return chain, key


class Names(Service):
    """A DNS server by which every name leads to 127.0.0.1."""

    kind = "names"

    def __init__(self):
        super().__init__()
        self.port, self.management = free_port(), free_port()
        self.spawn()
        until(lambda: is_listening(self.management), self.kind)

    def command(self):
        off = [part for kind in ("http01", "https01", "tlsalpn01", "doh") for part in (f"-{kind}", "")]
        return [program("pebble-challtestsrv"), "-dnsserver", f"127.0.0.1:{self.port}", "-management", f"127.0.0.1:{self.management}",
                "-defaultIPv6", "", *off]


class Pebble(Service):
    """An ACME authority, which connects to `port` to validate domains. It forgets everything when it stops."""

    kind = "pebble"

    def __init__(self, names: Names, port: int, validity: int = 90 * 24 * 3600):
        super().__init__()
        self.names = names
        self.listen, self.management = free_port(), free_port()
        self.ca_file, key = self_signed(self.folder)
        self.directory = f"https://localhost:{self.listen}/dir"
        self.http = urllib3.PoolManager(ca_certs=str(self.ca_file), retries=False, timeout=PATIENCE)
        configuration = {
            "listenAddress": f"127.0.0.1:{self.listen}", "managementListenAddress": f"127.0.0.1:{self.management}",
            "certificate": str(self.ca_file), "privateKey": str(key), "httpPort": free_port(), "tlsPort": port,
            "profiles": {"default": {"description": "of the tests", "validityPeriod": validity}},
            "retryAfter": {"authz": 1, "order": 1},
        }
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": configuration}))

    def command(self):
        return [program("pebble"), "-config", self.folder / "pebble.json", "-dnsserver", f"127.0.0.1:{self.names.port}", "-strict"]

    def start(self) -> None:
        self.spawn(PEBBLE_VA_NOSLEEP="1")
        until(lambda: is_listening(self.listen), self.kind)

    def root(self) -> Path:
        """The PEM file of the authority that issues the certificates."""
        file = self.folder / "root.pem"
        file.write_bytes(self.http.request("GET", f"https://localhost:{self.management}/roots/0").data)
        return file

    def orders(self) -> int:
        """The number of orders placed so far."""
        return len(re.findall(r"Added order ", (self.folder / "log").read_text()))

    def flags(self, *domains: str) -> list[str]:
        """The flags of a server that orders certificates for these domains here."""
        named = [part for domain in domains for part in ("--acme-domain", domain)]
        return [*named, "--acme-directory", self.directory, "--acme-ca-file", str(self.ca_file)]


class Forwarder:
    """A port of the loopback interface whose connections go to the next of several addresses, without a look at what they carry."""

    def __init__(self):
        self.upstreams: list[str] = []
        self.accepted = 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            if not self.upstreams:
                client.close()
                continue
            host, port = self.upstreams[self.accepted % len(self.upstreams)].rsplit(":", 1)
            self.accepted += 1
            try:
                server = socket.create_connection((host, int(port)), timeout=PATIENCE)
            except OSError:
                client.close()
                continue
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def copy(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()

    def close(self) -> None:
        # Ends a blocked accept, which closing alone does not.
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
