"""The numbers that make one sandbox cloud what it is: pace, lag, page sizes, money."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """How the cloud behaves on a good day.

    Attributes:
        account_key: the only key that the account's calls accept.
        boot_s: shortest and longest time between an accepted create and the start of its machine.
        destroy_s: time that a destroy takes where the model hosts by itself.
        hosts_itself: nobody performs effects: instances get ready and end by the model's own
            agenda, as a simulator wants it. Effects are still handed out.
        listing_lag_s: how far the instance listing lags behind the truth.
        page_size_instances: most instances on one page.
        page_size_offers: most offers on one page.
        stock: how many instances one offer can carry at once.
        drift_period_s: how long prices stand still.
        absent_share: share of the offers that is missing from the market in each period.
        bills_boot: an instance is billed from its order on; else from when it is ready for the first time.
        bills_leaving: an instance is billed until its machine is gone; else until it is told to end.
        least_billed_s: so long an instance is billed at the least, however soon it ends.
        billing_step_s: each step of so long is billed whole once it has begun; 0: to the microsecond.
        stopped_bill_percent: what a stopped instance still costs.
        balance_micros: money on the account at birth, in micro-dollars.
        ssh_user: the login name on every instance.
        honours_expiry: an instance is ended at the moment that its order names.
        shows_tags: the tags of an order are kept, and shown with its instance.
        name_is_token: an order under a name that was used before buys nothing: it is shown what
            was bought then.
        id_form: how the id of an instance is written from its number, as `str.format` has it.
        id_bits: how long that number is.
        start_script_bytes: the largest start-up script that an order may hold; 0: none at all.
        driver_s: for so long after its start an instance's GPUs have no driver.
    """

    account_key: str = "sandbox"
    boot_s: tuple[float, float] = (1.0, 2.0)
    destroy_s: float = 0.0
    hosts_itself: bool = False
    listing_lag_s: float = 0.0
    page_size_instances: int = 25
    page_size_offers: int = 1000
    stock: int = 1
    drift_period_s: float = 3600.0
    absent_share: float = 0.0
    bills_boot: bool = True
    bills_leaving: bool = True
    least_billed_s: float = 0.0
    billing_step_s: float = 0.0
    stopped_bill_percent: int = 10
    balance_micros: int = 1_000_000_000_000
    ssh_user: str = "gpu"
    honours_expiry: bool = True
    shows_tags: bool = True
    name_is_token: bool = False
    id_form: str = "i-{:016x}"
    id_bits: int = 64
    start_script_bytes: int = 65_536
    driver_s: float = 0.0
