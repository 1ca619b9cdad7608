"""A stand-in for the Hugging Face Hub on loopback: what its library asks for as a folder goes up or down."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_the_owner"


@dataclass
class Repository:
    """Its files, who may see it, and what is made to go wrong with it."""

    files: dict[str, bytes] = field(default_factory=dict)
    private: bool = False
    half: set[str] = field(default_factory=set)
    commits: int = 0

    @property
    def sha(self) -> str:
        return hashlib.sha1(repr((self.commits, sorted(self.files.items()))).encode()).hexdigest()


class Hub:
    """The repositories of a server, and its address. `status`: what it answers to everything, if anything."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.url = ""
        self.status: int | None = None
        self.requests: list[str] = []


@contextmanager
def serving() -> Iterator[Hub]:
    """A server in a thread."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: ClassVar[Hub]
    protocol_version = "HTTP/1.1"

    def log_message(self, *rest: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._get(True)

    def do_GET(self) -> None:
        self._get(False)

    def _get(self, head: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        if self.hub.status is not None:
            self._error(self.hub.status, "")
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?", path):
            repository = self._repository(match[1], match[3])
            if repository is not None:
                tree = match[2] == "tree"
                self._json(_tree(repository) if tree else _info(match[1], repository))
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            repository = self._repository(match[1], match[2])
            if repository is not None:
                self._file(repository, match[3], head)
        else:
            self._error(404, "")

    def do_POST(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"POST {path}")
        body = self._body()
        if self.hub.status is not None:
            self._error(self.hub.status, "")
        elif path == "/api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._error(401, "")
        elif path == "/api/repos/create":
            wish = json.loads(body)
            name = f"{wish.get('organization') or 'ann'}/{wish['name']}"
            if name in self.hub.repositories:
                self._json({"url": f"{self.hub.url}/{name}", "error": "exists"}, 409)
            else:
                self.hub.repositories[name] = Repository(private=wish.get("visibility") == "private")
                self._json({"url": f"{self.hub.url}/{name}"})
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/preupload/main", path):
            wish = [each["path"] for each in json.loads(body)["files"]]
            answers = [{"path": each, "uploadMode": "regular", "shouldIgnore": False} for each in wish]
            self._json({"files": answers})
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/commit/main", path):
            self._commit(self.hub.repositories[match[1]], match[1], body)
        else:
            self._error(404, "")

    def _commit(self, repository: Repository, name: str, body: bytes) -> None:
        for line in body.splitlines():
            entry = json.loads(line)
            value = entry["value"]
            if entry["key"] == "file":
                repository.files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "deletedFile":
                del repository.files[value["path"]]
        repository.commits += 1
        sha = repository.sha
        self._json({"commitUrl": f"{self.hub.url}/{name}/commit/{sha}", "commitOid": sha})

    def _repository(self, name: str, revision: str | None) -> Repository | None:
        repository = self.hub.repositories.get(name)
        owner = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        if repository is None or (repository.private and not owner):
            self._error(404 if owner else 401, "RepoNotFound")
            return None
        if revision not in (None, "main", repository.sha):
            self._error(404, "RevisionNotFound")
            return None
        return repository

    def _file(self, repository: Repository, name: str, head: bool) -> None:
        content = repository.files.get(name)
        if content is None:
            self._error(404, "EntryNotFound")
            return
        self.send_response(200)
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", repository.sha)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if not head:
            broken = name in repository.half
            self.wfile.write(content[: len(content) // 2] if broken else content)
            self.close_connection = broken

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _json(self, value: Any, status: int = 200) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _error(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()


def _info(name: str, repository: Repository) -> dict[str, Any]:
    files = [{"rfilename": each, "size": len(content)} for each, content in repository.files.items()]
    return {
        "id": name,
        "modelId": name,
        "sha": repository.sha,
        "private": repository.private,
        "siblings": files,
    }


def _tree(repository: Repository) -> list[dict[str, Any]]:
    return [
        {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
        for name, content in repository.files.items()
    ]
