"""Ways to the database: TLS, a standby that takes over, and pgbouncer."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from cluster import POSTGRES
from deployments import Place, postgres
from load import REPOSITORY, Client, assert_nothing_lost
from pushing import Pusher, image
from running import Server, run
from services import PgBouncer, Postgres, Standby, until

READERS = 8


def refusal(place: Place, url: str) -> str:
    """What a server says that must not start with this database."""
    done = run("serve", "--listen", "127.0.0.1:0", "--wait", "1h", **{**place.settings, "ROADSTEAD_DATABASE": url})
    assert done.returncode == 1, done.stderr
    return done.stderr.splitlines()[-1]


class Certificates:
    """A certificate authority, and a certificate of it for `localhost`."""

    def __init__(self, folder):
        self.folder = folder
        new_key = "-nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256"
        for name in ("authority", "stranger"):
            self.openssl(f"req -x509 {new_key} -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem")
        self.openssl(f"req -new {new_key} -subj /CN=localhost -keyout server.key -out server.csr")
        (folder / "extensions").write_text("subjectAltName = DNS:localhost\n")
        self.openssl("x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile extensions -out server.pem")

    def openssl(self, arguments: str) -> None:
        subprocess.run(["openssl", *arguments.split()], cwd=self.folder, check=True, capture_output=True)


class Encrypted(Postgres):
    """A server that takes only connections with TLS."""

    def make_data(self) -> None:
        super().make_data()
        data = self.folder / "data"
        self.certificates = Certificates(data)
        for file in data.glob("server.*"):
            file.chmod(0o600)
            subprocess.run(["chown", f"--reference={data}", file], check=True)
        (data / "pg_hba.conf").write_text("local all all trust\nhostssl all all all trust\n")
        self.settings = {"ssl": "on", "ssl_cert_file": "server.pem", "ssl_key_file": "server.key"}


@pytest.mark.smoke
def test_the_certificate_of_the_database_is_verified(tmp_path):
    server = Encrypted()
    place, data = Place("postgres", server=server), server.folder / "data"
    url = lambda query, host="localhost": server.url(place.database, host=host, query=query)
    verified = f"sslmode=verify-full&sslrootcert={data}/authority.pem"
    for query, host in [(verified, "localhost"), ("sslmode=require", "127.0.0.1")]:
        place.settings["ROADSTEAD_DATABASE"] = url(query, host)
        running = Server(tmp_path / "data", place=place)
        used = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'roadstead'"
        assert server.psql(used).stdout == "t\n"
        assert running.http.request("GET", f"{running.url}/readyz").status == 200
        assert running.stop() == 0
    for query, host, words in [
        (verified.replace("authority", "stranger"), "localhost", ("UnknownIssuer", place.database)),
        ("sslmode=verify-full", "localhost", ("UnknownIssuer", place.database)),
        (verified, "127.0.0.1", ("not valid for name", place.database)),
        (verified.replace("authority", "absent"), "localhost", ("absent.pem", "No such file")),
        ("sslmode=disable", "localhost", ("no encryption", place.database)),
    ]:
        said = refusal(place, url(query, host))
        assert all(word in said for word in words), (query, said)


@pytest.mark.smoke
def test_reads_that_wait_for_the_database_keep_no_other_request_waiting(tmp_path):
    place = Place("postgres")
    server = Server(tmp_path / "data", "--worker-threads", "1", place=place)
    server.client().create_repository(repositoryName=REPOSITORY)
    pusher, pushed, tags = Pusher(server), image(b"a layer"), [f"v{number}" for number in range(READERS)]
    pusher.push(REPOSITORY, pushed, *tags)
    read = lambda tag: pusher.request("GET", f"{REPOSITORY}/manifests/{tag}").data
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'roadstead' AND wait_event_type = 'Lock'"
    with ThreadPoolExecutor(READERS) as readers, postgres().locked("manifest_content", place.database):
        cold = [readers.submit(read, tag) for tag in tags]
        until(lambda: int(postgres().psql(waiting).stdout) >= READERS, "the readers")
        assert server.http.request("GET", f"{server.url}/healthz").status == 200
        assert pusher.request("GET", f"{REPOSITORY}/tags/list").json()["tags"] == tags
        assert not any(reader.done() for reader in cold)
    assert all(reader.result() == pushed.body for reader in cold)
    assert server.stop() == 0


def test_a_standby_takes_over_and_nothing_acknowledged_is_lost(start_cluster):
    primary = Postgres()
    cluster = start_cluster(server=primary)
    cluster.client().create_repository(repositoryName=REPOSITORY)
    standby = Standby(primary)
    primary.psql("ALTER SYSTEM SET synchronous_standby_names = '*'")
    primary.psql("SELECT pg_reload_conf()")
    until(lambda: primary.psql("SELECT sync_state FROM pg_stat_replication").stdout == "sync\n", "the synchronous standby")
    clients = [Client(cluster, number) for number in range(6)]
    for client in clients:
        client.progress()
    told = [len(client.acknowledged) for client in clients]
    primary.stop()
    cluster.proxies.lead(POSTGRES, standby.port)
    time.sleep(2)
    assert [cluster.http.request("GET", f"http://{address}/readyz").status for address in cluster.addresses] == [503] * 3, "a standby is used"
    assert "standby" in refusal(cluster.place, standby.url(cluster.place.database))
    standby.promote()
    for client in clients:
        client.progress()
    for client in clients:
        client.finish()
    assert all(replica.process.poll() is None for replica in cluster.replicas), "a replica ended"
    assert assert_nothing_lost(clients, Pusher(cluster)) >= sum(told)


@pytest.mark.smoke
def test_pgbouncer_may_pool_sessions_but_not_transactions_or_statements(tmp_path):
    bouncer = PgBouncer(postgres(), "session")
    place = Place("postgres", database_port=bouncer.port)
    server = Server(tmp_path / "data", place=place)
    server.client().create_repository(repositoryName=REPOSITORY)
    pusher = Pusher(server)
    pushed = image(b"through a pooler")
    pusher.push(REPOSITORY, pushed, "v1")
    assert pusher.request("GET", f"{REPOSITORY}/manifests/v1").data == pushed.body
    assert server.stop() == 0
    for mode in ("transaction", "statement"):
        bouncer = PgBouncer(postgres(), mode)
        said = refusal(place, postgres().url(place.database, bouncer.port))
        assert "pooler" in said and place.database in said, (mode, said)
