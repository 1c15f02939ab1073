"""A server that says what the API would, remembers what it was asked, and fails on demand."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1H1v3iQ3v0v4m5v3c6yqE2X5Yw9mJbO3k4v8s2u7xQ"
LOST = "lost"
UNHEARD = "unheard"
CUT = "cut"
HEAD_ONLY = "head only"

Body = dict[str, Any]
Routed = tuple[int, Body | bytes]


def session_body(session_id: str = "ses_1", *, status: str = "running", **more: object) -> Body:
    is_up = status in {"running", "stopping"}
    return {
        "id": session_id, "consumer_id": "me", "provider": "sandbox", "offer_id": "sandbox:1",
        "gpu_type": "RTX 4090", "gpu_count": 1, "status": status, "phase": status, "error": None,
        "stop_reason": None, "ssh_host": "127.0.0.1" if is_up else None,
        "ssh_port": 2222 if is_up else None, "ssh_user": "gpu" if is_up else None,
        "host_key": HOST_KEY if is_up else None, "workload_type": "interactive",
        "reservation_hours": 2, "price_per_hour": 0.4, "cost_so_far": 0.01,
        "created_at": NOW.isoformat(), "running_at": NOW.isoformat() if is_up else None,
        "expires_at": (NOW + timedelta(hours=2)).isoformat(), "stopped_at": None,
        "last_heartbeat_at": None,
        "attempts": [
            {
                "n": 1, "offer_id": "sandbox:1", "provider": "sandbox", "state": "bound",
                "error": None, "price_per_hour": 0.4, "instance_id": "i-1", "proof": None,
            }
        ],
        **more,
    }  # fmt: skip


def offer_body(offer_id: str = "sandbox:1", **more: object) -> Body:
    return {
        "id": offer_id, "provider": "sandbox", "provider_id": "1", "gpu_type": "RTX 4090",
        "gpu_count": 1, "vram_gb": 24, "price_per_hour": 0.4, "price_per_gpu_hour": 0.4,
        "location": "Oslo, NO", "country": "NO", "region": "eu-north", "reliability": 0.99,
        "available": True, "availability_confidence": 0.9, "max_duration_hours": 0,
        "fetched_at": NOW.isoformat(), "cuda_version": "12.4", "interruptible": False, "vcpus": 8,
        "ram_gb": 32, "disk_gb": 100, "inet_down_mbps": 900, "inet_up_mbps": 800,
        "storage_price_per_gb_month": 0.1, "traffic_price_per_gb": 0.0, "machine_id": "m-1",
        "gpu_fraction": 1.0, "price_per_tflops_hour": None, "price_per_gb_vram_hour": None,
        "city": "", "marks": [], **more,
    }  # fmt: skip


def fit_body(**more: object) -> Body:
    memory = {
        "weights_bytes": 40 * 2**30, "kv_cache_bytes": 10 * 2**30, "activations_bytes": 2**30,
        "overhead_bytes": 2 * 2**30, "total_bytes": 53 * 2**30,
    }  # fmt: skip
    way = {"tensor_parallel": 1, "pipeline_parallel": 1}
    return {
        "model": {
            "name": "Llama 3.1 70B", "params": 70_554_000_000, "active_params": None, "layers": 80,
            "max_context": 131072, "source": "Meta: config.json, 2024",
        },
        "load": {
            "quant": "awq", "bits_per_weight": 4.15625, "kv_quant": "fp16", "context": 32768,
            "sequences": 1, "runtime": "vllm",
        },
        "weights_bytes": 40 * 2**30, "kv_cache_bytes_per_token": 327_680,
        "splits": [
            {
                "gpu_count": 1, **way, "per_gpu": memory, "min_vram_gb": 61, "offers": 1,
                "cheapest_price_per_hour": 2.1,
            },
            {
                "gpu_count": 6, "tensor_parallel": 2, "pipeline_parallel": 3, "per_gpu": memory,
                "min_vram_gb": 61, "offers": 0, "cheapest_price_per_hour": None,
            },
        ],
        "assumptions": ["activations: steps of 8192 tokens"],
        "offers": [
            {
                "offer": offer_body(gpu_type="H100 SXM", vram_gb=80, price_per_hour=2.1), **way,
                "needed_bytes": 53 * 2**30, "usable_bytes": 70 * 2**30,
            }
        ],
        "count": 1, "total": 4, "providers": [], **more,
    }  # fmt: skip


def history_body(*families: Body, **more: object) -> Body:
    return {
        "families": list(families), "count": len(families), "since": "2026-03-13T12:00:00Z", **more,
    }  # fmt: skip


def family_body(*points: tuple[int, int, float], now: float | None = 1.5, **more: object) -> Body:
    """Return a family with points at so many hours from the first, for so many hours, at a price."""
    first = datetime(2026, 3, 13, 12, tzinfo=UTC)
    return {
        "provider": "sandbox", "gpu_type": "H100 SXM", "gpu_count": 1, "gpu_fraction": 1.0,
        "interruptible": False, "country": "DE",
        "points": [
            {
                "at": (first + timedelta(hours=begin)).isoformat(), "hours": hours,
                "lowest": price, "median": price, "offers": 2,
            }
            for begin, hours, price in points
        ],
        "summary": {
            "now": now, "lowest": 1.0, "median": 2.0, "highest": 3.0, "percentile": 20.0,
            "hours": 24, "verdict": "good", "says": "1.5000 USD/h now: a good time to rent",
        },
        **more,
    }  # fmt: skip


def problem(status: int, code: str, detail: str, **more: object) -> Routed:
    body = {
        "type": f"urn:gpu-shopper:problem:{code}", "title": code, "status": status,
        "detail": detail, "instance": "/x", "code": code, "request_id": "req_1",
        "retryable": False, "error": detail, **more,
    }  # fmt: skip
    return status, body


class FakeServer:
    """Its world is a few dicts. `faults` hit the next requests, one each; `journey` is what a session goes through."""

    def __init__(self) -> None:
        self.sessions: dict[str, Body] = {}
        self.keys: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        self.bodies: list[Body] = []
        self.headers: list[dict[str, str]] = []
        self.faults: list[str | Routed] = []
        self.only_method = ""
        self.journey = ["provisioning", "running"]
        self.ending = ["stopped"]
        self.answers: dict[tuple[str, str], Routed | Callable[[dict[str, list[str]]], Routed]] = {}
        self.offers = [offer_body(f"sandbox:{n}") for n in range(1, 4)]
        self.sources = [
            {"name": "sandbox", "ok": True, "age_s": 1.0, "error": None, "offers": 3, "rejected": 0}
        ]
        self.lock = threading.Lock()
        self.first_session = threading.Event()
        self.tag = 'W/"first"'
        self.url = ""
        self.close: Callable[[], None] = lambda: None

    def times(self, method: str, path: str) -> int:
        return self.asked.count((method, path))

    def running(self) -> list[str]:
        return [s["id"] for s in self.sessions.values() if s["status"] not in {"stopped", "failed"}]

    def answer(self, method: str, target: str, body: bytes, headers: dict[str, str]) -> Routed:
        split = urlsplit(target)
        path, query = split.path, parse_qs(split.query)
        self.asked.append((method, path))
        self.headers.append(headers)
        if body and body != b"{}":
            self.bodies.append(json.loads(body))
        ready = self.answers.get((method, path))
        if ready is not None:
            return ready if isinstance(ready, tuple) else ready(query)
        parts = path.removeprefix("/api/v1/").split("/")
        match method, parts:
            case "POST", ["sessions"]:
                return self._create(json.loads(body), headers.get("idempotency-key", ""))
            case "GET", ["sessions"]:
                wanted = query.get("status") or [each["status"] for each in self.sessions.values()]
                found = [each for each in self.sessions.values() if each["status"] in wanted]
                return 200, {"sessions": found, "count": len(found)}
            case "GET", ["inventory"]:
                if headers.get("if-none-match") == self.tag:
                    return 304, b""
                page = {"offers": self.offers, "count": len(self.offers), "total": 3}
                return 200, {**page, "providers": self.sources}
            case _, ["sessions", session_id, *rest]:
                return self._session(method, session_id, rest, body)
            case _:
                return problem(404, "no_route", f"there is no path {path}")

    def _create(self, order: Body, key: str) -> Routed:
        if key not in self.keys:
            session_id = f"ses_{len(self.sessions) + 1}"
            self.keys[key] = session_id
            self.first_session.set()
            self.sessions[session_id] = session_body(
                session_id, status="pending", consumer_id=order["consumer_id"], left=[*self.journey]
            )
        answer: Body = {"session": self._seen(self.keys[key])}
        if "ssh_public_key" not in order or order["ssh_public_key"] is None:
            answer["ssh_private_key"] = KEY
        return 201, answer

    def _session(self, method: str, session_id: str, rest: list[str], body: bytes) -> Routed:
        if session_id not in self.sessions:
            return problem(404, "not_found", f"there is no session {session_id}")
        session = self.sessions[session_id]
        match method, rest:
            case "GET", []:
                left = session.get("left", [])
                if left:
                    session.update(session_body(session_id, status=left.pop(0)), left=left)
                return 200, self._seen(session_id)
            case "GET", ["events"]:
                event = {
                    "sequence": 1,
                    "at": NOW.isoformat(),
                    "kind": "requested",
                    "actor": "me",
                    "details": {},
                }
                return 200, {"events": [event], "count": 1}
            case ("DELETE", []) | ("POST", ["done"]):
                session.update(status="stopping", phase="proving absence", left=[*self.ending])
                return 200, {
                    "message": "ok",
                    "session_id": session_id,
                    "session": self._seen(session_id),
                }
            case "POST", ["extend"]:
                end = NOW + timedelta(hours=2 + json.loads(body)["additional_hours"])
                session["expires_at"] = end.isoformat()
                return 200, {
                    "message": "ok",
                    "session_id": session_id,
                    "new_expires_at": end.isoformat(),
                }
            case _:
                return problem(404, "no_route", "no such path")

    def _seen(self, session_id: str) -> Body:
        return {name: value for name, value in self.sessions[session_id].items() if name != "left"}


def _handler(fake: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.close_connection = True
            with fake.lock:
                hit = fake.faults and fake.only_method in {"", self.command}
                fault = fake.faults.pop(0) if hit else None
                if fault == UNHEARD:
                    fake.asked.append((self.command, urlsplit(self.path).path))
                    return
                if isinstance(fault, tuple):
                    fake.asked.append((self.command, urlsplit(self.path).path))
                    status, said = fault
                else:
                    headers = {name.lower(): value for name, value in self.headers.items()}
                    status, said = fake.answer(self.command, self.path, body, headers)
            if fault == LOST:
                return
            text = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            if urlsplit(self.path).path.endswith("/inventory"):
                self.send_header("ETag", fake.tag)
            self.end_headers()
            sent = {CUT: len(text) // 2, HEAD_ONLY: 0}.get(str(fault), len(text))
            self.wfile.write(text[:sent])

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the library's names

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@contextmanager
def fake_server() -> Iterator[FakeServer]:
    fake = FakeServer()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(fake))
    thread = threading.Thread(
        target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    fake.url = f"http://127.0.0.1:{http.server_address[1]}"

    def close() -> None:
        http.shutdown()
        http.server_close()
        thread.join(5)

    fake.close = close
    try:
        yield fake
    finally:
        close()


def key_folders(tmp: Path) -> list[Path]:
    return sorted(tmp.glob("gpu-shopper-*"))
