"""Backups while the server is used, restoring them, and checking what is stored."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest

from faults import KILL, STOP, Changes
from pushing import Pusher, digest_of, image
from running import Server, binary, clean_environment, run
from services import until
from tools import need


@pytest.fixture
def memory():
    """A folder on another file system than that of the data, where blobs cannot be linked."""
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="roadstead-") as folder:
        yield Path(folder)


def run_as_nobody(folder: Path, *arguments: object) -> subprocess.CompletedProcess:
    """Runs a command as a user without rights, from a folder that this user can read, as that of the program may not be."""
    folder.chmod(0o755)
    program = shutil.copy(binary(), folder / "roadstead")
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}
    return subprocess.run([program, *map(str, arguments)], env=clean_environment(), capture_output=True, text=True, cwd="/", **nobody)


def environment(server: Server) -> dict[str, str]:
    place = {"ROADSTEAD_DATA": str(server.data)} if server.place.needs_data_directory else {}
    return {**place, **server.environment}


def back_up(server: Server, place, *flags) -> dict:
    return json.loads(server.run("backup", str(place), "--output", "json", *map(str, flags)))


def check(server: Server, *flags) -> tuple[int, dict]:
    done = run("check", "--output", "json", *flags, **environment(server))
    return done.returncode, json.loads(done.stdout)


def restore(place, data, *flags, **more):
    return run("restore", place, "--data", data, *flags, **more)


def pulls(pusher: Pusher, repository: str, manifest, reference: str) -> None:
    answer = pusher.request("GET", f"{repository}/manifests/{reference}")
    assert answer.status == 200 and answer.data == manifest.body
    for blob in manifest.blobs:
        answer = pusher.request("GET", f"{repository}/blobs/{digest_of(blob)}")
        assert answer.status == 200 and answer.data == blob


def file_of(data, blob: bytes):
    digest = digest_of(blob).removeprefix("sha256:")
    [file] = (data / "blobs" / "sha256" / digest[:2]).glob(f"{digest}.*")
    return file


class Load:
    """Pushes, moves tags, deletes images and collects garbage until it is stopped."""

    def __init__(self, server: Server):
        self.stopping = threading.Event()
        self.failure = None
        self.threads = [threading.Thread(target=self.run, args=(work,)) for work in (self.push, self.collect)]
        self.server, self.pusher = server, Pusher(server)
        for thread in self.threads:
            thread.start()

    def run(self, work):
        number = 0
        try:
            while not self.stopping.is_set():
                work(number)
                number += 1
        except Exception as failure:  # noqa: BLE001 - shown by the test
            self.failure = failure

    def push(self, number):
        pushed = image(os.urandom(100_000))
        for blob in pushed.blobs:
            self.pusher.push_blob("team/load", blob)
        status = self.pusher.put_manifest("team/load", pushed, f"v{number % 5}").status
        # Without a grace period, a blob may be collected before its manifest arrives.
        assert status in (201, 404), status
        if status == 201 and number % 3 == 0:
            self.pusher.delete("team/load", pushed.digest)

    def collect(self, _):
        run("gc", "--grace", "0s", **environment(self.server))
        time.sleep(0.05)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        if self.failure:
            raise self.failure


@pytest.mark.embedded("restores a directory")
def test_every_image_that_existed_before_a_backup_under_load_pulls_after_it_is_restored(start, tmp_path):
    server = start()
    ecr, pusher = server.client(), Pusher(server)
    for name in ("team/app", "team/load"):
        ecr.create_repository(repositoryName=name)
    kept = [image(os.urandom(200_000)) for _ in range(10)]
    for number, manifest in enumerate(kept):
        pusher.push("team/app", manifest, f"v{number}")
    load = Load(server)
    try:
        first = back_up(server, tmp_path / "backup")
        second = back_up(server, tmp_path / "backup", "--keep", 1)
    finally:
        load.stop()
    assert first["images"] >= 10 and second["deletedSnapshots"] == 1
    done = restore(tmp_path / "backup", tmp_path / "restored")
    assert done.returncode == 0, done.stderr
    restored = start(data=tmp_path / "restored")
    for number, manifest in enumerate(kept):
        pulls(Pusher(restored), "team/app", manifest, f"v{number}")
    code, report = check(restored, "--contents")
    assert (code, report["findings"]) == (0, [])
    assert restored.key() == server.key() and restored.alias == server.alias


@pytest.mark.embedded("restores a directory")
def test_a_backup_that_is_killed_is_never_restored_and_the_next_one_is_whole(start, memory, tmp_path):
    server, changes = start(), Changes(tmp_path)
    server.client().create_repository(repositoryName="team/app")
    pusher = Pusher(server)
    for number in range(4):
        pusher.push("team/app", image(os.urandom(1_000_000)), f"v{number}")

    def begin(name: str, **faults: str):
        return run("backup", memory / name, **environment(server), **faults)

    assert begin("undisturbed", **changes.environment()).returncode == 0
    for at in changes.thirds:
        place = memory / f"at-{at}"
        assert begin(place.name, **changes.environment(KILL, at)).returncode == -signal.SIGKILL
        done = restore(place, tmp_path / "nothing")
        assert done.returncode == 1 and "there is no complete backup in" in done.stderr, done.stderr
        done = run("gc", **environment(server))
        assert done.returncode == 0, "a backup that was killed holds back deletion"
        back_up(server, place)
        done = restore(place, tmp_path / place.name)
        assert done.returncode == 0, done.stderr
        code, report = check(start(data=tmp_path / place.name), "--contents")
        assert (code, report["found"]) == (0, 0)


@pytest.mark.embedded("restores a directory")
def test_a_restore_is_refused_where_it_would_do_harm(start, tmp_path):
    server = start()
    back_up(server, tmp_path / "backup", "--without-master-key")
    key = (server.data / "master.key").read_text().strip()
    for arguments, settings, reason in [
        ((tmp_path / "backup", tmp_path / "new"), {}, "it was made without the master key"),
        ((tmp_path / "backup", tmp_path / "new"), {"ROADSTEAD_MASTER_KEY": "ab" * 32}, "the master key does not match"),
        ((tmp_path / "backup", server.data), {"ROADSTEAD_MASTER_KEY": key}, "another roadstead server is using the data directory"),
        ((tmp_path, tmp_path / "new"), {}, "there is no complete backup in"),
    ]:
        done = restore(*arguments, **settings)
        assert done.returncode == 1 and reason in done.stderr, done.stderr
    for flags in (["backup", "postgres://a@b/c"], ["backup", tmp_path / "x", "--keep", "0"], ["backup"]):
        assert run(*flags, **environment(server)).returncode == 2
    done = restore(tmp_path / "backup", tmp_path / "new", ROADSTEAD_MASTER_KEY=key)
    assert done.returncode == 0, done.stderr
    done = run("serve", "--data", tmp_path / "backup")
    assert done.returncode == 1 and "holds backups" in done.stderr


@pytest.mark.embedded("restores a directory")
def test_a_damaged_backup_is_restored_in_part_only_by_a_flag_that_the_refusal_names(start, tmp_path):
    server, layer, kept = start(), os.urandom(50_000), image(os.urandom(50_000))
    server.client().create_repository(repositoryName="team/app")
    for tag, manifest in (("lost", image(layer)), ("kept", kept)):
        Pusher(server).push("team/app", manifest, tag)
    place, target = tmp_path / "backup", tmp_path / "restored"
    back_up(server, place)
    [file] = place.rglob(digest_of(layer).removeprefix("sha256:") + ".*")
    file.unlink()
    done = restore(place, target)
    assert done.returncode == 1 and "--despite-damage restores the rest" in done.stderr and "team/app:lost" in done.stderr, done.stderr
    done = restore(place, target, "--despite-damage")
    assert done.returncode == 0 and "damaged: " in done.stderr and "team/app:lost" in done.stderr, done.stderr
    pulls(Pusher(start(data=target)), "team/app", kept, "kept")


@pytest.mark.embedded("restores a directory")
def test_a_second_backup_into_one_place_is_refused_and_the_first_one_is_whole(start, memory, tmp_path):
    server, changes = start(), Changes(tmp_path)
    server.client().create_repository(repositoryName="team/app")
    undisturbed, place = memory / "undisturbed", memory / "backup"
    # With a complete snapshot there, only the lock refuses a check.
    for each in (undisturbed, place):
        back_up(server, each)
    Pusher(server).push("team/app", image(os.urandom(1_000_000)), "v1")
    assert run("backup", undisturbed, **environment(server), **changes.environment()).returncode == 0
    faults = changes.environment(STOP, changes.number // 2)
    first = subprocess.Popen([binary(), "backup", place], env=clean_environment(**environment(server), **faults))
    try:
        os.waitid(os.P_PID, first.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert first.poll() is None, "it has ended"
        done = run("backup", place, **environment(server))
        assert done.returncode == 1 and "another process is writing a backup to" in done.stderr, done.stderr
        done = run("check", "--backup", place)
        assert done.returncode == 1 and "another process is writing a backup to" in done.stderr, done.stderr
    finally:
        first.send_signal(signal.SIGCONT)
    assert first.wait(60) == 0
    done = run("check", "--backup", place, "--contents")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.embedded("restores a directory")
def test_a_backup_to_a_full_disk_leaves_the_snapshots_before_it_as_they_are(start, tmp_path):
    need("mount")
    server = start()
    server.client().create_repository(repositoryName="team/app")
    pusher, disk = Pusher(server), tmp_path / "disk"
    kept = [image(os.urandom(3_000_000)) for _ in range(8)]
    pusher.push("team/app", kept[0], "v0")
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,mode=0755", "roadstead-test", disk], check=True)
    try:
        place = disk / "backup"
        back_up(server, place)
        for number, manifest in enumerate(kept[1:], 1):
            pusher.push("team/app", manifest, f"v{number}")
        done = run("backup", place, **environment(server))
        assert done.returncode == 1 and "No space left on device" in done.stderr, done.stderr
        assert run("gc", **environment(server)).returncode == 0
        done = run("check", "--backup", place, "--contents", "--output", "json")
        assert (done.returncode, json.loads(done.stdout)["snapshots"]) == (0, 1), done.stderr
        subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
        made = back_up(server, place)
        assert made["blobs"] == 9, made  # the images have one config
        done = restore(place, tmp_path / "restored")
        assert done.returncode == 0, done.stderr
    finally:
        subprocess.run(["umount", disk], check=True)
    restored = start(data=tmp_path / "restored")
    for number, manifest in enumerate(kept):
        pulls(Pusher(restored), "team/app", manifest, f"v{number}")


@pytest.mark.embedded("restores a directory")
def test_a_restore_that_is_killed_is_begun_again_and_never_served_before_it_is_whole(start, tmp_path):
    server, changes = start(), Changes(tmp_path)
    server.client().create_repository(repositoryName="team/app")
    for number in range(4):
        Pusher(server).push("team/app", image(os.urandom(1_000_000)), f"v{number}")
    place = tmp_path / "backup"
    back_up(server, place)
    assert restore(place, tmp_path / "undisturbed", **changes.environment()).returncode == 0
    for at in changes.thirds:
        data = tmp_path / f"at-{at}"
        assert restore(place, data, **changes.environment(KILL, at)).returncode == -signal.SIGKILL
        if run("account", "list", "--data", data).returncode == 0:
            # It was killed after the end: a restore that is not complete would go on.
            assert "the target is not empty: it has an installation" in restore(place, data).stderr
        else:
            done = restore(place, data)
            assert done.returncode == 0, done.stderr
        code, report = check(start(data=data), "--contents")
        assert (code, report["found"]) == (0, 0)


@pytest.mark.embedded("restores a directory")
def test_a_copy_of_a_place_without_empty_directories_is_checked_and_restored_where_it_can_only_be_read(start, memory, tmp_path):
    need("mount")
    server = start()
    server.client().create_repository(repositoryName="team/app")
    layer = os.urandom(50_000)
    Pusher(server).push("team/app", image(layer), "v1")
    back_up(server, tmp_path / "backup")
    copy = memory / "copy"
    shutil.copytree(tmp_path / "backup", copy)
    (copy / "uploads").rmdir()

    reading = ("check", "--backup", copy, "--contents"), ("restore", copy, "--list")
    for path in (copy, *copy.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for command in reading:
        done = run_as_nobody(memory, *command)
        assert done.returncode == 0, (command, done.stderr)
    for options in (["--bind", copy, copy], ["-o", "remount,bind,ro", copy]):
        subprocess.run(["mount", *options], check=True)
    try:
        for command in reading:
            done = run(*command)
            assert done.returncode == 0, (command, done.stderr)
        file_of(server.data, layer).unlink()
        code, report = check(server, "--repair", "--from", str(copy))
        assert (code, report["repaired"]) == (0, 1), report
        done = restore(copy, tmp_path / "restored")
        assert done.returncode == 0, done.stderr
    finally:
        subprocess.run(["umount", copy], check=True)
    code, report = check(start(data=tmp_path / "restored"), "--contents")
    assert (code, report["found"]) == (0, 0)


@pytest.mark.embedded("runs commands as another user")
def test_a_user_without_rights_is_told_so_and_not_that_there_is_nothing(start, memory, tmp_path):
    server = start()
    place = tmp_path / "backup"
    back_up(server, place)
    for command, hidden in [
        (("account", "list", "--data", server.data), server.data / "roadstead.db"),
        (("transfer", "--from", server.data, "--to", "/nonexistent"), server.data / "roadstead.db"),
        (("check", "--backup", place), place),
    ]:
        done = run_as_nobody(memory, *command)
        assert done.returncode == 1 and f"'{hidden}'" in done.stderr and "Permission denied" in done.stderr, done.stderr


@pytest.mark.embedded("damages files")
def test_what_rots_in_a_place_of_backups_is_found_and_made_again_by_the_next_backup(start, tmp_path):
    server = start()
    server.client().create_repository(repositoryName="team/app")
    layer = os.urandom(50_000)
    Pusher(server).push("team/app", image(layer), "v1")
    place = tmp_path / "backup"
    snapshot = back_up(server, place)["snapshot"]
    done = run("check", "--backup", place, "--contents")
    assert done.returncode == 0 and "1 snapshots and 1 blobs checked" in done.stdout, done.stdout + done.stderr
    digest = digest_of(layer).removeprefix("sha256:")
    [file] = (place / "sha256" / digest[:2]).glob(f"{digest}.*")
    # A new file, because that of the backup may be a link.
    file.unlink()
    file.write_bytes(bytes(50_000))
    assert run("check", "--backup", place).returncode == 0
    done = run("check", "--backup", place, "--contents", "--repair", "--output", "json")
    report = json.loads(done.stdout)
    [finding] = report["findings"]
    assert (done.returncode, report["removed"], finding["snapshots"]) == (1, 1, [snapshot]), report
    assert finding["digest"] == digest_of(layer) and finding["images"][0].endswith("team/app:v1") and not file.exists()
    assert back_up(server, place)["newBlobs"] == 1
    assert run("check", "--backup", place, "--contents").returncode == 0
    assert run("check", "--backup", place, "--from", place).returncode == 2
    done = restore(place, tmp_path / "restored", "--snapshot", snapshot)
    assert done.returncode == 0, done.stderr


@pytest.mark.embedded("damages files")
def test_damage_is_found_named_and_repaired_from_a_backup_and_from_another_registry(start, tmp_path):
    server, other = start(), start()
    pusher = Pusher(server)
    layers = [os.urandom(50_000) for _ in range(4)]
    images = [image(layer) for layer in layers]
    for running in (server, other):
        running.client().create_repository(repositoryName="team/app")
        for number, manifest in enumerate(images):
            Pusher(running).push("team/app", manifest, f"v{number}")
    back_up(server, tmp_path / "backup")
    account = server.client().describe_registries()["registries"][0]["registryId"]
    files = [file_of(server.data, layer) for layer in layers]

    def damage():
        # New files, because those of the backup may be links.
        for file, content in [(files[0], layers[0][:-1] + bytes([layers[0][-1] ^ 1])), (files[1], layers[1][:100])]:
            file.unlink()
            file.write_bytes(content)
        files[2].unlink()

    damage()
    code, report = check(server)
    assert code == 1 and {finding["kind"] for finding in report["findings"]} == {"blobSize", "blobMissing"}
    code, report = check(server, "--contents", "--rate", "100MB/s")
    found = {finding["digest"]: (finding["kind"], finding["images"]) for finding in report["findings"]}
    kinds = ["blobContent", "blobSize", "blobMissing"]
    assert code == 1 and found == {
        digest_of(layers[number]): (kinds[number], [f"{account}/team/app:v{number}"]) for number in range(3)
    }
    for source in (tmp_path / "backup", f"{other.url}/{other.alias}/team/app"):
        code, report = check(server, "--contents", "--repair", "--from", str(source))
        assert (code, report["found"], report["repaired"]) == (0, 3, 3), report
        assert check(server, "--contents")[1]["found"] == 0
        for number, manifest in enumerate(images):
            pulls(pusher, "team/app", manifest, f"v{number}")
        files = [file_of(server.data, layer) for layer in layers]
        damage()


@pytest.mark.embedded("damages rows")
def test_lost_rows_are_found_and_those_that_follow_from_manifests_are_made_again(start, tmp_path):
    server = start()
    server.client().create_repository(repositoryName="team/app")
    pusher, layer = Pusher(server), os.urandom(50_000)
    manifest = image(layer)
    pusher.push("team/app", manifest, "v1")
    back_up(server, tmp_path / "backup")
    blob = f"(SELECT id FROM blob WHERE digest = '{digest_of(layer)}')"
    for script, kinds in [
        (f"DELETE FROM manifest_blob WHERE blob_id = {blob}", {"link"}),
        (f"DELETE FROM manifest_blob WHERE blob_id = {blob}; DELETE FROM repository_blob WHERE blob_id = {blob}", {"link"}),
        (f"PRAGMA foreign_keys = OFF; DELETE FROM blob WHERE digest = '{digest_of(layer)}'", {"blobRow", "database"}),
        ("DELETE FROM manifest_content", {"manifestMissing"}),
        ("UPDATE manifest_content SET bytes = CAST('{}' AS BLOB)", {"manifestContent"}),
        ("UPDATE repository SET image_count = 7", {"counter"}),
        ("UPDATE registry SET repository_count = 7", {"counter"}),
    ]:
        server.sql(script)
        code, report = check(server)
        assert code == 1 and {finding["kind"] for finding in report["findings"]} == kinds, (script, report)
        code, report = check(server, "--repair", "--from", str(tmp_path / "backup"))
        assert code == 0 and report["repaired"] == report["found"], (script, report)
        assert check(server, "--contents")[1]["findings"] == [], script
        pulls(pusher, "team/app", manifest, "v1")


def test_a_check_of_a_sound_installation_finds_nothing_while_it_is_used(start):
    server = start()
    for name in ("team/app", "team/load"):
        server.client().create_repository(repositoryName=name)
    Pusher(server).push("team/app", image(os.urandom(50_000)), "v1")
    load = Load(server)
    try:
        for _ in range(3):
            code, report = check(server, "--contents")
            assert (code, report["findings"]) == (0, [])
    finally:
        load.stop()


def metric(server: Server, name: str) -> float:
    text = server.http.request("GET", f"{server.url}/metrics").data.decode()
    return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} ")), 0)


@pytest.mark.embedded("damages files")
def test_a_scrub_verifies_every_blob_in_each_period_and_goes_on_after_a_restart(start):
    server = start("--scrub", "1s")
    server.client().create_repository(repositoryName="team/app")
    layers = [os.urandom(50_000) for _ in range(3)]
    for number, layer in enumerate(layers):
        Pusher(server).push("team/app", image(layer), f"v{number}")
    completed = "roadstead_scrub_last_completed_timestamp_seconds"
    until(lambda: metric(server, completed) > 0 and metric(server, "roadstead_scrub_read_bytes_total") >= 150_000, "a whole round")
    assert metric(server, 'roadstead_scrub_blobs_total{result="damaged"}') == 0
    file = file_of(server.data, layers[1])
    file.write_bytes(bytes(50_000))
    until(lambda: metric(server, 'roadstead_scrub_blobs_total{result="damaged"}') > 0, "the damage")
    [event, *_] = [event for event in server.events() if event.get("level") == "ERROR"]
    assert digest_of(layers[1]) in event["damage"] and "team/app:v1" in event["damage"]
    before = metric(server, completed)
    server.restart()
    until(lambda: metric(server, completed) >= before > 0, "the round of before")
