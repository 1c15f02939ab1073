"""The blows: which program is struck, at what moment, and how it comes back. All drawn from one seed.

A blow returns its name, under which it is counted. Those that kill end a program as a power cut would; nothing cleans up.
"""

import contextlib
import http.client
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from gpu_shopper.sandbox import processes
from gpu_shopper.sandbox.processes import Process
from gpu_shopper.testing.programs import ask, command_line, until
from gpu_shopper.testing.torture.bench import Bench

# What counts as a cycle.
KILLS = frozenset(
    {
        "kill -9 server at work", "kill -9 server starting up", "kill -9 server at a request",
        "kill -9 server migrating", "kill -9 server and cloud", "kill -9 cloud", "kill -9 agent",
        "kill -9 instance",
    }
)  # fmt: skip
_READY_WITHIN_S = 6.0
_PAUSE_S = (0.1, 3.0)
_RULES: tuple[dict[str, Any], ...] = (
    {"kind": "answer_late", "operations": ["create"], "params": {"seconds": 2}},
    {"kind": "lose_create_reply"},
    {"kind": "create_then_500"},
    {"kind": "create_late", "params": {"seconds": 3, "answer": "504"}},
    {"kind": "create_late", "params": {"seconds": 3, "answer": "cut"}},
    {"kind": "rate_limited", "operations": ["create"], "params": {"retry_after": 1}},
    {"kind": "no_capacity"},
    {"kind": "wrong_gpu", "params": {"admits": True}},
    {"kind": "wrong_gpu", "params": {"gpu_count": 4, "admits": False}},
    {"kind": "wrong_price", "params": {"factor": 100, "admits": True}},
    {"kind": "boot_fails"},
    {"kind": "never_boot"},
    {"kind": "preempt", "params": {"seconds": 3}},
    {"kind": "down", "operations": ["create"]},
    {"kind": "lose_request", "operations": ["destroy"]},
    {"kind": "answer_late", "operations": ["destroy"], "params": {"seconds": 2}},
    {"kind": "rate_limited", "operations": ["destroy"], "params": {"retry_after": 1}},
    {"kind": "html_error", "operations": ["destroy"]},
    {"kind": "ignore_destroy"},
    {"kind": "stop_instead_of_destroy"},
    {"kind": "slow_destroy", "params": {"seconds": 3}},
    {"kind": "lose_destroy_reply"},
    {"kind": "list_lag", "params": {"seconds": 4}},
    {"kind": "list_cut", "params": {"share": 0.7}},
    {"kind": "list_empty"},
    {"kind": "get_false_404"},
    {"kind": "down", "operations": ["list", "get"]},
    {"kind": "lose_request", "operations": ["list", "get"]},
)


