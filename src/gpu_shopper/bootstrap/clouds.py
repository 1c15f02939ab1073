"""Finds the configured clouds among those that are installed, and connects them."""

from collections.abc import Mapping
from importlib.metadata import entry_points

from gpu_shopper.domain.errors import Refusal
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpDoor
from gpu_shopper.ports.provider import CloudProvider
from gpu_shopper.providers.manifest import Manifest
from gpu_shopper.providers.sandbox import MANIFEST as SANDBOX

GROUP = "gpu_shopper.providers"


class CloudMisconfigured(Refusal):
    """A configured cloud is not installed, or lacks a setting."""

    code = "cloud_misconfigured"


def installed() -> dict[ProviderName, Manifest]:
    """Return the manifest of every cloud that is installed; the sandbox is always among them."""
    found: dict[ProviderName, Manifest] = {SANDBOX.name: SANDBOX}
    for entry in entry_points(group=GROUP):
        manifest = entry.load()
        assert isinstance(manifest, Manifest), entry
        found[manifest.name] = manifest
    return found


def configured(given: Mapping[str, Mapping[str, str]]) -> dict[ProviderName, Manifest]:
    """Return the manifests of the clouds that the settings name, checked for what each needs.

    Raises:
        CloudMisconfigured: a cloud is unknown, or a required setting is missing, or one is unknown.
    """
    known = installed()
    chosen = {}
    for name, values in given.items():
        manifest = known.get(ProviderName(name))
        if manifest is None:
            message = f"cloud {name!r} is not installed"
            raise CloudMisconfigured(message, hint=f"installed are: {', '.join(sorted(known))}")
        _check(manifest, values)
        chosen[manifest.name] = manifest
    return chosen


def connect(
    manifests: Mapping[ProviderName, Manifest],
    given: Mapping[str, Mapping[str, str]],
    *,
    door: HttpDoor,
    clock: Clock,
) -> dict[ProviderName, CloudProvider]:
    """Connect each cloud with its settings; nothing is asked yet."""
    return {
        name: manifest.connect(_with_defaults(manifest, given[name]), door, clock)
        for name, manifest in manifests.items()
    }


def _check(manifest: Manifest, values: Mapping[str, str]) -> None:
    names = {spec.name for spec in manifest.settings}
    for spec in manifest.settings:
        if spec.required and not values.get(spec.name):
            message = f"cloud {manifest.name} lacks its setting {spec.name!r}: {spec.help}"
            variable = f"GPU_SHOPPER_PROVIDER_{manifest.name.upper()}_{spec.name.upper()}"
            raise CloudMisconfigured(message, hint=f"set ${variable}")
    unknown = sorted(set(values) - names)
    if unknown:
        message = f"cloud {manifest.name} knows no setting {unknown[0]!r}"
        raise CloudMisconfigured(message, hint=f"it knows: {', '.join(sorted(names))}")


def _with_defaults(manifest: Manifest, values: Mapping[str, str]) -> dict[str, str]:
    defaults = {spec.name: spec.default for spec in manifest.settings if spec.default is not None}
    return {**defaults, **values}
