"""The errors that are planted in the package: what stands there exactly once, what is planted instead, what must fail.

They are found by their text, not by their module, so that modules can be moved and renamed. No text holds the name of
another module.
"""

Planted = tuple[str, str, str]  # what stands in the package exactly once, what is planted instead, what must fail


def _in(file: str, *errors: tuple[str, str, str]) -> list[Planted]:
    return [(right, wrong, f"{file}.py::{test}") for right, wrong, test in errors]


THREAT = [
    *_in(
        "test_threat",
        ("flat.abs().amax(1) if", "flat.abs().mean(1) if", "test_contains_refuses_one_pixel_outside"),
        ("else flat.norm(dim=1)", "else flat.abs().amax(1)", "test_the_size_in_both_norms"),
        ("(perturbed.flatten(1) >= 0).all(1) & ", "", "test_contains_refuses_what_lies_outside"),
        (" & (perturbed.flatten(1) <= 1).all(1)", "", "test_contains_refuses_what_lies_outside"),
        ("return box & (size(", "return box | (size(", "test_contains_refuses_what_lies_outside"),
        ("threat.eps + 1e-6 * max(", "threat.eps + 1e-2 * max(", "test_contains_refuses_one_pixel_outside"),
        (
            "torch.randn(x.shape, generator=generator)",
            "torch.randn(x.shape)",
            "test_a_random_start_is_drawn_from_its_generator_and_for_each_image",
        ),
        ("parse_eps(eps, checked))", "parse_eps(eps))", "test_a_threat_from_what_a_user_wrote_and_as_it_is_shown"),
        ("/ Fraction(match[2])", "* Fraction(match[2])", "test_a_radius_that_is_right"),
        ("if not 0 <= radius <= MAX_EPS[norm]", "if not 0 <= radius", "test_a_radius_that_is_wrong"),
        ('"linf": 1.0, "l2": 5.0}', '"linf": 1.0, "l2": 1.0}', "test_the_range_depends_on_the_norm"),
    ),
    *_in(
        "test_search",
        ("if outside.any():", "if False:", "test_images_outside_the_threat_are_an_error"),
    ),
]

BOUNDS = _in(
    "test_bounds",
    (
        "float(torch.linalg.matrix_norm(weight, 2))",
        "float(torch.linalg.matrix_norm(weight))",
        "test_the_norms_of_a_head",
    ),
    ("rows.sum() if alpha", "rows.max() if alpha", "test_the_norms_of_a_head"),
    ('== "l1" else rows.max())', '== "l1" else rows.mean())', "test_the_norms_of_a_head"),
    (
        "return (z_perturbed - z).norm(dim=1)",
        "return (z_perturbed - z).abs().amax(1)",
        "test_the_as_score_is_the_mean_of_the_shifts",
    ),
    ("return float(shifts.mean())", "return float(shifts.max())", "test_the_as_score_is_the_mean_of_the_shifts"),
    ("argmax(1) if labels is None else labels", "argmax(1)", "test_margin_ratio_at_given_labels"),
    ("gaps.abs() / distances", "gaps / distances", "test_margin_ratio_at_given_labels"),
    ("(gaps > 0) | (distances > 0)", "gaps != 0", "test_margin_ratio_at_equal_rows_ties_and_one_class"),
    ("    ratios.scatter_(1, y[:, None], math.inf)\n", "", "test_margin_ratio_at_given_labels"),
    ("return ratios.amin(1)", "return ratios.amax(1)", "test_margin_ratio_at_given_labels"),
    (
        "= row_distances(weight)[y]",
        "= row_distances(weight).amax(1, keepdim=True)[y]",
        "test_margin_ratio_at_given_labels",
    ),
    ("return shifts < ratios", "return shifts <= ratios", "test_margin_ratio_at_equal_rows_ties_and_one_class"),
    (
        "abs(float((adversarial - clean).mean()))",
        "float((adversarial - clean).mean())",
        "test_the_left_side_of_lemma_1",
    ),
    ("gap / (c1 * norm_of_head)", "gap / norm_of_head", "test_the_left_side_of_lemma_1"),
    ("math.log(sides / rho) / (2 * n)", "math.log(sides / rho) / n", "test_the_constants_of_theorem_1"),
    ("return factor * float(shifts.mean())", "return float(shifts.mean())", "test_the_constants_of_theorem_1"),
    ("len(shifts), rho, sides=1)", "len(shifts), rho)", "test_the_constants_of_theorem_1"),
    ("clamp(max=c2).mean())", "mean().clamp(max=c2))", "test_the_bound_for_all_heads_cuts_each_point"),
    ('method="exact"', 'method="wilson"', "test_share_interval"),
    ('"l2": 2.0**0.5, "linf": 2.0}', '"l2": 1.0, "linf": 2.0}', "test_the_cross_entropy_and_its_constants"),
    ('2.0**0.5, "linf": 2.0}', '2.0**0.5, "linf": 1.0}', "test_the_cross_entropy_and_its_constants"),
    (
        "(logits, labels, reduction=",
        "(logits, labels, label_smoothing=0.1, reduction=",
        "test_the_cross_entropy_and_its_constants",
    ),
)

