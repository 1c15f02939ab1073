"""Finds the configured clouds among those that are installed, and connects them."""

import pkgutil
from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points

from gpu_shopper import providers
from gpu_shopper.domain.errors import Refusal
from gpu_shopper.domain.ids import ProviderName
from gpu_shopper.ports.clock import Clock
from gpu_shopper.ports.http import HttpDoor
from gpu_shopper.ports.provider import CloudProvider
from gpu_shopper.providers.manifest import Manifest
from gpu_shopper.settings import Settings
from gpu_shopper.transport.hiding import HidingDoor

GROUP = "gpu_shopper.providers"


class CloudMisconfigured(Refusal):
    """A configured cloud is not installed, or lacks a setting."""

    code = "cloud_misconfigured"


def built_in() -> dict[ProviderName, Manifest]:
    """Return the manifest of every cloud that comes with the project: each folder beside the sandbox's, and its own."""
    found: dict[ProviderName, Manifest] = {}
    for module in pkgutil.iter_modules(providers.__path__):
        if module.ispkg:
            _add(found, import_module(f"{providers.__name__}.{module.name}").MANIFEST)
    return found


def installed() -> dict[ProviderName, Manifest]:
    """Return the manifest of every cloud that is installed: those that come with the project, and what others brought."""
    found = built_in()
    for entry in entry_points(group=GROUP):
        _add(found, entry.load())
    return found


def _add(found: dict[ProviderName, Manifest], manifest: object) -> None:
    assert isinstance(manifest, Manifest), manifest
    found[manifest.name] = manifest


def with_vendors_variables(settings: Settings, environ: Mapping[str, str]) -> Settings:
    """Return the settings with the clouds whose keys stand where the vendors' own tools look for them.

    A cloud is meant where it is configured anyhow, or where every secret that it needs is there. What was given as a
    setting of ours holds.
    """
    if settings.vendors_variables == "never":
        return settings
    given = {name: dict(values) for name, values in settings.providers.items()}
    sources = dict(settings.sources)
    for name, manifest in installed().items():
        found = _found(manifest, environ)
        secrets = {spec.name for spec in manifest.settings if spec.secret and spec.required}
        if name not in given and (not secrets or not secrets <= set(found)):
            continue
        values = given.setdefault(name, {})
        for field, variable in found.items():
            if field not in values:
                values[field] = environ[variable].strip()
                sources[f"providers.{name}.{field}"] = f"${variable}"
    return replace(settings, providers=given, sources=sources)


def _found(manifest: Manifest, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that stand in variables of the vendor's own, each with the first such variable."""
    found: dict[str, str] = {}
    for spec in manifest.settings:
        for variable in spec.variables:
            if environ.get(variable, "").strip():
                found.setdefault(spec.name, variable)
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
    """Connect each cloud with its settings, by a door that hides its secrets; nothing is asked yet."""
    clouds = {}
    for name, manifest in manifests.items():
        settings = with_defaults(manifest, given[name])
        secrets = [settings[spec.name] for spec in manifest.settings if spec.secret]
        clouds[name] = manifest.connect(settings, HidingDoor(door, secrets), clock)
    return clouds


def _check(manifest: Manifest, values: Mapping[str, str]) -> None:
    names = {spec.name for spec in manifest.settings}
    for spec in manifest.settings:
        if spec.required and not values.get(spec.name):
            message = f"cloud {manifest.name} lacks its setting {spec.name!r}: {spec.help}"
            own = f"GPU_SHOPPER_PROVIDER_{manifest.name.upper()}_{spec.name.upper()}"
            variables = " or ".join(f"${name}" for name in (*spec.variables, own))
            raise CloudMisconfigured(message, hint=f"set {variables}")
    unknown = sorted(set(values) - names)
    if unknown:
        message = f"cloud {manifest.name} knows no setting {unknown[0]!r}"
        raise CloudMisconfigured(message, hint=f"it knows: {', '.join(sorted(names))}")


def with_defaults(manifest: Manifest, values: Mapping[str, str]) -> dict[str, str]:
    """Return all settings of a cloud, those that were not given as its folder has them."""
    defaults = {spec.name: spec.default for spec in manifest.settings if spec.default is not None}
    return {**defaults, **values}
