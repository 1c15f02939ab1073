"""The end of a node: stop the workload, then the instance by its cloud's own means, again and again while alive."""

from __future__ import annotations

import json
import re
import signal
from typing import Mapping, Optional

from gpu_shopper.agent.config import AgentConfig, EndByCommand, EndByRequest
from gpu_shopper.agent.notebook import ENDED, Notebook
from gpu_shopper.agent.outside import Asking, Outside
from gpu_shopper.agent.processes import ProcessTable
from gpu_shopper.agent.workload import stop_workload

GENTLE_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 300.0
COMMAND_TIMEOUT_SECONDS = 60.0


class Ending:
    """Performs the end in small steps, each called with the node's age; it never gives up."""

    def __init__(self, outside: Outside, config: AgentConfig) -> None:
        """Prepare for an end that may never come."""
        self._outside = outside
        self._config = config
        self._notebook = Notebook(outside.place)
        self._table = ProcessTable(outside, config.process_scope_env)
        self._began_at: Optional[float] = None
        self._tries = 0
        self._next_try_at = 0.0

    def step(self, age: float, reason: str) -> None:
        """Do what is due now."""
        if self._began_at is None:
            self._began_at = age
            self._write(age, reason, "the workload is told to stop")
            self._outside.log("ending: %s" % reason)
            stop_workload(self._outside, self._notebook, self._table, how=signal.SIGTERM)
            return
        gentle = age - self._began_at < GENTLE_SECONDS
        if gentle and self._workload_lives():
            return
        if age >= self._next_try_at:
            stop_workload(self._outside, self._notebook, self._table, how=signal.SIGKILL)
            outcome = self._end_instance()
            self._next_try_at = age + min(
                LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(self._tries, 10)
            )
            self._tries += 1
            self._write(age, reason, outcome)
            self._outside.log("ending, try %d: %s" % (self._tries, outcome))

    def _workload_lives(self) -> bool:
        return stop_workload(self._outside, self._notebook, self._table, how=0)

    def _end_instance(self) -> str:
        end = self._config.end
        if end is None:
            return "the workload is stopped; this node can't end its instance"
        if isinstance(end, EndByCommand):
            ran = self._outside.run(end.command, COMMAND_TIMEOUT_SECONDS)
            return "the end command: %s" % (ran.error or "exit code %s" % ran.code)
        try:
            asking = resolved(end, self._variables())
        except KeyError as error:
            return "the end request needs the environment variable %s" % error
        answer = self._outside.send(asking)
        return "the end request: %s" % (answer.error or "status %d" % answer.status)

    def _variables(self) -> Mapping[str, str]:
        # Clouds put the instance's own key into the environment of the container's first process, which a start-up
        # script does not always inherit.
        first = self._table.one(1)
        return {**(first.variables() if first is not None else {}), **self._outside.environ}

    def _write(self, age: float, reason: str, outcome: str) -> None:
        record = {
            "reason": reason,
            "outcome": outcome,
            "tries": self._tries,
            "age_seconds": round(age, 3),
            "at": self._outside.calendar(),
        }
        self._notebook.write(ENDED, json.dumps(record))


def resolved(end: EndByRequest, variables: Mapping[str, str]) -> Asking:
    """Fill in `${NAME}` in every part, or raise KeyError with the name that is missing."""

    def fill(text: str) -> str:
        return re.sub(
            r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}", lambda found: variables[found.group(1)], text
        )

    headers = {name: fill(value) for name, value in end.headers.items()}
    body = None if end.body is None else fill(end.body).encode()
    return Asking(end.method, fill(end.url), headers, body)
