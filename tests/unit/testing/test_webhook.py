"""The simulated webhook fails in every way in which the real notifier can meet one, and counts what it took."""

from gpu_shopper.ports.books import Notice
from gpu_shopper.ports.notifier import NotDelivered
from gpu_shopper.runtime.notifying import LogAndWebhookNotifier
from gpu_shopper.testing.chance import SeededChance
from gpu_shopper.testing.house import SimMeter
from gpu_shopper.testing.loop import EPOCH, current_loop, run_simulation
from gpu_shopper.testing.webhook import WAYS, SimWebhook


def a_notice(number: int) -> Notice:
    return Notice(id=f"n{number}", at=EPOCH, kind="orphan", text="found", details={})


def test_only_a_2xx_is_taken_for_an_answer_however_late_it_comes() -> None:
    webhook = SimWebhook(SeededChance(1))
    webhook.failing = 1.0
    notifier = LogAndWebhookNotifier(
        SimMeter(lambda name, fields: None), webhook, webhook_url="https://operator.test/hook"
    )

    async def deliver_all() -> int:
        refused = 0
        for number in range(200):
            try:
                await notifier.deliver(a_notice(number))
            except NotDelivered:
                refused += 1
        return refused

    async def main() -> tuple[int, float]:
        return await deliver_all(), current_loop().time()

    refused, took = run_simulation(main(), seed=1)

    assert set(WAYS) == set(webhook.failed)
    assert 200 - webhook.failed["slow"] == refused
    assert webhook.failed["slow"] + webhook.failed["answer lost"] == len(webhook.arrived)
    assert took == 15 * webhook.failed["timeout"] + 12 * webhook.failed["slow"]
