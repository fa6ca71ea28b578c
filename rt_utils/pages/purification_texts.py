"""The sentences and claims of the chapter on purification, as templates for what it computes."""

UNEXPLAINED = (
    "Mixed nodes whose weights have norm 1 cannot compute the same function with this threshold: "
    "the best head leaves {soft:.0%} (soft) and {hard:.0%} (hard) of the target's mean square."
)
RESCALED = (
    "Here sizes are uniform between {low:g} and {high:g}, and with $t={t:g}$ $\\gamma="
    "{gamma:.3f}$. Of $\\sqrt{{d/k}}={l2:.2f}$ (in root mean square) {soft:.2f} is left, of "
    "$d/k={linf:.2f}$ (in the mean) {far:.2f}."
)
PURIFIED = (
    "{title}: an adversary in the pretraining takes the median purity from {clean[purity]:.2f} to "
    "{l2[purity]:.2f} (ℓ2) and {linf[purity]:.2f} (ℓ∞), and the clean probe's robust accuracy in "
    "ℓ2 from {clean[robust acc., l2]:.0%} to {l2[robust acc., l2]:.0%} and {linf[robust acc., "
    "l2]:.0%}."
)
MIXED = (
    "After adversarial pretraining of these kinds the typical node is still a mixture, its "
    "largest feature with less than half of its squared length: {mixed}. Under the ℓ∞ attack, "
    "with the soft threshold, the clean probe's robust accuracy is above one tenth only after: "
    "{robust}."
)
CONTROLLED = (
    "With “{control}” the adversary takes the median purity from {clean:.2f} to {linf:.2f}, and "
    "the clean probe's robust accuracy in ℓ2 from {before:.0%} to {after:.0%}. With “{alone}” the "
    "median purity is {own:.2f} without any adversary, and the robust accuracy {safe:.0%} in ℓ2 "
    "and {far:.0%} in ℓ∞. Without an adversary the median purity is above one half after: {high}. "
    "An adversary raises it by more than a tenth in: {rises}; it lowers it by as much in: {falls}."
)
FACTORS = (
    "How many times less the same attack moves a clean probe after adversarial pretraining, at "
    "radius {l2:.2f} (\\(\\ell_2\\)) and {linf:.2f} (\\(\\ell_\\infty\\)); mean over {seeds} "
    "seeds. Measured = ideal x clean / adversarial, where “clean” is what is moved after clean "
    "pretraining over the ideal mixed nodes, “adversarial” the same over the ideal pure ones."
)
BEYOND = (
    "The ideal asks for perturbations of each coordinate below {limit:g}: at most the threshold, "
    "and the smallest non-zero less the threshold. Where the page's radius is not ({beyond}) we "
    "attack at four fifths of that limit instead. The largest share of the ideal factor that is "
    "measured is {share:.0%} ({pretraining}, {adversary})."
)
SMALLER = (
    "With eight tasks, adversarial pretraining makes the normalised score {l2:.1f} times smaller "
    "in ℓ2 and {linf:.1f} times in ℓ∞. For orthogonal nodes the proposition says 1 and "
    "{ideal:.1f}, below its radius and without the normalisation."
)
FLOOR = (
    "The smallest ratio of AS scores is {low:.3f}; the longer one lowers a robust accuracy by at "
    "most {lost:.1f} points. This **{met}** the floor that the book asks for: ratios of at least "
    "{ratio:.2f}, and at most {points:.0f} point."
)
FIRST_LAYER = (
    "In cosines the robust encoder's filters have a median purity of {robust[cosines]:.2f}, the "
    "standard one's {standard[cosines]:.2f}, random ones {random[cosines]:.2f}. An ℓ∞ "
    "perturbation moves a typical robust filter by {times:.1f} times fewer standard deviations "
    "than a standard one."
)
PURER = "Purification, abstract (i), in our model: median purity after clean pretraining at most that after adversarial"
SAFER = (
    "Purification, abstract (ii), in our model: robust accuracy of a clean probe after clean "
    "pretraining at most that after adversarial"
)
