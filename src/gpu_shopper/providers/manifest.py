"""What a cloud's folder says of itself: all that the house has to know before it connects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.domain.quirks import Capabilities, Quirks
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpDoor
from gpu_shopper.ports.provider import CloudProvider


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingSpec:
    """One setting of a cloud. `name` is lower-case; a secret one is never shown.

    `variables` are the environment variables in which the vendor's own tools look for it: they are understood here too.
    """

    name: str
    help: str
    secret: bool = False
    default: str | None = None
    variables: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndRequest:
    """How a node ends itself: one HTTP request, in which `${NAME}` stands for the node's own environment."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndCommand:
    """How a node ends itself where shutting down ends it: the words of a command, run as who logs in there."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What an adapter is made of: an account's settings, the way there, and what is known of its cloud.

    The door is lent: whoever opened it closes it.
    """

    settings: Mapping[str, str] = field(repr=False)
    door: HttpDoor
    clock: Clock
    capabilities: Capabilities
    quirks: Quirks


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One kind of cloud.

    `process_scope_env` names the variable by which an instance's processes are known where several
    instances share a machine; `instance_id_env` the one that holds the instance's id, just as listings show it.
    `bill_page` says where in its console people find what they were charged.
    """

    name: ProviderName
    settings: tuple[SettingSpec, ...]
    capabilities: Capabilities
    quirks: Quirks
    adapter: Callable[[Access], CloudProvider]
    end_request: EndRequest | EndCommand | None = None
    process_scope_env: str | None = None
    instance_id_env: str | None = None
    bill_page: str = ""

    def connect(self, settings: Mapping[str, str], door: HttpDoor, clock: Clock) -> CloudProvider:
        """Return the adapter of an account with these settings."""
        access = Access(
            settings=settings,
            door=door,
            clock=clock,
            capabilities=self.capabilities,
            quirks=self.quirks,
        )
        return self.adapter(access)
