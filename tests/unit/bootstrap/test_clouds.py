"""Which clouds are meant: by our own settings, and by the variables that the vendors' own tools read."""

from pathlib import Path

import pytest

from gpu_shopper.bootstrap.clouds import (
    CloudMisconfigured,
    configured,
    installed,
    with_vendors_variables,
)
from gpu_shopper.settings import Settings, load

HOME = Path("/nowhere")


def settings_of(environ: dict[str, str]) -> Settings:
    return with_vendors_variables(load(environ, HOME), environ)


def test_every_folder_of_a_cloud_is_installed() -> None:
    folders = Path(__file__).resolve().parents[3] / "src" / "gpu_shopper" / "providers"
    there = {each.name for each in folders.iterdir() if (each / "__init__.py").exists()}

    found = {manifest.adapter.__module__.split(".")[-2] for manifest in installed().values()}
    assert found == there


def test_a_vendors_own_variable_configures_its_cloud() -> None:
    settings = settings_of({"VAST_API_KEY": " k-1\n", "VAST_URL": "http://x.test"})

    assert settings.providers == {"vast": {"key": "k-1", "url": "http://x.test"}}
    assert settings.sources["providers.vast.key"] == "$VAST_API_KEY"


def test_a_setting_of_ours_holds_against_the_vendors_variable() -> None:
    settings = settings_of({"VAST_API_KEY": "theirs", "GPU_SHOPPER_PROVIDER_VAST_KEY": "ours"})

    assert settings.providers["vast"]["key"] == "ours"


@pytest.mark.parametrize("environ", [{}, {"VAST_URL": "http://x.test"}, {"VAST_API_KEY": "  "}])
def test_without_its_key_no_cloud_is_meant(environ: dict[str, str]) -> None:
    assert settings_of(environ).providers == {}


def test_a_cloud_that_is_configured_takes_its_address_from_the_vendors_variable() -> None:
    settings = settings_of({"GPU_SHOPPER_PROVIDER_VAST_KEY": "ours", "VAST_URL": "http://x.test"})

    assert settings.providers["vast"] == {"key": "ours", "url": "http://x.test"}


def test_the_vendors_variables_can_be_left_alone() -> None:
    environ = {"VAST_API_KEY": "k-1", "GPU_SHOPPER_VENDORS_VARIABLES": "never"}

    assert settings_of(environ).providers == {}


def test_a_missing_key_is_asked_for_by_the_names_that_would_do() -> None:
    with pytest.raises(CloudMisconfigured) as refused:
        configured({"vast": {}})

    assert "$VAST_API_KEY or $GPU_SHOPPER_PROVIDER_VAST_KEY" in refused.value.hint
