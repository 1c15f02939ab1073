"""What a language model needs, on the command line."""

import json

from tests.unit.cli.machine import Machine, rows_of
from tests.unit.client.fake_server import FakeServer, fit_body, problem

FIT = ("GET", "/api/v1/fit")


def test_fit_prints_the_parts_then_the_offers_and_says_what_it_assumed(
    server: FakeServer, machine: Machine
) -> None:
    server.answers[FIT] = 200, fit_body()

    told = machine("fit", "llama-3.1-70b", "--quant", "awq", "--context", "32k")

    lines = told.stdout.splitlines()
    assert 0 == told.exit_code
    assert "Llama 3.1 70B: 70.55 billion parameters in awq, 1 × 32768 tokens, vllm" == lines[0]
    assert "Weights 40.00 GiB; cache 320 KiB a token" == lines[1]
    one = "1 whole 40.00 10.00 1.00 2.00 53.00 61 1 2.1000"
    assert one.split() == lines[4].split()
    assert "tensor 2 × pipeline 3" in lines[5]
    assert ["H100", "SXM", "1", "80", "2.1000", "whole", "53.00", "70.00"] == lines[-1].split()[:8]
    assert "assumed: activations: steps of 8192 tokens" in told.stderr
    assert "1 of 4 offers; --limit shows more" in told.stderr


def test_fit_asks_what_was_given_and_nothing_else(server: FakeServer, machine: Machine) -> None:
    asked = []

    def answer(query):
        asked.append(query)
        return 200, fit_body()

    server.answers[FIT] = answer

    machine("fit", "qwen3-8b", "--sequences", "4", "--gpu", "H100", "--gpu", "4090", "--on-demand")
    machine("fit", "--params", "32b", "--layers", "64", "--kv-heads", "8", "--head-dim", "128")

    assert {
        "model": ["qwen3-8b"], "sequences": ["4"], "gpu_type": ["H100", "4090"],
        "interruptible": ["false"], "limit": ["10"],
    } == asked[0]  # fmt: skip
    assert {
        "params": ["32b"],
        "layers": ["64"],
        "kv_heads": ["8"],
        "head_dim": ["128"],
        "limit": ["10"],
    } == asked[1]


def test_fit_speaks_json_and_csv(server: FakeServer, machine: Machine) -> None:
    server.answers[FIT] = 200, fit_body()

    as_json = json.loads(machine("fit", "llama-3.1-70b", "-o", "json").stdout)
    as_csv = rows_of(machine("fit", "llama-3.1-70b", "-o", "csv").stdout)

    assert (327_680, 2) == (as_json["kv_cache_bytes_per_token"], len(as_json["splits"]))
    assert ("H100 SXM", "53.00") == (as_csv[0]["gpu"], as_csv[0]["needs_gib"])


def test_where_nothing_fits_the_parts_are_told_all_the_same(
    server: FakeServer, machine: Machine
) -> None:
    server.answers[FIT] = 200, fit_body(offers=[], count=0, total=0)

    told = machine("fit", "llama-3.1-70b")

    assert (0, True) == (told.exit_code, "no offer has room for it now" in told.stderr)
    assert "53.00" in told.stdout


def test_an_unknown_model_comes_with_a_hint(server: FakeServer, machine: Machine) -> None:
    server.answers[FIT] = problem(
        400, "unknown_model", "unknown model 'x'", hint="did you mean Qwen3 8B?"
    )

    told = machine("fit", "x")

    assert "error: unknown model 'x'" in told.stderr
    assert "hint: did you mean Qwen3 8B?" in told.stderr
    assert 0 != told.exit_code
