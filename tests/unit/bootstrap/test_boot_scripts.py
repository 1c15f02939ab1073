"""How large a start-up script can get, told before there is a label: never too little, and not much too much."""

import base64
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from gpu_shopper.agent.config import AgentConfig, EndByCommand
from gpu_shopper.bootstrap.boot_scripts import AgentBootScripts
from gpu_shopper.domain.deadlines import Limits
from gpu_shopper.domain.label import Label
from gpu_shopper.ports.boot import BootOrder
from gpu_shopper.providers.manifest import EndCommand
from gpu_shopper.providers.sandbox import MANIFEST
from gpu_shopper.runtime.vault import DeploymentVault
from gpu_shopper.testing.chance import SeededChance

VAULT = DeploymentVault(b"k" * 32, SeededChance(1))
SCRIPTS = AgentBootScripts(
    {MANIFEST.name: MANIFEST}, public_url="https://shopper.example", limits=Limits()
)
_MUCH = 400


@given(
    st.none() | st.text(max_size=5_000),
    st.floats(0.1, 1e8),
    st.integers(20, 60),
)
def test_no_script_is_larger_than_was_told(
    user_script: str | None, stop_in: float, label_size: int
) -> None:
    label = Label("g" * label_size)
    order = BootOrder(
        provider=MANIFEST.name,
        label=label,
        token=VAULT.agent_token(label),
        stop_in=timedelta(seconds=stop_in),
        probe_key=VAULT.probe_key(label).public,
        user_script=user_script,
    )

    size = len(SCRIPTS.script(order).encode())
    most = SCRIPTS.size_bytes(MANIFEST.name, user_script)

    assert size <= most
    if user_script is not None:
        assert most - size < _MUCH


def test_a_node_that_ends_by_shutting_down_is_told_the_command() -> None:
    ending = replace(MANIFEST, end_request=EndCommand(words=("sudo", "-n", "/sbin/end")))
    scripts = AgentBootScripts({MANIFEST.name: ending}, public_url=None, limits=Limits())
    label = Label("g" * 20)
    order = BootOrder(
        provider=MANIFEST.name,
        label=label,
        token=VAULT.agent_token(label),
        stop_in=timedelta(hours=1),
        probe_key=VAULT.probe_key(label).public,
        user_script=None,
    )

    text = scripts.script(order).split("<<'END_OF_CONFIG'\n")[1].split("END_OF_CONFIG")[0]

    config = AgentConfig.from_json(base64.b64decode(text))
    assert config.end == EndByCommand(("sudo", "-n", "/sbin/end"))