ATTACKS = _in(
    "test_known_maxima",
    (
        "lambda inputs: values(inputs).sum(), settings.decay",
        "lambda inputs: -values(inputs).sum(), settings.decay",
        "test_the_cross_entropy",
    ),
    ("epsilon=threat.eps).detach()", "epsilon=threat.eps / 2).detach()", "test_the_shift_of_one_feature"),
    (
        "return x + threat.eps * delta",
        "return x + threat.eps / 2 * delta",
        "test_a_start_is_where_the_seed_says_and_the_global_generator_is_left_alone",
    ),
    ("settings.seed * 1_000_003 + restart", "restart", "test_every_seed_and_every_restart_changes_something"),
    ("settings.seed * 1_000_003 + restart", "settings.seed", "test_every_seed_and_every_restart_changes_something"),
    ("return ep.astensor(self.start)", "return x0", "test_every_seed_and_every_restart_changes_something"),
    (
        "yield from run([best], settings.refine",
        "yield from run([x], settings.refine",
        "test_the_refinement_starts_from_each_points_best",
    ),
    (
        "better = reached > best_values",
        "better = reached > -math.inf",
        "test_the_refinement_starts_from_each_points_best",
    ),
    (
        "min(settings.restarts, first + most)",
        "min(1, first + most)",
        "test_the_refinement_starts_from_each_points_best",
    ),
    ("settings.rel_stepsize * 2 / 3)", "settings.rel_stepsize)", "test_the_first_step_is_relative_to_the_radius"),
    ("sum(), settings.decay", "sum(), True", "test_falling_steps_settle_where_constant_ones_jump_over"),
    ("sum(), settings.decay", "sum(), False", "test_falling_steps_settle_where_constant_ones_jump_over"),
    ("self.done += 1", "self.done += 0", "test_falling_steps_settle_where_constant_ones_jump_over"),
    (
        "steps=steps, rel_stepsize=rel_stepsize",
        "steps=2, rel_stepsize=rel_stepsize",
        "test_falling_steps_settle_where_constant_ones_jump_over",
    ),
    (
        "(encoder(inputs) - clean).norm(dim=1)",
        "(encoder(inputs) - clean).abs().sum(1)",
        "test_the_shift_of_many_features_is_their_length_and_not_their_sum",
    ),
    (
        "            eps=threat.eps,\n",
        "            eps=threat.eps / 2,\n",
        "test_apgd_loses_just_the_points_within_reach",
    ),
    ('"l2": "L2"}', '"l2": "Linf"}', "test_apgd_loses_just_the_points_within_reach"),
    ("            seed=seed,\n", "            seed=0,\n", "test_every_seed_and_every_restart_changes_something"),
    ("            loss=loss,\n", '            loss="ce",\n', "test_every_seed_and_every_restart_changes_something"),
    (
        "fork_rng(devices=[x.device] if x.is_cuda else [])",
        "fork_rng(enabled=False)",
        "test_a_start_is_where_the_seed_says_and_the_global_generator_is_left_alone",
    ),
)