class Blows:
    """Strikes at one bench."""

    def __init__(self, bench: Bench, chance: random.Random) -> None:
        """Take the bench and the dice."""
        self._bench = bench
        self._chance = chance
        self._held: list[tuple[float, Process]] = []
        self._fresh = bench.another_server()
        self.counts: Counter[str] = Counter()
        self.restart_s: list[float] = []
        # How often one blow is drawn; the server is what this is about.
        self._kinds: dict[Callable[[], str], int] = {
            self._at_work: 34, self._starting_up: 14, self._at_a_request: 16, self._migrating: 5,
            self._both: 4, self._cloud: 8, self._agent: 8, self._instance: 4, self._hold_server: 5,
            self._hold_cloud: 3, self._hold_agent: 3, self._rules: 10, self._behave: 4,
            self._lull: 6, self._terminate: 2, self._disk_full: 4,
        }  # fmt: skip

    @property
    def kills(self) -> int:
        """How many programs were killed so far."""
        return sum(count for name, count in self.counts.items() if name in KILLS)

    def strike(self) -> str:
        """Strike once, wait until what was struck is back, and return what it was."""
        kinds = list(self._kinds)
        (blow,) = self._chance.choices(kinds, weights=[self._kinds[each] for each in kinds])
        name = blow()
        if name:
            self.counts[name] += 1
        self._let_go(time.monotonic())
        return name

    def end(self) -> None:
        """No more faults: let go of all that is held, let the cloud behave, see that both are up."""
        self._let_go(float("inf"))
        if self._fresh.runs:
            self._fresh.kill()
        if not self._bench.cloud.runs:
            self._bench.start_cloud()
        self._bench.disk.free()
        self._bench.misbehave()
        if not self._bench.server.runs:
            self._come_back()
        until("the server is ready at last", self._is_ready, within_s=60.0)

    # Kills.

    def _at_work(self) -> str:
        self._wait(0.0, 0.8)
        self._bench.kill_server()
        self._come_back()
        return "kill -9 server at work"

    def _starting_up(self) -> str:
        """It dies on its way up, perhaps several times, before it has said that it serves."""
        self._bench.kill_server()
        for _ in range(self._chance.randrange(1, 3)):
            self._bench.server.begin(**self._bench.settings)
            self._wait(0.05, 1.6)
            self._bench.kill_server()
            self.counts["kill -9 server starting up"] += 1
        self._come_back()
        return "kill -9 server at work"

    def _at_a_request(self) -> str:
        """It dies some milliseconds after a request to it was sent."""
        sent = threading.Event()

        def request() -> None:
            sent.set()
            order = {
                "consumer_id": "nobody", "workload_type": "batch", "reservation_hours": 1,
                "requirements": {"gpu_types": ["H100 SXM"]}, "max_price_per_hour": 0.001,
            }  # fmt: skip
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                ask(self._bench.server.url, "POST", "/api/v1/sessions", order)

        self._wait(0.0, 0.3)
        thread = threading.Thread(target=request)
        thread.start()
        sent.wait()
        self._wait(0.0, 0.03)
        self._bench.kill_server()
        thread.join()
        self._come_back()
        return "kill -9 server at a request"

    def _migrating(self) -> str:
        """Another server makes its first book and dies over it; the next one goes on with what is there."""
        settings = {
            **self._bench.settings,
            "data_dir": str(self._fresh.folder),
            "database": str(self._fresh.folder / "shopper.db"),
        }
        place = self._fresh.place
        self._fresh.begin(**settings)
        self._wait(0.6, 1.8)
        assert self._fresh.runs, f"it ended by itself\n{self._fresh.said_since(place)}"
        self._fresh.kill()
        said = self._fresh.said_since(place)
        assert "Traceback" not in said, f"a server that was killed before does not start\n{said}"
        if "serving" in said:
            self._fresh = self._bench.another_server()
        return "kill -9 server migrating"

    def _both(self) -> str:
        self._wait(0.0, 0.5)
        self._bench.kill_server()
        self._bench.kill_cloud()
        self.counts["kill -9 cloud"] += 1
        self._bench.start_cloud()
        self._come_back()
        return "kill -9 server at work"

    def _cloud(self) -> str:
        self._wait(0.0, 0.8)
        self._bench.kill_cloud()
        self._wait(0.0, 1.0)
        self._bench.start_cloud()
        return "kill -9 cloud"

    def _agent(self) -> str:
        return self._signal("kill -9 agent", self._agents(), signal.SIGKILL)

    def _instance(self) -> str:
        roots = [pid for pid, _ in self._ours() if b"sandbox.instance" in command_line(pid)]
        return self._signal("kill -9 instance", roots, signal.SIGKILL)

    def _terminate(self) -> str:
        """Not a crash: the polite end, which must be as safe."""
        self._bench.server_away.begin()
        self._bench.server.end()
        self._come_back()
        return "SIGTERM server"

    # What stands still.

    def _hold_server(self) -> str:
        self._bench.server_away.begin()
        self._bench.server.hold()
        self._wait(*_PAUSE_S)
        self._bench.server.release()
        self._bench.server_away.end()
        return "SIGSTOP server"

    def _hold_cloud(self) -> str:
        self._bench.cloud_away.begin()
        self._bench.cloud.hold()
        self._wait(*_PAUSE_S)
        self._bench.cloud.release()
        self._bench.cloud_away.end()
        return "SIGSTOP cloud"

    def _hold_agent(self) -> str:
        agents = self._agents()
        if not agents:
            return ""
        process = processes.find(self._chance.choice(agents))
        if process is None:
            return ""
        processes.send(process, signal.SIGSTOP)
        self._held.append((time.monotonic() + self._chance.uniform(1.0, 20.0), process))
        return "SIGSTOP agent"

    def _let_go(self, now: float) -> None:
        for at, process in self._held:
            if at <= now:
                processes.send(process, signal.SIGCONT)
        self._held = [(at, process) for at, process in self._held if at > now]

    # What lies, and what is full.

    def _rules(self) -> str:
        rules = [
            {**rule, "rate": round(self._chance.uniform(0.05, 0.3), 2)}
            for rule in self._chance.sample(_RULES, self._chance.randrange(1, 6))
        ]
        self._bench.misbehave(*rules)
        return "misbehaviour"

    def _behave(self) -> str:
        self._bench.misbehave()
        return ""

    def _disk_full(self) -> str:
        """The book cannot grow for a while; sometimes the server dies over it and must start again."""
        if not self._bench.disk.kind:
            return ""
        self._bench.server_away.begin()
        self._bench.disk.fill()
        self._wait(0.3, 2.5)
        if self._chance.random() < 0.4:
            self._bench.kill_server()
            self.counts["kill -9 server at work"] += 1
            # Whether it starts on a full disk or says that it can't: it must lose nothing.
            self._bench.server.begin(**self._bench.settings)
            self._wait(1.0, 2.5)
            if self._bench.server.runs:
                self._bench.kill_server()
                self.counts["kill -9 server starting up"] += 1
            self._bench.disk.free()
            self._come_back()
        self._bench.disk.free()
        self._bench.server_away.end()
        return "disk full"

    def _lull(self) -> str:
        """Some seconds in which nothing is struck, so that sessions get somewhere."""
        self._wait(2.0, 6.0)
        return ""

    # The way back.

    def _come_back(self) -> None:
        began = time.monotonic()
        self._bench.start_server(wait=False)
        give_up_at = time.monotonic() + _READY_WITHIN_S
        # A cloud that lies about its offers keeps it from being ready; it serves all the same.
        while not self._is_ready() and time.monotonic() < give_up_at:
            time.sleep(0.02)
        self.restart_s.append(time.monotonic() - began)

    def _is_ready(self) -> bool:
        return self._bench.server.asked("GET", "/ready") == 200

    def _signal(self, name: str, pids: list[int], number: signal.Signals) -> str:
        if not pids:
            return ""
        processes.send(processes.find(self._chance.choice(pids)), number)
        return name

    def _agents(self) -> list[int]:
        return [pid for pid, _ in self._bench.truth.agents()]

    def _ours(self) -> list[tuple[int, str]]:
        strays = {stray.instance for stray in self._bench.strays}
        return [each for each in self._bench.truth.processes() if each[1] not in strays]

    def _wait(self, least_s: float, most_s: float) -> None:
        time.sleep(self._chance.uniform(least_s, most_s))
