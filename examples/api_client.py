"""A client of the HTTP API, in one file: members, a depth limit, and alerts as they happen. It needs httpx alone.

    python examples/api_client.py members
    python examples/api_client.py limit m-1042 example-gym press-1 380
    python examples/api_client.py watch
    python examples/api_client.py acknowledge 9f3c0a7be1d24486a1f2c3d4e5f60718

Where the API is and who asks are said by SLEDWATCH_URL and SLEDWATCH_API_TOKEN; without a token, that of `make run` is
read from data/api-token. /openapi.json describes everything there is.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

PAGE = 100


class Refused(Exception):
    """The API said no, in its own words."""


class Sledwatch:
    """What this program wants of the API."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=30.0)

    def members(self) -> Iterator[dict[str, Any]]:
        """Everybody, page by page: lists come with a cursor until there is no more."""
        asked: dict[str, Any] = {"limit": PAGE}
        while True:
            page = self.call("GET", "/members", params=asked)
            yield from page["items"]
            if page["next"] is None:
                return
            asked["cursor"] = page["next"]

    def set_limit(self, user: str, gym: str, machine: str, limit_mm: float) -> dict[str, Any]:
        """How far this member's sled may come on this machine; the machine itself is told at once."""
        return self.call("PUT", f"/members/{user}/limits/{gym}/{machine}", json={"limit_mm": limit_mm})

    def acknowledge(self, alert: str) -> dict[str, Any]:
        """Say that somebody takes care of it."""
        return self.call("POST", f"/alerts/{alert}/acknowledge")

    def call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        """The JSON of an answer. Raises Refused with what the problem details say (RFC 9457)."""
        body: dict[str, Any] = checked(self.http.request(method, path, **arguments)).json()
        return body

    def stream(self) -> Iterator[tuple[str, Any]]:
        """What happens, as it happens: pairs of event and data. It connects again, and goes on where it broke off."""
        last_id = ""
        while True:
            headers = {"Last-Event-ID": last_id} if last_id else {}
            try:
                # The server says something every 15 s, so a longer silence is a dead line.
                with self.http.stream("GET", "/stream", headers=headers, timeout=30.0) as answer:
                    checked(answer)
                    for event, data, number in server_sent(answer.iter_lines()):
                        last_id = number or last_id
                        yield event, json.loads(data)
            except httpx.TransportError as error:
                print(f"the stream broke off ({error or type(error).__name__}); once more in 2 s", file=sys.stderr)
            time.sleep(2.0)


def checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    answer.read()
    try:
        problem = answer.json()
    except ValueError:
        raise Refused(f"{answer.status_code} {answer.text[:200]}") from None
    wrong = [f"  {one['place']} {one['field']}: {one['expected']}" for one in problem.get("errors") or []]
    raise Refused("\n".join([f"{problem['title']}: {problem['detail']}", *wrong]))


def server_sent(lines: Iterator[str]) -> Iterator[tuple[str, str, str]]:
    """Server-sent events from the lines of an answer: event, data, id. A blank line ends each; ':' begins a comment."""
    event, number = "message", ""
    data: list[str] = []
    for line in lines:
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                yield event, "\n".join(data), number
            event, data = "message", []
        elif name == "event":
            event = value
        elif name == "data":
            data.append(value)
        elif name == "id":
            number = value


def show(alert: dict[str, Any], *, whole: bool = True) -> None:
    """An alert with its arithmetic, or the news of it only."""
    who = alert.get("user_name") or alert["user"] or "nobody known"
    where = f"{alert['gym']}/{alert['machine']}" if alert["machine"] else alert["gym"]
    print(f"\n{alert['severity'].upper()}  {alert['title']} — {who} at {where}, {alert['state']}, {alert['count']}×")
    print(f"  {alert['message']}", flush=True)
    if whole:
        print(f"  → {alert['advice']}")
        for name, figure in alert["evidence"].items():
            print(f"    {name:<24} {figure}")
        print(f"  acknowledge {alert['id']}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Members, limits and alerts of Sledwatch, over its API.")
    doing = parser.add_subparsers(dest="doing", required=True)
    doing.add_parser("members", help="list everybody")
    limit = doing.add_parser("limit", help="set how far a member's sled may come on a machine")
    for name in ("user", "gym", "machine"):
        limit.add_argument(name)
    limit.add_argument("limit_mm", type=float)
    doing.add_parser("watch", help="print alerts with their evidence as they happen; Ctrl-C ends it")
    doing.add_parser("acknowledge", help="say that you take care of an alert").add_argument("alert")
    options = parser.parse_args()

    token = os.environ.get("SLEDWATCH_API_TOKEN") or own_token(parser)
    api = Sledwatch(os.environ.get("SLEDWATCH_URL", "http://127.0.0.1:8080"), token)
    try:
        match options.doing:
            case "members":
                for one in api.members():
                    print(f"{one['user']:<20} {one['name'] or '':<24} {one['open_alerts']} open alerts")
            case "limit":
                put = api.set_limit(options.user, options.gym, options.machine, options.limit_mm)
                print(
                    f"{options.user} at {options.gym}/{options.machine}: {put['limit_mm']:g} mm, set by {put['set_by']}"
                )
            case "acknowledge":
                show(api.acknowledge(options.alert))
            case "watch":
                # An alert is told each time it changes: it repeats by counting.
                shown: set[str] = set()
                for event, data in api.stream():
                    if event == "alert":
                        show(data, whole=data["id"] not in shown)
                        shown.add(data["id"])
    except Refused as error:
        sys.exit(str(error))
    except httpx.TransportError as error:
        sys.exit(f"no answer from {api.http.base_url} ({error}): SLEDWATCH_URL says where the API is")
    except KeyboardInterrupt:
        print()


def own_token(parser: argparse.ArgumentParser) -> str:
    """The token that `make run` keeps beside its data."""
    try:
        return Path("data/api-token").read_text(encoding="utf-8").strip()
    except OSError:
        parser.error("set SLEDWATCH_API_TOKEN, or run this where data/api-token is")


if __name__ == "__main__":
    main()
