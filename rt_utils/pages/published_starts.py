"""The published numbers of Hua et al. (2024): averages over five data sets, read off their Figure 1."""

import pandas as pd

CLEAN, ROBUST = "published clean acc. [%]", "published robust acc. [%]"
FIGURE_1 = pd.DataFrame(
    [
        ("linear", "RanLI", 79.0, 37.5),
        ("full", "RanLI", 76.3, 40.1),
        ("full", "RoLI", 84.0, 46.3),
        ("bias", "RanLI", 79.1, 43.75),
        ("bias", "RoLI", 81.1, 44.2),
        ("adapter", "RanLI", 77.9, 42.4),
        ("adapter", "RoLI", 80.0, 43.35),
        ("LoRA", "RanLI", 77.7, 42.2),
        ("LoRA", "RoLI", 81.4, 44.35),
    ],
    columns=["method", "start", CLEAN, ROBUST],
)