SEARCH = _in(
    "test_search",
    (
        '"floor": "shift_floor", "paper": "shift_paper"',
        '"floor": "shift_paper", "paper": "shift_floor"',
        "test_which_columns_one_find_counts_for",
    ),
    (
        '"apgd": "wrong_apgd", "paper_loss": "wrong_paper"',
        '"apgd": "wrong_paper", "paper_loss": "wrong_apgd"',
        "test_which_flags_one_find_sets",
    ),
    (
        'PAGE = ("representation", "loss", "margin", "predicted")',
        'PAGE = ("representation", "loss", "margin")',
        "test_which_columns_one_find_counts_for",
    ),
    ("math.ceil(self.floor_points / 2)", "self.floor_points", "test_the_loss_floor_is_on_half_of_the_points"),
    ("everyone[predicted != y]", "everyone[predicted == y]", "test_each_attack_has_its_points_labels_and_settings"),
    (
        '("predicted", plan.predicted, predicted,',
        '("predicted", plan.predicted, y,',
        "test_each_attack_has_its_points_labels_and_settings",
    ),
    (
        "everyone[first + everyone < plan.loss_floor_points]",
        "everyone[everyone < plan.loss_floor_points]",
        "test_each_attack_has_its_points_labels_and_settings",
    ),
    (
        "    some = everyone[first + everyone <",
        "    some = everyone[everyone <",
        "test_each_attack_has_its_points_labels_and_settings",
    ),
    ("seed=plan.floor.seed", "seed=0", "test_each_attack_has_its_points_labels_and_settings"),
    ("steps=plan.apgd_steps", "steps=100", "test_each_attack_has_its_points_labels_and_settings"),
    ("return some[~lost[some]]", "return some[lost[some]]", "test_each_attack_has_its_points_labels_and_settings"),
    ("!= y[find.index]", "!= predicted[find.index]", "test_each_attack_has_its_points_labels_and_settings"),
    (
        "if head.weight.shape[0] > 2 else",
        "if head.weight.shape[0] > 1 else",
        "test_two_classes_have_no_dlr_and_later_points_no_floor",
    ),
    ("if len(index) and self.threat.eps", "if len(index)", "test_two_classes_have_no_dlr_and_later_points_no_floor"),
    ("    wrong = predicted != y\n", "    wrong = predicted < 0\n", "test_without_a_find_the_clean_image_is_the_best"),
    ("columns[name][index] |= labels", "columns[name][index] = labels", "test_which_flags_one_find_sets"),
    ('columns["flipped"][index] |= labels', 'columns["flipped"][index] = labels', "test_which_flags_one_find_sets"),
    ("|= labels != predicted[index]", "|= labels != y[index]", "test_which_columns_one_find_counts_for"),
    ("losses > loss[index]", "losses < loss[index]", "test_the_best_of_hand_made_finds"),
    ('["z_shift"][index[further]] = found[further]', '["z_shift"][index] = found', "test_the_best_of_hand_made_finds"),
    (
        '["z_loss"][index[worse]] = found[worse]',
        '["z_loss"][index[further]] = found[further]',
        "test_the_best_of_hand_made_finds",
    ),
    ("torch.maximum(columns[kind][index], values)", "values", "test_the_best_of_hand_made_finds"),
    ("checked.get(column, len(z)) :] = torch.nan", "len(z) :] = torch.nan", "test_the_best_of_hand_made_finds"),
    ("z[index].double(), found.double()", "z[index], found", "test_shifts_are_measured_in_double_precision"),
    ("(outputs[:, j] - targets[:, j]).abs()", "outputs[:, j] - targets[:, j]", "test_the_known_residuals_are_found"),
)

HALVING = _in(
    "test_halving",
    ("better = value > best_values", "better = value > -math.inf", "test_the_best_image_on_the_way_counts"),
    (
        "velocity, x, threat, size).clamp(0, 1)",
        "velocity, at, threat, size).clamp(0, 1)",
        "test_a_known_maximum_is_found_inside_the_threat",
    ),
    ("min(self.kept, self.starts), 1", "self.kept, 1", "test_it_takes_the_gradients_that_its_settings_name"),
    ("into_ball(2 * x - image, x", "into_ball(image, x", "test_of_two_hills_it_keeps_the_higher_at_each_point_its_own"),
    ("top, everyone] for", "top[:, :1], everyone] for", "test_of_two_hills_it_keeps_the_higher_at_each_point_its_own"),
    ("count if len(best) > 1 else 0", "0", "test_mixtures_join_what_two_candidates_found"),
    (
        "manual_seed(settings.seed)\n    starts",
        "manual_seed(0)\n    starts",
        "test_the_seed_alone_decides_and_no_global_generator_is_touched",
    ),
    (
        "(127 * delta / largest).round()",
        "(127 * delta / largest).floor()",
        "test_what_a_search_found_comes_back_as_a_start",
    ),
)

