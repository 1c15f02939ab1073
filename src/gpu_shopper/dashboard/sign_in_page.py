"""Where a token is given once, so that the browser need not keep it."""

from gpu_shopper.dashboard.frame import Page
from gpu_shopper.dashboard.links import SIGN_IN
from gpu_shopper.dashboard.markup import Content, el


def sign_in_page(*, target: str, refused: str = "", status: int = 200) -> Page:
    """Return the form; `target` is where to go on to, `refused` what was wrong with the last try."""
    token = el(
        "input",
        type="password",
        name="token",
        required=True,
        autocomplete="current-password",
        autofocus=True,
    )
    said: Content = (
        el("div", el("strong", refused), class_="problem", role="alert") if refused else None
    )
    form = el(
        "form",
        el("label", "API token", token),
        el("input", type="hidden", name="next", value=target),
        el("button", "Sign in"),
        method="post", action=SIGN_IN,
    )  # fmt: skip
    about = (
        "This server has tokens, so it asks who you are. ",
        "An operator makes one with ", el("code", "gpu-shopper token create"), ". ",
        "The browser is given a key for eight hours, not the token.",
    )  # fmt: skip
    return Page(
        title="Sign in",
        content=el("div", said, form, el("p", about, class_="soft"), class_="sign-in"),
        status=status,
    )
