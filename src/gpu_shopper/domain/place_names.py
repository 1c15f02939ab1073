"""How the name of a place is compared: by its plain letters."""

import re
import unicodedata


def letters(text: str) -> str:
    """Return `text` without case, accents, spaces and signs: "São Paulo" and "sao-paulo" are one place."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[^a-z]", "", plain.replace("ø", "o").replace("ł", "l").replace("æ", "ae"))