LEFT_IN_THE_CACHE = "test_what_another_case_left_in_the_cache_changes_nothing[{}]".format
MEASURE = [
    *_in(
        "test_measure",
        ("y.numpy(), head.weight.numpy(), head.bias.numpy()", "y.numpy()", LEFT_IN_THE_CACHE("the head's weight")),
        (
            "y.numpy(), head.weight.numpy(), head.bias.numpy()",
            "y.numpy(), head.weight.numpy()",
            LEFT_IN_THE_CACHE("the head's bias"),
        ),
        ("(x.numpy(), y.numpy(), head", "(x.numpy(), head", LEFT_IN_THE_CACHE("the labels")),
        ("(threat, plan, first)", "(plan, first)", LEFT_IN_THE_CACHE("the radius")),
        ("(threat, plan, first)", "(threat.eps, plan, first)", LEFT_IN_THE_CACHE("the norm")),
        ("(threat, plan, first)", "(threat, first)", LEFT_IN_THE_CACHE("the attack on the loss")),
        ("joblib.hash(x.numpy()), repr(threat))", "joblib.hash(x.numpy()))", LEFT_IN_THE_CACHE("the radius")),
        (
            "data.name, encoder.weights_sha256, joblib.hash(x",
            "data.name, joblib.hash(x",
            LEFT_IN_THE_CACHE("the encoder's weights"),
        ),
        ("(*key, kind, repr(settings))", "(*key, kind)", LEFT_IN_THE_CACHE("the stronger search")),
        (
            "(*key, kind, repr(settings))",
            "(*key, repr(settings))",
            "test_two_attacks_of_the_same_settings_are_kept_apart",
        ),
        (
            "encoder.weights_sha256, data.fingerprint, *map(",
            "encoder.weights_sha256, *map(",
            LEFT_IN_THE_CACHE("the images"),
        ),
        (
            "data.fingerprint, *map(repr, settings))",
            "data.fingerprint)",
            "test_probes_of_two_settings_or_data_sets_share_no_entry",
        ),
        ("index=find.index + first", "index=find.index", "test_the_known_maxima_are_measured_chunk_by_chunk"),
        ("first + find.index, shifts", "find.index, shifts", "test_shifts_before_a_head"),
        ("chunk[: max(0, up_to - first)]", "chunk[:up_to]", "test_shifts_before_a_head"),
        (
            '"loss_floor": plan.loss_floor_points',
            '"loss_floor": plan.floor_points',
            "test_the_known_maxima_are_measured_chunk_by_chunk",
        ),
        (
            "z_shift), statements.margin_ratio(logits, weight)",
            "z_shift), statements.margin_ratio(logits, weight, labels)",
            "test_the_table_of_a_measurement_made_by_hand",
        ),
        ("head.logits(z_loss), labels", "head.logits(z_shift), labels", "test_the_table_of_a_measurement_made_by_hand"),
    ),
    *_in(
        "test_cache",
        ("return joblib.hash(value) == digest, value", "return True, value", "test_flipped_bytes_are_noticed"),
        (" / self.kind / code", " / code", "test_entries_of_two_kinds_or_keys_are_kept_apart"),
        ("entry.folder.name, entry.key)))", "entry.folder.name)))", "test_one_entry_has_one_claim"),
    ),
    *_in(
        "test_attacks",
        ("return super().train(False)", "return super().train(mode)", "test_the_probe_leaves_the_encoder_untouched"),
        (
            "self.network = network.requires_grad_(False).to(memory",
            "self.network = network.to(memory",
            "test_the_probe_leaves_the_encoder_untouched",
        ),
        ("if head.weight.shape[1] != encoder.width", "if False", "test_a_head_of_another_width_is_refused"),
    ),
    *_in(
        "test_section_chapters",
        ("repr(settings), start)", "repr(settings))", "test_finetuning_from_the_probe_starts_at_the_probe"),
    ),
]

TRANSFER = _in(
    "test_transfer",
    (
        "z.double() @ self.weight.T",
        "z @ self.weight.T.float()",
        "test_a_head_computes_in_double_precision_and_its_layer_in_single",
    ),
    (
        "@ self.weight.T + self.bias",
        "@ self.weight.T",
        "test_a_head_computes_in_double_precision_and_its_layer_in_single",
    ),
    (
        "groups, settings.lr, momentum=0.9",
        "groups, settings.lr, momentum=0.0",
        "test_three_steps_of_the_probe",
    ),
    (
        '[layer.weight], "weight_decay": settings.weight_decay}',
        "[layer.weight]}",
        "test_three_steps_of_the_probe",
    ),
    (
        "settings.weight_decay * settings.decay_bias",
        "settings.weight_decay",
        "test_three_steps_of_the_probe",
    ),
    (
        "settings.epochs * len(starts))\n    for _ in range(settings.epochs):\n        order",
        "10**9)\n    for _ in range(settings.epochs):\n        order",
        "test_three_steps_of_the_probe",
    ),
    (
        "manual_seed(settings.seed)\n    nn",
        "manual_seed(0)\n    nn",
        "test_the_seed_orders_the_batches_and_every_image_is_used",
    ),
)

