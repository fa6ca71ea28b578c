"""The sentences of the chapter on slack that depend on what is found, as templates for what it computes."""

BEYOND = (
    "Of the {directed}, {beyond} were nevertheless flipped by a perturbation other than the two "
    "that the column knows: a lower bound on $D$ certifies nothing."
)
NONE_BEYOND = "None of the {directed} was flipped by another perturbation found, which is no proof that none exists."
BETWEEN = (
    " Of the {between} points that kept their prediction without fulfilling Theorem 2's "
    "criterion, {gained} ({share:.0%}) fulfil the one with direction: at most so much of what "
    "Theorem 2 misses here is the price of not knowing where the features move."
)
