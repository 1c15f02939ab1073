"""Settings come from the environment, else the file, else the table, and nonsense is refused by name."""

from pathlib import Path

import pytest

from gpu_shopper.settings import SETTINGS, Setting, Settings, SettingsError, describe, load


def with_file(home: Path, text: str) -> Path:
    file = home / ".config" / "gpu-shopper" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_defaults_hold_where_nobody_says_otherwise(tmp_path: Path) -> None:
    settings = load({}, tmp_path)

    assert tmp_path / ".local/state/gpu-shopper" == settings.data_dir
    assert settings.data_dir / "shopper.db" == settings.database
    assert ("127.0.0.1", 8477, 300.0) == (settings.host, settings.port, settings.sweep_period_s)
    assert {} == settings.providers


def test_the_database_follows_the_data_dir(tmp_path: Path) -> None:
    settings = load({"GPU_SHOPPER_DATA_DIR": str(tmp_path / "d")}, tmp_path)

    assert tmp_path / "d" / "shopper.db" == settings.database


def test_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = with_file(tmp_path, 'port = 9000\nhost = "::1"\n')

    settings = load({"GPU_SHOPPER_PORT": "9001"}, tmp_path)

    assert (9001, "::1", "info") == (settings.port, settings.host, settings.log_level)
    assert "$GPU_SHOPPER_PORT" == settings.sources["port"]
    assert str(file) == settings.sources["host"]
    assert "default" == settings.sources["log_level"]


def test_xdg_places_are_kept_and_relative_ones_ignored(tmp_path: Path) -> None:
    at_state = load({"XDG_STATE_HOME": str(tmp_path / "s")}, tmp_path)
    relative = load({"XDG_STATE_HOME": "s"}, tmp_path)

    assert tmp_path / "s" / "gpu-shopper" == at_state.data_dir
    assert tmp_path / ".local/state/gpu-shopper" == relative.data_dir


def test_a_tilde_is_the_home_that_was_handed_in(tmp_path: Path) -> None:
    settings = load({"GPU_SHOPPER_DATA_DIR": "~/x"}, tmp_path)

    assert tmp_path / "x" == settings.data_dir


def test_an_empty_variable_counts_as_none(tmp_path: Path) -> None:
    assert 8477 == load({"GPU_SHOPPER_PORT": ""}, tmp_path).port


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("GPU_SHOPPER_PORT", "70000", "from 0 to 65535"),
        ("GPU_SHOPPER_PORT", "-1", "whole number"),
        ("GPU_SHOPPER_PORT", "80.5", "whole number"),
        ("GPU_SHOPPER_SWEEP_PERIOD_S", "nan", "from 1 to 3600"),
        ("GPU_SHOPPER_SWEEP_PERIOD_S", "inf", "from 1 to 3600"),
        ("GPU_SHOPPER_SWEEP_PERIOD_S", "often", "must be a number"),
        ("GPU_SHOPPER_LOG_FORMAT", "xml", "console, json"),
        ("GPU_SHOPPER_URL", "localhost", "http://"),
        ("GPU_SHOPPER_PUBLIC_URL", "nope", "http://"),
    ],
)
def test_a_bad_value_is_refused_with_its_name_and_place(tmp_path, variable, value, says) -> None:
    with pytest.raises(SettingsError) as refused:
        load({variable: value}, tmp_path)

    assert f"${variable}" in refused.value.message
    assert value in refused.value.message
    assert says in refused.value.message


def test_a_bad_secret_is_refused_without_showing_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load({"GPU_SHOPPER_ALERT_WEBHOOK": "s3cret"}, tmp_path)

    assert "alert_webhook" in refused.value.message
    assert "s3cret" not in refused.value.message + refused.value.hint


def test_an_unknown_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load({"GPU_SHOPPER_PROT": "1"}, tmp_path)

    assert "'prot'" in refused.value.message
    assert "'port'" in refused.value.hint


def test_an_unknown_key_of_the_file_is_refused(tmp_path: Path) -> None:
    with_file(tmp_path, "hots = '::1'\n")

    with pytest.raises(SettingsError) as refused:
        load({}, tmp_path)

    assert "config.toml" in refused.value.message
    assert "'host'" in refused.value.hint


@pytest.mark.parametrize(
    "text", ["port = ", 'port = "x"', "port = true", "providers = 1", "[providers]\nsandbox = 1"]
)
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    with_file(tmp_path, text)

    with pytest.raises(SettingsError, match=r"config\.toml"):
        load({}, tmp_path)


def test_a_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="there is no file"):
        load({"GPU_SHOPPER_CONFIG": str(tmp_path / "none.toml")}, tmp_path)


def test_clouds_come_from_file_and_environment(tmp_path: Path) -> None:
    with_file(tmp_path, '[providers.sandbox]\nkey = "file"\nurl = "http://127.0.0.1:1"\npace = 3\n')

    settings = load({"GPU_SHOPPER_PROVIDER_SANDBOX_KEY": "env"}, tmp_path)

    assert {
        "sandbox": {"key": "env", "url": "http://127.0.0.1:1", "pace": "3"}
    } == settings.providers
    assert "$GPU_SHOPPER_PROVIDER_SANDBOX_KEY" == settings.sources["providers.sandbox.key"]


@pytest.mark.parametrize("variable", ["GPU_SHOPPER_PROVIDER_SANDBOX", "GPU_SHOPPER_PROVIDER__KEY"])
def test_half_a_cloud_is_refused(tmp_path: Path, variable: str) -> None:
    with pytest.raises(SettingsError, match="names no cloud and field"):
        load({variable: "x"}, tmp_path)


def test_nothing_secret_is_shown(tmp_path: Path) -> None:
    settings = load(
        {
            "GPU_SHOPPER_TOKEN": "s3cret",
            "GPU_SHOPPER_ALERT_WEBHOOK": "https://hooks.example/s3cret",
            "GPU_SHOPPER_PROVIDER_SANDBOX_KEY": "s3cret",
            "GPU_SHOPPER_PROVIDER_SANDBOX_URL": "http://127.0.0.1:1",
        },
        tmp_path,
    )

    rows = {row.name: row for row in describe(settings)}

    assert "s3cret" not in repr(settings) + repr(rows)
    assert "•••" == rows["token"].value == rows["providers.sandbox.key"].value
    assert "http://127.0.0.1:1" == rows["providers.sandbox.url"].value
    assert "$GPU_SHOPPER_TOKEN" == rows["token"].source


def row_of(setting: Setting) -> str:
    default = f"{setting.default} {setting.unit}".strip()
    return (
        f"| `{setting.name}` | `{setting.variable}` | {setting.type} | {default} | {setting.doc} |"
    )


def test_every_default_passes_its_own_check() -> None:
    unset = Settings()
    values = {setting: getattr(unset, setting.name) for setting in SETTINGS}

    wrong = [
        setting.name
        for setting, value in values.items()
        if value != "" and not isinstance(value, Path) and setting.parse(value) != value
    ]

    assert [] == wrong


def test_the_page_of_settings_says_what_the_table_says() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/settings.md").read_text(encoding="utf-8")

    rows = [line for line in page.splitlines() if line.startswith("| `")]

    assert [row_of(setting) for setting in SETTINGS] == rows