EXPERIMENT = _in(
    "test_experiment",
    ("(5, 6, math.ceil(steps / 3))", "(5, 6, steps)", "test_the_attacks_of_a_page"),
    (
        "of_loss(p.restarts, p.steps, p.rel_stepsize, p.seed)",
        "of_loss(p.restarts, p.steps)",
        "test_the_attacks_of_a_page",
    ),
    (
        "rel_stepsize=p.rel_stepsize, seed=p.seed + 100",
        "rel_stepsize=p.rel_stepsize, seed=p.seed",
        "test_the_attacks_of_a_page",
    ),
    ("decay=False, seed=p.seed + 200", "seed=p.seed + 200", "test_the_attacks_of_a_page"),
    ("restarts=5, seed=p.seed + 300", "restarts=5, seed=p.seed", "test_the_attacks_of_a_page"),
    ("floor_points=p.floor_points", "floor_points=p.apgd_points", "test_the_attacks_of_a_page"),
    ("n_test=p.n_test, seed=p.seed)", "n_test=p.n_test)", "test_a_run_is_of_its_parameters"),
    ("p.probe_lr, batch, seed=p.seed)", "p.probe_lr, batch)", "test_a_run_is_of_its_parameters"),
    ("p.probe_lr, batch, seed", "p.probe_lr, seed", "test_a_run_is_of_its_parameters"),
    ("Threat(p.norm, p.eps)", 'Threat("linf", p.eps)', "test_every_encoder_meets_every_data_set_at_its_own_size"),
    ("update(seed=p.seed + k", "update(seed=p.seed", "test_no_repetition_has_more_points_than_the_page_itself"),
    (
        "n_test=min(p.n_test, p.seed_points)",
        "n_test=p.seed_points",
        "test_no_repetition_has_more_points_than_the_page_itself",
    ),
    (
        "p.seed_points), floor_points=0, apgd_points=0)",
        "p.seed_points), apgd_points=0)",
        "test_repetitions_differ_by_seed_and_are_small",
    ),
    ("other = copy(p)", "other = p", "test_repetitions_differ_by_seed_and_are_small"),
)

FLOOR = _in(
    "test_floor",
    (
        "_ratio(deep.shift_page.mean()",
        "_ratio(group.shift_page.mean()",
        "test_the_summary_compares_on_the_points_that_both_ran_on",
    ),
    (
        "both, on_loss = deep[deep.shift_paper.notna()]",
        "both, on_loss = apgd",
        "test_the_paper_is_compared_where_the_stronger_search_ran_too",
    ),
    (
        "1 - apgd.wrong_apgd.mean()",
        "1 - group.wrong_apgd.mean()",
        "test_the_summary_compares_on_the_points_that_both_ran_on",
    ),
    ("if strongest else 1.0", "if strongest else 0.0", "test_where_nothing_moves_the_ratio_is_one"),
    ("min(shift, gap) >= 1", "max(shift, gap) >= 1", "test_the_verdict_is_that_of_the_worst_row"),
    ("- SHARE and accuracy", "- SHARE or accuracy", "test_the_verdict_is_that_of_the_worst_row"),
    ('- floor["APGD"]).max()', '- floor["APGD"]).min()', "test_the_verdict_is_that_of_the_worst_row"),
    ("1 / record[ratio] - 1 if", "1 - record[ratio] if", "test_the_claims_have_the_verdicts_of_the_three_conditions"),
    (
        'record["robust acc."] - record["APGD"]',
        'record["APGD"] - record["robust acc."]',
        "test_the_claims_have_the_verdicts_of_the_three_conditions",
    ),
)

ORDERS = [
    *_in(
        "test_statistics",
        ("interval(error / len(evidence))", "interval(error)", "test_a_family_shares_its_error"),
        ("binom.ppf(error / 2", "binom.ppf(error", "test_below_six_seeds_nothing_is_decided"),
        ("if high < -tolerance", "if low < -tolerance", "test_predictors_that_never_differ_leave_it_undecided"),
        ("sum(sign <= 0 for sign", "sum(sign < 0 for sign", "test_orders_of_data_sets"),
    ),
    *_in("test_single_images", ("+ 0.5 * (yes[", "+ 1.0 * (yes[", "test_areas_by_hand")),
    *_in(
        "test_control",
        ("radius[at] @ normals.abs().T", "radius[at] @ normals.T", "test_the_gaps_by_class_are_the_merged_ones"),
    ),
]

