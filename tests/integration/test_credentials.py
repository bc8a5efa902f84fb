"""`sledwatch credentials` as an administrator runs it: what is there stays, and one machine is no other's business."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from whole_line import SLEDWATCH, clean_environment

pytestmark = pytest.mark.needs("openssl")

SERVICES = ("ingest", "analytics", "simulator", "monitor")


def run(directory: Path, *words: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(SLEDWATCH), "credentials", *words],
        env=clean_environment(**settings),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def done(directory: Path, *words: str, **settings: str) -> str:
    """What was said by a command that did its work."""
    ended = run(directory, *words, **settings)
    assert (0, "") == (ended.returncode, ended.stderr)
    return ended.stdout


def files(directory: Path) -> dict[str, bytes]:
    """All that there is, by its path."""
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def users(directory: Path) -> list[str]:
    return [line.partition(":")[0] for line in (directory / "broker" / "passwords").read_text().splitlines()]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The directory of fresh credentials, for two machines."""
    done(tmp_path, "init", "--host", "broker.gym.lan", "--host", "192.168.1.10", "--host", "::1")
    done(tmp_path, "add", "riverside/press-1", "riverside/press-2")
    return tmp_path / "credentials"


def test_all_that_a_broker_and_its_users_need_is_made(made: Path) -> None:
    assert [*SERVICES, "riverside/press-1", "riverside/press-2"] == users(made)
    assert {
        "ca.crt", "ca/ca.key", "broker/acl", "broker/passwords", "broker/server.crt", "broker/server.key",
        "machines/riverside.press-1.json", "machines/riverside.press-2.json",
        *(f"services/{name}.env" for name in SERVICES),
    } == set(files(made))  # fmt: skip


def test_secrets_are_for_their_owner_alone(made: Path) -> None:
    public = {"ca.crt", "broker/server.crt"}
    open_to_others = {path for path in files(made) if stat.S_IMODE((made / path).stat().st_mode) != 0o600}
    assert public == open_to_others


def test_doing_it_again_changes_nothing(made: Path) -> None:
    before = files(made)
    said = done(made.parent, "init") + done(made.parent, "add", "riverside/press-1")
    assert before == files(made)
    assert {"kept"} == {line.split()[0] for line in said.splitlines()}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_broker_that_gets_a_user_later_can_read_what_was_made_before(made: Path) -> None:
    done(made.parent, "init", "--broker-user", "1883")
    assert {(1883, 1883)} == {
        (path.stat().st_uid, path.stat().st_gid) for path in (made / "broker", *(made / "broker").iterdir())
    }


def test_the_certificate_is_the_cas_and_names_the_hosts(made: Path) -> None:
    for names in (["-verify_hostname", "broker.gym.lan"], ["-verify_ip", "192.168.1.10"], ["-verify_ip", "::1"]):
        words = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", *names, "-CAfile", made / "ca.crt"]
        subprocess.run([*words, made / "broker" / "server.crt"], check=True, capture_output=True)


def test_a_machine_gets_one_file_with_all_that_it_needs(made: Path) -> None:
    told = json.loads(done(made.parent, "show", "riverside/press-1"))
    assert ("broker.gym.lan", 8883, "riverside/press-1", "sledwatch/v1/riverside/press-1") == (
        told["host"], told["port"], told["user"], told["topic"],
    )  # fmt: skip
    assert f"mqtts://riverside%2Fpress-1:{told['password']}@broker.gym.lan:8883" == told["url"]
    assert (made / "ca.crt").read_text() == told["ca"]
    assert 48 == len(told["password"])


def test_one_machine_comes_and_goes_without_touching_the_others(made: Path) -> None:
    before = (made / "broker" / "passwords").read_text().splitlines()
    done(made.parent, "add", "downtown/press-1")
    done(made.parent, "remove", "riverside/press-1")
    after = (made / "broker" / "passwords").read_text().splitlines()
    assert [line for line in before if not line.startswith("riverside/press-1:")] == after[:-1]
    assert after[-1].startswith("downtown/press-1:")
    acl = (made / "broker" / "acl").read_text()
    assert ("user downtown/press-1\n" in acl, "riverside/press-1" in acl) == (True, False)
    assert not (made / "machines" / "riverside.press-1.json").exists()


def test_a_machine_whose_file_was_taken_away_keeps_its_password_until_it_is_renewed(made: Path) -> None:
    file = made / "machines" / "riverside.press-1.json"
    file.unlink()
    before = files(made)
    done(made.parent, "add", "riverside/press-1")
    assert before == files(made)
    done(made.parent, "add", "--renew", "riverside/press-1")
    assert file.exists()
    assert before["broker/passwords"] != files(made)["broker/passwords"]


