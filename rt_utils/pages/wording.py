"""Short phrases that texts and alternative texts are filled with."""

from collections.abc import Mapping, Sequence

import pandas as pd


def enumeration(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def by_encoder(frame: pd.DataFrame, template: str, label: Mapping[str, str]) -> str:
    """ "robust: glyphs 0.51, digits 0.74; random: ...": the template filled with each row, by shown encoder.

    `frame` has full names in its column encoder; `label` gives the shown ones.
    """
    parts = frame.groupby("encoder", sort=False)
    return "; ".join(
        f"{label[str(encoder)]}: " + ", ".join(template.format(**{str(k): v for k, v in row.items()}) for row in rows)
        for encoder, rows in ((encoder, part.to_dict("records")) for encoder, part in parts)
    )