LEDGER = _in(
    "test_ledger",
    ("self.lhs <= self.rhs + self.tolerance", "self.lhs < self.rhs + self.tolerance", "test_a_verdict"),
    ("self.lhs <= self.rhs + self.tolerance", "self.lhs <= self.rhs", "test_a_verdict"),
    ("self.n == 0 or math.isnan", "math.isnan", "test_a_verdict"),
    (" or math.isnan(self.rhs)", "", "test_a_verdict"),
)

PARAMETERS = _in(
    "test_rt",
    ('NOT_IN_KEY = ("results", "workers")', 'NOT_IN_KEY = ("results",)', "test_what_is_no_part_of_the_key"),
    (
        'Threat.parse(parsed.get("norm", "linf"), ',
        'Threat.parse("linf", ',
        "test_what_a_value_becomes",
    ),
    ('"rho": number(0, 0.5)', '"rho": number(0, 1)', "test_what_a_value_becomes"),
    ("if not low < value <= high", "if not low <= value <= high", "test_what_a_value_becomes"),
    ("bool) or not isinstance(value, int):", "str) or not isinstance(value, int):", "test_what_a_value_becomes"),
    ("if len(set(parts)) < len(parts)", "if False", "test_what_a_value_becomes"),
)

DATA = _in(
    "test_datasets",
    (
        "replace(self, test=test, fingerprint=fingerprint(self.train, test))",
        "replace(self, test=test)",
        "test_the_first_test_images_of_a_set",
    ),
    (
        "None if labels is None else labels[:n]",
        "None if labels is None else labels[-n:]",
        "test_the_first_test_images_of_a_set",
    ),
    (
        'digest.update(b"unlabelled" if split.labels is None else split.labels.numpy().tobytes())',
        "pass",
        "test_a_fingerprint_covers_pixels_labels_and_factors",
    ),
    (
        'digest.update(b"" if split.factors is None else split.factors.numpy().tobytes())',
        "pass",
        "test_a_fingerprint_covers_pixels_labels_and_factors",
    ),
    ("((n_train, 1), (min(n_test", "((n_train, 2), (min(n_test", "test_a_drawn_or_built_in_set[glyphs]"),
    ("draw_many, n, seed=seed,", "draw_many, n, seed=0,", "test_a_drawn_or_built_in_set[glyphs]"),
    ("(name, n, seed, stream)", "(name, n, stream)", "test_a_drawn_or_built_in_set[glyphs]"),
    (
        "labels[train]), split_of(images[test]",
        "labels[train]), split_of(images[train]",
        "test_a_drawn_or_built_in_set[digits]",
    ),
    ("random_state=seed, stratify", "random_state=0, stratify", "test_a_drawn_or_built_in_set[digits]"),
    ("stratify=stratify)", "stratify=None)", "test_a_labelled_folder"),
    ("min(n_test, len(paths) // 2)", "n_test - 1", "test_a_labelled_folder"),
    ("max(n_test, DIGITS_HELD_OUT)", "n_test", "test_fewer_test_images_are_the_first_of_more[digits]"),
    ("inner = size if stretched", "inner = size if not stretched", "test_the_margin_of_the_digits"),
    ("glyphs.CLASSES[:10]", "glyphs.CLASSES[:11]", "test_letters_and_numerals_are_glyphs_of_these_classes_alone"),
    ("data.target.astype(np.int64)", "np.roll(data.target, 1).astype(np.int64)", "test_pixels_and_labels_of_a_digit"),
    ("return self.images.float() / 255", "return self.images.float() / 256", "test_pixels_and_labels_of_a_digit"),
)

