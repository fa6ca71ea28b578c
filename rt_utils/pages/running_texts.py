"""What each chapter says about the running example: templates for the numbers that `running_example` computes.

A value is named by its encoder's short name and its own, as in {robust_shift:.2f}.
"""

# Which two encoders a chapter's box shows; "" for all others.
ENCODERS = {
    "": ("embedded/robust", "embedded/standard"),
    "certified": ("embedded/certified", "embedded/robust"),
}
SAID = {
    "setting": (
        "Its features moved by {robust_shift:.2f} with the robust encoder and by {standard_shift:.2f} with "
        "the standard one; the heads read \\(x+\\delta\\) as {robust_read} and as {standard_read}. Both shifts "
        "are lower bounds on \\(S(x)\\): no search proves that nothing moves the features further."
    ),
    "definition_1_lipschitz_losses": (
        "With the standard encoder its cross-entropy is {standard_loss:.3f} nats at \\(x\\) and "
        "{standard_moved_loss:.2f} at \\(x+\\delta\\). The change of {standard_loss_change:.2f} is at most "
        "{standard_loss_allowed:.2f}, which is \\(C_1=2\\) times the largest change of a logit. With the robust "
        "encoder: {robust_loss_change:.2f} against {robust_loss_allowed:.2f}."
    ),
    "theorem_1_loss_gap": (
        "Lemma 1 for this one image: with the robust encoder its loss rose by {robust_gap:.2f} nats, and "
        "{robust_factor:.2f} × {robust_shift:.2f} = {robust_bound:.2f} is allowed at the shift found; with "
        "the standard one by {standard_gap:.2f}, and {standard_bound:.1f} is allowed."
    ),
    "theorem_2_criterion": (
        "With the robust encoder {robust_verdict} (\\(S\\) found {robust_shift:.2f}, \\(m\\) {robust_ratio:.2f}). "
        "With the standard one {standard_verdict} ({standard_shift:.2f}, {standard_ratio:.2f}; read as "
        "{standard_read})."
    ),
    "slack": (
        "With the robust encoder \\(S_P\\) found is {robust_share:.0%} of \\(S\\) found. It {robust_in_subspace} "
        "\\(S_P\\lt m\\) ({robust_subspace:.2f} against {robust_ratio:.2f}), while {robust_verdict}. With the "
        "standard one it {standard_in_subspace} it: {standard_subspace:.2f} against {standard_ratio:.2f}."
    ),
    "converse": (
        "A head that opposes the move found has, on this one image, a left side of Lemma 1 of "
        "{robust_opposed:.2f} with the robust encoder, where \\(S\\) found is {robust_shift:.2f}, and of "
        "{standard_opposed:.2f} with the standard one, where it is {standard_shift:.2f}. For a single image "
        "such a head has all of the shift; below, one head must do it for many."
    ),
    "certified": (
        "With the certified encoder \\(S\\) is at least {certified_shift:.2f}, which was found, and at most "
        "{certified_upper:.2f}, which is proved up to rounding; \\(m\\) is {certified_ratio:.2f}. Below \\(m\\) "
        "the upper bound would be a certificate. For the robust encoder, which was not trained for it, no "
        "bound is computed."
    ),
}
