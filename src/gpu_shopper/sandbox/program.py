"""The program around the model: writes it down, keeps its time, and makes its effects real.

Order matters. A change is on the disk before its caller hears of it and before its effects begin, so
whatever is running has been promised, and whatever was promised is started again after a crash.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec

from gpu_shopper.sandbox import instances as status
from gpu_shopper.sandbox.messages import AdmitKey, Effect, ModelReply, ModelRequest, StartInstance
from gpu_shopper.sandbox.model import CloudModel
from gpu_shopper.sandbox.processes import StubbornProcessesError
from gpu_shopper.sandbox.store import StateDir
from gpu_shopper.sandbox.supervisor import InstanceFailedError, Supervisor

T = TypeVar("T")

_LOG = logging.getLogger("gpu_shopper.sandbox")
_TRY_AGAIN_S = 1.0
_LONGEST_NAP_S = 60.0


class Program:
    """One running sandbox."""

    def __init__(self, model: CloudModel, store: StateDir, supervisor: Supervisor) -> None:
        self.model = model
        self._store = store
        self._supervisor = supervisor
        self._saved_version = -1
        self._saving = asyncio.Lock()
        self._writer = ThreadPoolExecutor(max_workers=1)
        self._changed = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()
        self._standing: list[asyncio.Task[None]] = []
        self._turns: dict[str, asyncio.Lock] = {}

    async def handle(self, request: ModelRequest) -> ModelReply:
        """Answer one call; when this returns, what it changed will not be forgotten."""
        return await self.perform(lambda now: self.model.handle(request, now=now))

    async def perform(self, act: Callable[[float], T]) -> T:
        """Do something to the model at this moment; when this returns, what it changed will not be forgotten."""
        outcome = act(time.time())
        await self.commit()
        return outcome

    async def commit(self) -> None:
        """Let time pass, write down what has changed, then let its effects begin."""
        effects = self.model.advance(time.time())
        try:
            await self._save()
        finally:
            # A full disk must not stop a destroy; what it lets start unrecorded is cleared away at
            # the next start.
            for effect in effects:
                self._do(self._perform(effect))
            self._changed.set()

    async def open(self) -> None:
        """Find the instances of an earlier run again, then start to watch and to keep time."""
        for instance in self.model.hosted():
            if instance.status in {status.CREATING, status.BOOTING}:
                continue
            ready = await asyncio.to_thread(self._supervisor.adopt, instance.id)
            if ready is None and instance.end_reason is None and not instance.keeps_disk:
                self._on_death(instance.id)
        kept = {entry.id for entry in self.model.alive(time.time())}
        for name in self._supervisor.known_on_disk():
            if name not in kept:
                self._do(self._clear_away(name))
        await self.commit()
        self._standing = [
            asyncio.create_task(self._keep_time()),
            asyncio.create_task(self._supervisor.watch(self._on_death)),
        ]

    async def end_everything(self, *, within_s: float) -> int:
        """End every instance; return how many are still there when the time is up."""
        self.model.end_all(now=time.time())
        await self.commit()
        give_up_at = time.monotonic() + within_s
        while self._working and time.monotonic() < give_up_at:
            await asyncio.wait(self._working, timeout=give_up_at - time.monotonic())
        await self._save()
        return len(self.model.hosted())

    async def close(self) -> None:
        """Stop working; instances stay as they are."""
        tasks = [*self._standing, *self._working]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._save()
        self._writer.shutdown()

    async def _save(self) -> None:
        """Write the state if it is not written yet; those who wait meanwhile share one write."""
        wanted = self.model.version
        async with self._saving:
            if self._saved_version >= wanted:
                return
            version = self.model.version
            state = msgspec.json.encode(self.model.snapshot())
            # One thread for all: who is cancelled while it writes leaves it writing, and the next must come after it.
            await asyncio.get_running_loop().run_in_executor(self._writer, self._store.save, state)
            self._saved_version = version

    async def _keep_time(self) -> None:
        while True:
            self._changed.clear()
            at = self.model.next_event_at()
            nap = _LONGEST_NAP_S if at is None else min(max(at - time.time(), 0.0), _LONGEST_NAP_S)
            try:
                # Not `wait_for`: before Python 3.12 it may swallow a cancellation that comes with the change.
                async with asyncio.timeout(nap):
                    await self._changed.wait()
            except TimeoutError:
                await self._let_time_pass()

    async def _let_time_pass(self) -> None:
        try:
            await self.commit()
        except OSError as error:
            _LOG.warning("the state can't be written: %s", error)
            await asyncio.sleep(_TRY_AGAIN_S)

    async def _perform(self, effect: Effect) -> None:
        """Make one effect real; those of one instance take turns, in their order."""
        async with self._turns.setdefault(effect.instance_id, asyncio.Lock()):
            if isinstance(effect, StartInstance):
                await self._start(effect)
            elif isinstance(effect, AdmitKey):
                await asyncio.to_thread(self._supervisor.admit, effect.instance_id, effect.ssh_key)
            else:
                await self._stop(effect.instance_id, keep_disk=effect.keep_disk)
        await self.commit()

    async def _start(self, effect: StartInstance) -> None:
        instance = self.model.instance(effect.instance_id)
        if instance is None or instance.status != status.BOOTING:
            return
        try:
            ready = await self._supervisor.start(effect.spec)
        except (InstanceFailedError, StubbornProcessesError, OSError) as error:
            _LOG.warning("%s", error)
            self.model.instance_died(effect.instance_id, now=time.time())
            return
        self.model.instance_ready(
            effect.instance_id, ssh_host="127.0.0.1", ssh_port=ready.port,
            host_key=ready.host_key, now=time.time(),
        )  # fmt: skip

    async def _stop(self, instance_id: str, *, keep_disk: bool) -> None:
        while True:
            try:
                await self._supervisor.stop(instance_id, keep_disk=keep_disk)
            except (StubbornProcessesError, OSError) as error:
                _LOG.warning("instance %s is not gone yet: %s", instance_id, error)
                await asyncio.sleep(_TRY_AGAIN_S)
            else:
                self.model.instance_died(instance_id, now=time.time())
                return

    def _on_death(self, instance_id: str) -> None:
        """An instance's own process is gone unasked: end what it left, then book its end."""
        self._do(self._bury(instance_id))

    async def _bury(self, instance_id: str) -> None:
        async with self._turns.setdefault(instance_id, asyncio.Lock()):
            await self._stop(instance_id, keep_disk=False)
        await self.commit()

    async def _clear_away(self, name: str) -> None:
        """Remove what an instance that has ended left on this machine."""
        async with self._turns.setdefault(name, asyncio.Lock()):
            await self._stop(name, keep_disk=False)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._working.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("a task of the sandbox failed", exc_info=error)