FROM_OUTSIDE = [
    *_in(
        "test_folders_as_they_come",
        (
            "(folder for folder in tests if sorted_in[folder])",
            "iter(())",
            "test_of_several_test_splits_the_first_that_is_sorted_into_classes",
        ),
        ("os.path.isdir(entry.path) if linked", "False if linked", "test_links_are_followed"),
        ("zip(names, folders, strict", "zip(names, folders[::-1], strict", "test_labels_follow_the_names"),
        (
            "(0, 3, 1, 5, 4, 6, 2)",
            "(0, 3, 1, 5, 2, 6, 4)",
            "test_an_image_whose_exif_cannot_be_written_again_is_read_and_turned",
        ),
        ('normalize("NFC"', 'normalize("NFD"', "test_composed_and_decomposed_letters_name_the_same_class"),
    ),
    *_in(
        "test_text_from_outside",
        ("_before(folder) - {*files}", "set()", "test_a_run_takes_the_place_of_the_run_before"),
        ("text.set_parse_math(False)", "pass", "test_a_figure_is_drawn_with_any_name_and_without_a_warning"),
        ("and not _HARMLESS.fullmatch(value)", "", "test_a_text_that_a_spreadsheet_would_run_is_marked"),
        ("value = value.replace(name, written)", "pass", "test_a_text_of_a_page_shows_a_name_as_it_stands"),
    ),
]

CORRUPTIONS = [
    *_in(
        "test_corruptions",
        (
            "1 / zoom, 0, 0], [0, 1 / zoom, 0]",
            "1 / zoom, 0, 0], [0, 1, 0]",
            "test_zoom_blur_of_a_ramp_is_known_on_both_axes",
        ),
        ("round(100 * (end - 1)) + 1", "round(100 * (end - 1))", "test_zoom_blur_of_a_ramp_is_known_on_both_axes"),
        ("(x + std * eta).clamp_(0, 1)", "x + std * eta", "test_noise_has_its_deviation_is_cut_and_keeps_its_draw"),
        (
            "NEUTRAL[kind] + severity * (strength",
            "severity * (strength",
            "test_severity_scales_the_distance_from_no_corruption_and_names_stay_apart",
        ),
        (
            "2 * float(differences.std(ddof=1))",
            "2 * float(differences.std())",
            "test_paired_statistics_against_closed_forms",
        ),
        (
            "binomtest(losses, losses + gains)",
            "binomtest(losses, 2 * gains + 1)",
            "test_paired_statistics_against_closed_forms",
        ),
        ("logits(moved).argmax(1) == head", "logits(moved).argmax(1) != head", "test_what_a_corruption_moves"),
    )
]

REGRESSION = [
    *_in(
        "test_regression_functions",
        ("(before, after, 1.0, norm),", "(before, after, 1 / 30, norm),", "test_left_sides_by_hand"),
        ("code / (2 * bound) if bound", "code / bound if bound", "test_left_sides_by_hand"),
        (
            "t * its.clean[:, k], t * its.worst[:, k], t *",
            "t * its.clean[:, k], t * its.worst[:, k],",
            "test_the_units_move_the_codes_side_alone",
        ),
        (
            "there[worse[:, j]]",
            "there[worse[:, 0]]",
            "test_the_strongest_is_taken_over_all_finds_of_the_attacks_named",
        ),
        (
            "images[:, :1] if takes_grey",
            "images if takes_grey",
            "test_grey_images_keep_one_channel_where_the_network_takes_them",
        ),
        (
            "(*y.T[::-1], shapes)",
            "(shapes, *y.T[::-1])",
            "test_the_ordered_cut_holds_the_last_shape_and_its_larger_scales",
        ),
        ('"ellipse": 20, "heart": 40', '"ellipse": 10, "heart": 40', "test_what_symmetry_takes_away"),
    )
]

PURIFICATION = [
    *_in(
        "test_purification",
        ("alive = norms > 0.1 *", "alive = norms > 0.0 *", "test_codes_are_sparse_and_purity_is_one_for_one_feature"),
        (
            "(eps / delta.norm(dim=-1, keepdim=True).clamp(min=eps))",
            "1",
            "test_the_search_finds_the_known_maximum_of_pure_nodes",
        ),
        ("self.threshold if t is None else t", "self.threshold", "test_nodes_are_silent_up_to_their_threshold"),
        (
            "start, recipe.adversary, radius, [0.7] * 3)",
            "start, recipe.adversary, 0 * radius, [0.7] * 3)",
            "test_pretraining_looks_at_its_moments_and_depends_on_its_adversary",
        ),
        (
            "(loss + margin).mean()",
            "(loss + margin).square().mean().sqrt()",
            "test_a_probe_on_pure_nodes_moves_as_the_proposition_says",
        ),
        (
            "weight if turn is None else weight @ turn",
            "weight",
            "test_a_rotated_dictionary_is_seen_by_the_optimiser_alone",
        ),
    ),
    *_in(
        "test_purification_theory",
        (
            "(values - moves > t)",
            "(values > t)",
            "test_the_condition_of_a_constant_pattern_at_its_edges",
        ),
        ("gamma * eps * dual(", "eps * dual(", "test_pure_nodes_with_a_threshold_move_by_the_head_on_the_support"),
        ("values > t if t else", "values > t if True else", "test_purity_without_a_threshold_gains_nothing"),
        ("k * (k - 1) * pairs", "k * k * pairs", "test_means_over_all_supports"),
        ("- t * (high**2 - first**2) / 2", "", "test_the_rescaling_in_numbers"),
        ("scale = SPARE * t", "scale = 0.1 * t", "test_the_four_cases_compute_one_function_and_only_one_of_them_gains"),
    ),
    *_in(
        "test_first_layer",
        (
            "weight.abs().sum(1) /",
            "weight.norm(dim=1) /",
            "test_the_reach_is_what_a_perturbation_moves_in_standard_deviations",
        ),
    ),
]