def test_the_certificate_is_renewed_and_the_ca_stays(made: Path) -> None:
    before = files(made)
    done(made.parent, "renew")
    after = files(made)
    changed = {path for path in before if before[path] != after[path]}
    assert {"broker/server.crt", "broker/server.key"} == changed
    assert "broker.gym.lan, 192.168.1.10, ::1" in done(made.parent, "list")


def test_other_names_make_another_certificate(made: Path) -> None:
    assert "renewed" in done(made.parent, "init", BROKER_HOSTS="broker.gym.lan new.gym.lan")
    assert "broker  broker.gym.lan, new.gym.lan:" in done(made.parent, "list")


def test_a_services_password_comes_from_the_environment_where_it_is_set(tmp_path: Path) -> None:
    passwords = {f"{name.upper()}_PASSWORD": f"password-of-{name}" for name in SERVICES}
    done(tmp_path, "init", "--host", "h", **passwords)
    assert not (tmp_path / "credentials" / "services").exists()
    before = files(tmp_path)
    done(tmp_path, "init", **passwords)
    assert before == files(tmp_path)
    assert "changed user ingest" in done(tmp_path, "init", **passwords | {"INGEST_PASSWORD": "a-longer-password"})


def test_lines_of_ones_own_are_kept(made: Path) -> None:
    (made / "acl.local").write_text("user reader\ntopic read sledwatch/v1/+/alert\n")
    with (made / "broker" / "passwords").open("a") as file:
        file.write("reader:$7$101$c2FsdA==$aGFzaA==\n")
    done(made.parent, "add", "riverside/press-3")
    assert (made / "broker" / "acl").read_text().endswith("user reader\ntopic read sledwatch/v1/+/alert\n")
    assert "reader" in users(made)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_the_broker_reads_belongs_to_its_user(tmp_path: Path) -> None:
    done(tmp_path, "init", "--host", "h", "--broker-user", "1883")
    done(tmp_path, "add", "riverside/press-1")
    done(tmp_path, "renew")
    broker = tmp_path / "credentials" / "broker"
    assert {(1883, 1883)} == {(path.stat().st_uid, path.stat().st_gid) for path in (broker, *broker.iterdir())}
    assert 0 == (tmp_path / "credentials" / "ca" / "ca.key").stat().st_uid


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["add", "riverside/press-1"], "run `sledwatch credentials init`"),
        (["list"], "run `sledwatch credentials init`"),
        (["init"], "--host broker.gym.lan"),
        (["init", "--host", "a b"], "expected a name such as broker.gym.lan"),
        (["init", "--host", "h,DNS:evil"], "expected a name such as broker.gym.lan"),
        (["init", "--host", "fe80::1%eth0,DNS:evil"], "expected a name such as broker.gym.lan"),
        (["init", "--host", "h", "--broker-user", "nobody-of-that-name"], "no such user"),
    ],
)
def test_what_cannot_be_is_one_clear_line(tmp_path: Path, words: list[str], expected: str) -> None:
    ended = run(tmp_path, *words)
    assert (2, "", 1) == (ended.returncode, ended.stdout, ended.stderr.count("\n"))
    assert expected in ended.stderr


@pytest.mark.parametrize(
    "words", [["add", "riverside"], ["add", "Riverside/press-1"], ["add", "a/b/c"], ["remove", "riverside/press-9"]]
)
def test_a_wrong_machine_changes_nothing(made: Path, words: list[str]) -> None:
    before = files(made)
    ended = run(made.parent, *words)
    assert (2, "", 1) == (ended.returncode, ended.stdout, ended.stderr.count("\n"))
    assert before == files(made)


def test_a_short_password_is_refused(tmp_path: Path) -> None:
    ended = run(tmp_path, "init", "--host", "h", INGEST_PASSWORD="short")
    assert 2 == ended.returncode
    assert "the password of ingest: expected 16" in ended.stderr
    assert "short" not in ended.stderr


def test_a_ca_is_never_overwritten(made: Path) -> None:
    (made / "ca.crt").unlink()
    key = (made / "ca" / "ca.key").read_bytes()
    ended = run(made.parent, "init", "--host", "h")
    assert (2, key) == (ended.returncode, (made / "ca" / "ca.key").read_bytes())
    assert "bring that back" in ended.stderr


def test_without_the_cas_key_nothing_is_signed(made: Path) -> None:
    (made / "ca" / "ca.key").unlink()
    before = files(made)
    ended = run(made.parent, "renew")
    assert (2, before) == (ended.returncode, files(made))
    assert "bring the CA's key back" in ended.stderr
