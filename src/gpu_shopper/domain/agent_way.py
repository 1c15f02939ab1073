"""How the agent gets to a node: in the order itself, or brought by us over SSH."""

from enum import StrEnum


class AgentWay(StrEnum):
    """Where an attempt's agent is on its way; what is brought is never taken back into the order."""

    IN_ORDER = "in_order"
    OVER_SSH = "over_ssh"
    LOGGED_IN = "logged_in"
