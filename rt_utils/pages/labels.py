"""How encoders are called in what a page shows."""


def short_name(encoder: str) -> str:
    """An encoder's name as tables and figures show it: without the world that a shipped one comes from."""
    return encoder.removeprefix("embedded/").removeprefix("natural/")