SUBSPACE = [
    *_in(
        "test_subspace",
        (  # a span that is too small
            "return rows[: min(rank, len(w) - 1)]",
            "return rows[: min(rank, len(w) - 2)]",
            "test_the_projector_of_every_head[few classes]",
        ),
        (  # too large
            "return rows[: min(rank, len(w) - 1)]",
            "return rows",
            "test_the_projector_of_every_head[few classes]",
        ),
        (  # of the rows instead of their differences
            "linalg.svd(w - w.mean(0), full_matrices=False)",
            "linalg.svd(w, full_matrices=False)",
            "test_the_projector_of_every_head[few classes]",
        ),
        (  # of the differences from one row, with that row
            "linalg.svd(w - w.mean(0), full_matrices=False)",
            "linalg.svd(torch.cat([w[:1], w[1:] - w[0]]), full_matrices=False)",
            "test_the_score_does_not_see_a_row_that_is_added_to_all",
        ),
        (
            "tolerance = max(w.shape) * torch.finfo(torch.float64).eps",
            "tolerance = 0.5",
            "test_the_projector_of_every_head[few classes]",
        ),
        (
            "((z_perturbed - z).double() @ basis.T).norm(dim=1)",
            "(z_perturbed - z).double().norm(dim=1)",
            "test_what_is_orthogonal_to_the_differences_does_not_count",
        ),
    ),
    *_in(
        "test_subspace_search",
        (
            '{"weight": basis.float()}',
            '{"weight": basis.float().flip(1)}',
            "test_the_known_shift_in_the_subspace_is_found",
        ),
        (
            "*(((aimed, shifts),) if find.kind == KIND else ()),",
            "(aimed, shifts),",
            "test_the_best_of_hand_made_finds",
        ),
        (
            "(furthest, statements.shift(clean, found.double()))",
            "(furthest, shifts)",
            "test_the_best_of_hand_made_finds",
        ),
    ),
]

INTERVALS = [
    *_in(
        "test_intervals",
        ("weight.abs(), None)", "weight, None)", "test_no_point_of_the_box_leaves_the_bounds[chain]"),
        (
            "(one[1] + other[1]).relu()",
            "one[1].relu()",
            "test_a_larger_box_has_wider_bounds_and_a_point_its_own_output[SmallResNet]",
        ),
        (
            "image((upper - lower) / 2",
            "image(upper - lower",
            "test_one_linear_layer_reaches_its_bounds_at_corners[linear]",
        ),
    ),
    *_in(
        "test_worst_case",
        ("normals.abs(), radius", "normals, radius", "test_the_merged_gap_is_the_largest_at_a_corner"),
        (
            "torch.maximum(upper - z, z - lower)",
            "torch.minimum(upper - z, z - lower)",
            "test_the_largest_move_is_the_farthest_corner",
        ),
    ),
    *_in(
        "test_certified_recipe",
        ("1 - grown * (1 - self.kappa)", "1.0", "test_it_starts_with_the_clean_loss_and_ends_with_the_worst_case"),
    ),
    *_in(
        "test_worst_case_probe",
        ('if way == "merged"', 'if way == "theorem_2"', "test_the_merged_one_leans_on_the_entry_that_cannot_move"),
    ),
]

PLANTED = [
    *(THREAT + BOUNDS + ATTACKS + HALVING + SEARCH + MEASURE + TRANSFER),
    *(EXPERIMENT + FLOOR + LEDGER + ORDERS + PARAMETERS + DATA + FROM_OUTSIDE),
    *(CORRUPTIONS + REGRESSION + PURIFICATION + SUBSPACE + INTERVALS),
]
