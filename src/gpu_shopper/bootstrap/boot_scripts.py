"""Start-up scripts with our agent inside: the port that lets the engine order them without knowing the agent."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from gpu_shopper.agent.boot_script import BASE64_LINE, boot_script
from gpu_shopper.agent.config import AgentConfig, EndByCommand, EndByRequest
from gpu_shopper.agent.pack import zipapp_bytes
from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.boot import BootOrder
from gpu_shopper.ports.vault import Secret
from gpu_shopper.providers.manifest import EndCommand, Manifest

# As long as each part of an order can be.
_LARGEST = BootOrder(
    provider=ProviderName(""),
    label=Label("a" * 60),
    token=Secret("a" * 64),
    stop_in=timedelta(seconds=123_456_789.123456),
    probe_key=f"ssh-ed25519 {'A' * 68} gpu-shopper-probe",
    user_script="",
)
HEARTBEAT_PATH = "/api/v1/agent/heartbeat"


class AgentBootScripts:
    """Makes a script per order; the agent's zipapp is packed once."""

    def __init__(
        self, manifests: Mapping[ProviderName, Manifest], *, public_url: str | None, limits: Limits
    ) -> None:
        self._manifests = manifests
        self._urls = (f"{public_url}{HEARTBEAT_PATH}",) if public_url else ()
        self._limits = limits
        self._zipapp = zipapp_bytes()
        self._own_sizes: dict[ProviderName, int] = {}

    @property
    def node_can_reach_us(self) -> bool:
        """Whether agents are told an address of ours to report to."""
        return bool(self._urls)

    def size_bytes(self, provider: ProviderName, user_script: str | None) -> int:
        """Return the most that a script for such an order takes, whatever its label, token and times are."""
        if provider not in self._own_sizes:
            self._own_sizes[provider] = len(self.script(replace(_LARGEST, provider=provider)))
        text = b"" if user_script is None else user_script.encode()
        in_base64 = 4 * ((len(text) + 2) // 3)
        return self._own_sizes[provider] + in_base64 + in_base64 // BASE64_LINE + 1

    def script(self, order: BootOrder) -> str:
        """Return the script."""
        manifest = self._manifests[order.provider]
        config = AgentConfig(
            label=order.label,
            token=order.token.text,
            stop_in_seconds=order.stop_in.total_seconds(),
            control_urls=self._urls,
            heartbeat_seconds=self._limits.heartbeat.total_seconds(),
            lease_seconds=self._limits.lease.total_seconds(),
            end=_end_of(manifest),
            probe_public_key=order.probe_key,
            process_scope_env=manifest.process_scope_env,
            instance_id_env=manifest.instance_id_env,
        )
        return boot_script(
            config,
            zipapp=self._zipapp,
            user_script=order.user_script,
            authorized_probe_key=order.probe_key,
            login_keys=order.login_keys,
        )

    def environment(self, provider: ProviderName) -> Mapping[str, str]:
        """Return extra environment for this cloud's nodes: none is needed so far."""
        assert provider in self._manifests, provider
        return {}


def _end_of(manifest: Manifest) -> EndByRequest | EndByCommand | None:
    end = manifest.end_request
    if isinstance(end, EndCommand):
        return EndByCommand(end.words)
    if end is None:
        return None
    return EndByRequest(method=end.method, url=end.url, headers=dict(end.headers))
