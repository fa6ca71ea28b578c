(** * Why the bounds are loose: the chain, directions, the head's subspace, certificates *)

From Book Require Import definitions linear_algebra definition_1_lipschitz_losses theorem_1_loss_gap
  theorem_2_criterion.

Section Slack.
Variables (c r : nat) (W : nat -> vec) (b : vec).
Variables (X : Type) (f : X -> vec) (reach : X -> X -> Prop).
Notation logit := (logit r W b).
Notation dist := (dist r W).
Notation predicts := (predicts c r W b).
Notation only_predicts := (only_predicts c r W b).
Notation margin_ratio := (margin_ratio c r W b).
Notation shifts := (shifts r X f reach).
Notation mul := (mul r).
Notation directional_shifts := (directional_shifts c r W X f reach).
Notation symmetric := (symmetric r).
Notation idempotent := (idempotent r).
Notation fixes_row_differences := (fixes_row_differences c r W).
Notation projected_shifts := (projected_shifts r X f reach).
Notation criterion_core := (criterion_core c r W b).
Notation dist_pos := (dist_pos r W).
Notation theorem_2_bound := (theorem_2_bound c r W b X f reach).

(** ** In the head's own subspace: [P] is an r x r matrix *)

Lemma symmetric_dot P u v : symmetric P -> dot r (mul P u) v = dot r u (mul P v).
Proof.
  intros H. unfold dot, definitions.mul, dot.
  rewrite (sum_eq r (fun i => sum r (fun k => P i k * u k) * v i) (fun i => sum r
    (fun k => P i k * u k * v i))).
  2: { intros. rewrite Rmult_comm, <- sum_scal. apply sum_eq. intros. ring. }
  rewrite sum_swap. apply sum_eq. intros k Hk. rewrite <- sum_scal. apply sum_eq. intros i Hi.
    rewrite (H i k) by auto. ring.
Qed.

Lemma head_sees_only_P P u v : symmetric P -> (forall k, (k < r)%nat -> mul P u k = u k) ->
  dot r u v = dot r u (mul P v).
Proof.
  intros HP Hu. rewrite <- symmetric_dot by auto. apply sum_eq. intros k Hk. now rewrite Hu.
Qed.

(** All that the criterion needs of P: the inner products with W_y - W_j, for the predicted y, do
    not change. That is P^T (W_y - W_j) = W_y - W_j; a P that is not symmetric, not idempotent or
    too large will do. *)
Definition keeps_margins (P : nat -> vec) (y : nat) : Prop :=
  forall j v, (j < c)%nat -> dot r (sub (W y) (W j)) v = dot r (sub (W y) (W j)) (mul P v).

Lemma projector_keeps_margins P y : symmetric P -> fixes_row_differences P -> (y < c)%nat ->
  keeps_margins P y.
Proof. intros Hsym Hfix Hy j v Hj. apply head_sees_only_P; auto. Qed.

(** [slack-subspace] Symmetry, projection and P^2 = P are more than needed: it is enough that P
    keeps the inner products with the row differences. Idea: [criterion_core] with P v for v. *)
Theorem slack_subspace_general P x y S_P :
  keeps_margins P y -> predicts (f x) y -> is_upper_bound (projected_shifts P x) S_P ->
  lt_ext S_P (margin_ratio (f x) y) -> forall x', reach x x' -> only_predicts (f x') y.
Proof.
  intros HP Hy HS Hm x' Hx. assert (B : norm2 r (mul P (sub (f x') (f x))) <= S_P) by (apply HS;
    now exists x').
  pose proof (norm2_nonneg r (mul P (sub (f x') (f x)))).
  apply (criterion_core (f x) (f x') y S_P); auto; [lra|]. intros j Hj. rewrite HP by auto.
  eapply Rle_trans; [apply Rle_abs|]. rewrite Rabs_Ropp. eapply Rle_trans; [apply cauchy_schwarz|].
  apply Rmult_le_compat_l; [apply norm2_nonneg|auto].
Qed.

(** [slack-subspace] If S_P(x) < m(x), no perturbation changes the prediction. Idea:
    [slack_subspace_general]. *)
Theorem slack_subspace_criterion P x y S_P :
  symmetric P -> idempotent P -> fixes_row_differences P -> predicts (f x) y ->
  is_lub (projected_shifts P x) S_P -> lt_ext S_P (margin_ratio (f x) y) -> forall x', reach x x' ->
  only_predicts (f x') y.
Proof. intros Hsym _ Hfix Hy [HS _]. apply (slack_subspace_general P x y S_P); auto.
  apply projector_keeps_margins; auto. apply Hy. Qed.

(** ||P v|| <= ||v||: here, and only here, idempotence is used. *)
Lemma projection_shortens P v : symmetric P -> idempotent P -> norm2 r (mul P v) <= norm2 r v.
Proof.
  intros Hsym Hid. pose proof (norm2_nonneg r v). pose proof (norm2_nonneg r (mul P v)).
  assert (E : norm2 r (mul P v) * norm2 r (mul P v) = dot r v (mul P v)).
  { rewrite norm2_sqr, symmetric_dot by auto. apply sum_eq. intros i Hi. now rewrite Hid. }
  pose proof (cauchy_schwarz_le r v (mul P v)).
  destruct (Rle_dec (norm2 r (mul P v)) (norm2 r v)); [auto|nra].
Qed.

(** ** With direction *)

(** [slack-directional] If D(x) < m(x), no perturbation changes the prediction. Idea:
    [criterion_core] with D for s. *)
Theorem slack_directional_criterion x y D :
  predicts (f x) y -> is_upper_bound (directional_shifts x y) D ->
  lt_ext D (margin_ratio (f x) y) -> forall x', reach x x' -> only_predicts (f x') y.
Proof.
  intros Hy HD Hm x' Hx. assert (0 <= D) by (apply HD; now left).
  apply (criterion_core (f x) (f x') y D); auto. intros j Hj.
  assert (E : - dot r (sub (W y) (W j)) (sub (f x') (f x)) = dot r (sub (W j) (W y)) (sub (f x')
    (f x))) by (rewrite !dot_sub_l; ring).
  rewrite E. destruct (Req_dec (dist y j) 0) as [Z|N].
  - rewrite <- E, Z. pose proof (cauchy_schwarz r (sub (W y) (W j)) (sub (f x') (f x))) as C.
    fold (dist y j) in C. rewrite Z in C.
    pose proof (Rle_abs (- dot r (sub (W y) (W j)) (sub (f x') (f x)))) as A.
      rewrite Rabs_Ropp in A. lra.
  - pose proof (dist_pos y j N).
    assert (B : dot r (sub (W j) (W y)) (sub (f x') (f x)) / dist y j <= D) by (apply HD; right;
      now exists x', j).
    apply (Rmult_le_compat_l (dist y j)) in B; [|lra]. eapply Rle_trans; [|exact B]. apply Req_le.
      field. lra.
Qed.

(** [slack-subspace] 0 <= D(x) <= S_P(x) <= S(x). Idea: Cauchy-Schwarz after P, and P shortens. *)
Theorem slack_subspace_order P x y D S_P S :
  symmetric P -> idempotent P -> fixes_row_differences P -> (y < c)%nat -> reach x x ->
  is_lub (directional_shifts x y) D -> is_lub (projected_shifts P x) S_P -> is_lub (shifts x) S ->
  0 <= D <= S_P /\ S_P <= S.
Proof.
  intros Hsym Hid Hfix Hy Hx [HD HD'] [HP HP'] [HS HS'].
  assert (Z : 0 <= S_P) by (eapply Rle_trans; [apply norm2_nonneg|apply HP; now exists x]).
  repeat split; [apply HD; now left|apply HD'|apply HP'].
  - intros t [->|(x' & j & Hr & Hj & N & ->)]; [auto|].
    pose proof (dist_pos y j N).
    assert (B : norm2 r (mul P (sub (f x') (f x))) <= S_P) by (apply HP; now exists x').
    rewrite (head_sees_only_P P) by (auto; intros; apply Hfix; auto).
    pose proof (cauchy_schwarz_le r (sub (W j) (W y)) (mul P (sub (f x') (f x)))) as C.
    rewrite norm2_sub_sym in C. fold (dist y j) in C.
    apply (Rmult_le_reg_l (dist y j)); [lra|].
      eapply Rle_trans; [|apply (Rmult_le_compat_l (dist y j)) in B; [exact B|lra]].
    eapply Rle_trans; [|exact C]. apply Req_le. field. lra.
  - intros t (x' & Hr & ->). eapply Rle_trans; [apply projection_shortens; auto|]. apply HS.
    now exists x'.
Qed.

(** [slack-subspace] S < m implies S_P < m, that implies D < m, and that an unchanged
    prediction. Idea: the order of the three numbers. *)
Theorem slack_subspace_chain P x y D S_P S :
  symmetric P -> idempotent P -> fixes_row_differences P -> predicts (f x) y -> reach x x ->
  is_lub (directional_shifts x y) D -> is_lub (projected_shifts P x) S_P -> is_lub (shifts x) S ->
  (lt_ext S (margin_ratio (f x) y) -> lt_ext S_P (margin_ratio (f x) y)) /\
  (lt_ext S_P (margin_ratio (f x) y) -> lt_ext D (margin_ratio (f x) y)) /\
  (lt_ext D (margin_ratio (f x) y) -> forall x', reach x x' -> only_predicts (f x') y).
Proof.
  intros Hsym Hid Hfix Hy Hx HD HP HS.
    destruct (slack_subspace_order P x y D S_P S) as [[_ H1] H2]; auto; [apply Hy|].
  split; [|split]; [now apply lt_ext_mono|now apply lt_ext_mono|].
    apply slack_directional_criterion; auto. apply HD.
Qed.

(** ** Certificates: an upper bound on S(x). *)

(** [eq-certificate] With a Lipschitz constant: if Lambda eps < m(x), the prediction stays.
    Idea: Lambda eps bounds the shifts. *)
Theorem lipschitz_certificate (size : X -> X -> R) Lambda eps x y :
  (forall x', norm2 r (sub (f x') (f x)) <= Lambda * size x x') -> 0 <= Lambda ->
  (forall x', reach x x' -> size x x' <= eps) -> predicts (f x) y ->
  lt_ext (Lambda * eps) (margin_ratio (f x) y) -> forall x', reach x x' -> only_predicts (f x') y.
Proof.
  intros HL H0 He Hy Hm. apply (theorem_2_bound x y (Lambda * eps)); auto. intros t (x' & Hr & ->).
  eapply Rle_trans; [apply HL|]. apply Rmult_le_compat_l; auto.
Qed.

(** [ex-slack-project] If coordinate i of the features stays in [low_i, up_i], S(x) is at most
    the length of the vector max(up - f, f - low). Idea: entry by entry smaller, so shorter. *)
Theorem interval_bound x low up :
  (forall x' i, reach x x' -> (i < r)%nat -> low i <= f x' i <= up i) ->
  is_upper_bound (shifts x) (norm2 r (fun i => Rmax (up i - f x i) (f x i - low i))).
Proof.
  intros H t (x' & Hr & ->). apply norm2_mono. intros i Hi. specialize (H x' i Hr Hi). unfold sub.
  pose proof (Rmax_l (up i - f x i) (f x i - low i)).
    pose proof (Rmax_r (up i - f x i) (f x i - low i)).
  apply Rabs_le. lra.
Qed.

(** [slack] Interval bounds, as used with radii: if coordinate i moves by at most rho_i, then
    S(x) <= ||rho||_2. Idea: entry by entry smaller, so shorter. *)
Theorem radius_bound x rho :
  (forall x' i, reach x x' -> (i < r)%nat -> Rabs (sub (f x') (f x) i) <= rho i) ->
  is_upper_bound (shifts x) (norm2 r rho).
Proof. intros H t (x' & Hr & ->). apply norm2_mono. intros i Hi. now apply H. Qed.

(** [slack] Merged margins: y stays if each margin is larger than the most that coordinates moving
    by rho_i can take from it, sum_i |W_y - W_j|_i rho_i.
    Idea: Hoelder, coordinate by coordinate. *)
Theorem merged_margin z z' y rho :
  (forall i, (i < r)%nat -> Rabs (sub z' z i) <= rho i) -> (y < c)%nat ->
  (forall j, (j < c)%nat -> j <> y ->
     sum r (fun i => Rabs (sub (W y) (W j) i) * rho i) < logit z y - logit z j) ->
  only_predicts z' y.
Proof.
  intros Hrho Hy H. split; [exact Hy|]. intros j Hj Hne. specialize (H j Hj Hne).
  pose proof (logit_diff r W b z z' y j) as L.
  assert (B : Rabs (dot r (sub (W y) (W j)) (sub z' z))
              <= sum r (fun i => Rabs (sub (W y) (W j) i) * rho i)).
  { eapply Rle_trans; [apply sum_abs|]. apply sum_le. intros i Hi. rewrite Rabs_mult.
    apply Rmult_le_compat_l; [apply Rabs_pos|auto]. }
  pose proof (Rle_abs (- dot r (sub (W y) (W j)) (sub z' z))) as A. rewrite Rabs_Ropp in A. lra.
Qed.

(** [slack] Merged margins certify at least what Theorem 2's criterion does with S = ||rho||_2.
    Idea: Cauchy-Schwarz for the vectors |W_y - W_j| and rho. *)
Theorem merged_margin_certifies_more z y rho : (forall i, (i < r)%nat -> 0 <= rho i) ->
  predicts z y -> lt_ext (norm2 r rho) (margin_ratio z y) ->
  forall j, (j < c)%nat -> j <> y ->
  sum r (fun i => Rabs (sub (W y) (W j) i) * rho i) < logit z y - logit z j.
Proof.
  intros Hrho [Hy Hz] Hm j Hj Hne. specialize (Hz j Hj).
  apply (proj1 (lt_margin c r W b (norm2 r rho) z y)) with (j := j) in Hm; auto.
  pose proof (cauchy_schwarz_le r (fun i => Rabs (sub (W y) (W j) i)) rho) as CS.
  assert (N : norm2 r (fun i => Rabs (sub (W y) (W j) i)) <= dist y j).
  { apply Rle_trans with (norm2 r (fun i => Rabs (sub (W y) (W j) i))); [lra|].
    unfold definitions.dist, norm2 at 2. unfold norm2. right. f_equal. unfold dot. apply sum_eq.
    intros i _. rewrite <- Rabs_mult. apply Rabs_pos_eq. nra. }
  unfold dot in CS. pose proof (norm2_nonneg r rho). pose proof (norm2_nonneg r (sub (W y) (W j))).
  unfold definitions.ratio in Hm. destruct (Req_EM_T (dist y j) 0) as [E|D].
  - rewrite E in N. pose proof (norm2_nonneg r (fun i => Rabs (sub (W y) (W j) i))).
    destruct (Rlt_dec (logit z j) (logit z y)); simpl in Hm; [|lra]. nra.
  - pose proof (dist_pos y j D). simpl in Hm. rewrite Rabs_pos_eq in Hm by lra.
    apply (Rmult_lt_compat_l (dist y j)) in Hm; [|lra].
    replace (dist y j * ((logit z y - logit z j) / dist y j)) with (logit z y - logit z j) in Hm
      by (field; lra). nra.
Qed.

Hypothesis Hc : (0 < c)%nat.
Notation max_dist := (max_dist c r W).
Notation ce := (cross_entropy c).
Notation row_norm := (row_norm r W).
Notation head_norm := (head_norm c r W).

(** W^T (q - e_y), the gradient in feature space. *)
Definition pulled_back (z : vec) (y : nat) : vec := fun k => sum c (fun j => gradient c
  (logit z) y j * W j k).

Lemma pulled_back_dot z y v : dot r (pulled_back z y) v = dot c (gradient c (logit z) y) (fun j
  => dot r (W j) v).
Proof.
  unfold dot, pulled_back.
  rewrite (sum_eq r _ (fun k => sum c (fun j => gradient c (logit z) y j * (W j k * v k)))).
  2: { intros. rewrite Rmult_comm, <- sum_scal. apply sum_eq. intros. ring. }
  rewrite sum_swap. apply sum_eq. intros. now rewrite sum_scal.
Qed.

(** W^T (q - e_y) = sum_j q_j (W_j - W_y): an average of row differences. *)
Lemma pulled_back_average z y v : (y < c)%nat ->
  dot r (pulled_back z y) v = sum c (fun j => softmax c (logit z) j * dot r (sub (W j) (W y)) v).
Proof.
  intros Hy. rewrite pulled_back_dot. unfold definitions.gradient. rewrite dot_sub_l.
    unfold dot at 3. rewrite sum_unit by auto.
  rewrite (sum_eq c (fun j => softmax c (logit z) j * dot r (sub (W j) (W y)) v)
                    (fun j => softmax c (logit z) j * dot r (W j) v - dot r (W y) v * softmax c
                      (logit z) j)).
  - rewrite sum_sub, sum_scal, softmax_sum by auto. unfold dot at 1. ring.
  - intros. rewrite dot_sub_l. ring.
Qed.

Lemma average_bound z y v B : (y < c)%nat -> (forall j, (j < c)%nat ->
  dot r (sub (W j) (W y)) v <= B) -> dot r (pulled_back z y) v <= B.
Proof.
  intros Hy H. rewrite pulled_back_average by auto.
  apply Rle_trans with (sum c (fun j => B * softmax c (logit z) j));
    [|rewrite sum_scal, softmax_sum by auto; lra].
  apply sum_le. intros j Hj. pose proof (softmax_nonneg c Hc (logit z) j). specialize (H j Hj). nra.
Qed.

Lemma pulled_back_norm z y : (y < c)%nat -> norm2 r (pulled_back z y) <= max_dist y.
Proof.
  intros Hy. set (g := pulled_back z y). pose proof (norm2_nonneg r g).
  assert (B : dot r g g <= max_dist y * norm2 r g).
  { apply average_bound; auto. intros j Hj. eapply Rle_trans; [apply cauchy_schwarz_le|].
    apply Rmult_le_compat_r; [auto|].
    rewrite norm2_sub_sym. now apply (bigmax_ge c (fun j => dist y j)). }
  rewrite <- norm2_sqr in B. assert (0 <= max_dist y) by apply bigmax_nonneg.
  destruct (Rle_dec (norm2 r g) (max_dist y)); [auto|nra].
Qed.

(** [slack-chain] Links (1) to (4), for the move from z to z'. Idea: the cross_entropy_tangent,
    Cauchy-Schwarz, an average of row differences, the triangle inequality. *)
Theorem slack_chain z z' y (v := sub z' z) : (y < c)%nat ->
  (* (1) convexity *)
  ce (logit z') y - ce (logit z) y
    <= dot c (gradient c (logit z') y) (fun j => dot r (W j) v) /\
  (* (2) angle *)
  dot c (gradient c (logit z') y) (fun j => dot r (W j) v)
    <= norm2 r (pulled_back z' y) * norm2 r v /\
  (* (3) saturation *)
  norm2 r (pulled_back z' y) * norm2 r v <= max_dist y * norm2 r v /\
  (* (4) largest row *)
  max_dist y * norm2 r v <= 2 * head_norm Linf * norm2 r v.
Proof.
  intros Hy. pose proof (norm2_nonneg r v). repeat split.
  - eapply Rle_trans; [apply (cross_entropy_tangent c Hc (logit z') (logit z) y Hy)|]. right.
    apply sum_eq. intros j _. now rewrite logits_move.
  - rewrite <- pulled_back_dot. apply cauchy_schwarz_le.
  - apply Rmult_le_compat_r; [auto|]. now apply pulled_back_norm.
  - apply Rmult_le_compat_r; [auto|]. simpl. pose proof (bigmax_nonneg c row_norm).
    apply bigmax_le; [lra|]. intros j Hj.
    eapply Rle_trans; [apply norm2_sub_le|]. pose proof (bigmax_ge c row_norm y Hy).
      pose proof (bigmax_ge c row_norm j Hj). unfold definitions.row_norm in *. lra.
Qed.

(** [slack-subspace] For the cross-entropy the loss rises by at most max_j ||W_y - W_j|| ||P
    (z' - z)||. Idea: the chain with P v for v. *)
Theorem slack_subspace_loss P z z' y :
  symmetric P -> fixes_row_differences P -> (y < c)%nat ->
  ce (logit z') y - ce (logit z) y <= max_dist y * norm2 r (mul P (sub z' z)).
Proof.
  intros Hsym Hfix Hy. eapply Rle_trans; [apply slack_chain; auto|]. rewrite <- pulled_back_dot.
    apply average_bound; auto. intros j Hj.
  rewrite (head_sees_only_P P) by (auto; intros; apply Hfix; auto).
    eapply Rle_trans; [apply cauchy_schwarz_le|].
  apply Rmult_le_compat_r; [apply norm2_nonneg|]. rewrite norm2_sub_sym.
    now apply (bigmax_ge c (fun j => dist y j)).
Qed.
(** [slack-chain] What passes to the supremum: T <= max_j ||W_y - W_j|| S(x), which is at most
    2 max_j ||W_j|| S(x). Idea: lines (3) and (4) for every perturbation. *)
Theorem slack_chain_supremum x y S A :
  (y < c)%nat -> reach x x -> is_upper_bound (shifts x) S ->
  is_lub (losses r W b X f reach (cross_entropy c) x y) A ->
  A - ce (logit (f x)) y <= max_dist y * S /\ max_dist y * S <= 2 * head_norm Linf * S.
Proof.
  intros Hy Hx HS [_ HA]. assert (S0 : 0 <= S).
  { eapply Rle_trans; [apply norm2_nonneg|apply HS; now exists x]. }
  assert (M0 : 0 <= max_dist y) by apply bigmax_nonneg. split.
  - assert (A <= ce (logit (f x)) y + max_dist y * S); [|lra]. apply HA.
    intros t (x' & Hr & ->). destruct (slack_chain (f x) (f x') y Hy) as (H1 & H2 & H3 & _).
    assert (norm2 r (sub (f x') (f x)) <= S) by (apply HS; now exists x').
    assert (max_dist y * norm2 r (sub (f x') (f x)) <= max_dist y * S)
      by now apply Rmult_le_compat_l. lra.
  - apply Rmult_le_compat_r; [auto|]. simpl. pose proof (bigmax_nonneg c row_norm).
    apply bigmax_le; [lra|]. intros j Hj. eapply Rle_trans; [apply norm2_sub_le|].
    pose proof (bigmax_ge c row_norm y Hy). pose proof (bigmax_ge c row_norm j Hj).
    unfold definitions.row_norm in *. lra.
Qed.

(** [slack-subspace] The loss as printed: l_adv - l <= max_j ||W_y - W_j|| S_P(x). Idea:
    [slack_subspace_loss] for every perturbation. *)
Theorem slack_subspace_loss_supremum P x y S_P A :
  symmetric P -> fixes_row_differences P -> (y < c)%nat ->
  is_upper_bound (projected_shifts P x) S_P ->
  is_lub (losses r W b X f reach (cross_entropy c) x y) A ->
  A - ce (logit (f x)) y <= max_dist y * S_P.
Proof.
  intros Hsym Hfix Hy HS [_ HA].
  assert (A <= ce (logit (f x)) y + max_dist y * S_P); [|lra]. apply HA. intros t (x' & Hr & ->).
  pose proof (slack_subspace_loss P (f x) (f x') y Hsym Hfix Hy).
  assert (norm2 r (mul P (sub (f x') (f x))) <= S_P) by (apply HS; now exists x').
  assert (M0 : 0 <= max_dist y) by apply bigmax_nonneg.
  assert (max_dist y * norm2 r (mul P (sub (f x') (f x))) <= max_dist y * S_P)
    by now apply Rmult_le_compat_l. lra.
Qed.

End Slack.

(** [slack] MaxMin on two entries never moves two vectors apart. Idea: the four orders of the
    entries. *)
Theorem maxmin_pair a b a' b' :
  (Rmax a b - Rmax a' b')² + (Rmin a b - Rmin a' b')² <= (a - a')² + (b - b')².
Proof. unfold Rmax, Rmin, Rsqr. repeat destruct Rle_dec; nra. Qed.

(** The whole layer on 2 n entries: a = the first n, b = the last n. *)
Definition maxmin (n : nat) (v : vec) : vec := fun i => if lt_dec i n then Rmax (v i) (v
  (n + i)%nat) else Rmin (v (i - n)%nat) (v i).

Lemma sum_app n m a : sum (n + m) a = sum n a + sum m (fun i => a (n + i)%nat).
Proof. induction m; [rewrite Nat.add_0_r; simpl; ring|]. rewrite Nat.add_succ_r. simpl. rewrite IHm.
  ring. Qed.

(** [slack] A layer of MaxMin is 1-Lipschitz. Idea: [maxmin_pair] for each pair. *)
Theorem maxmin_lipschitz n u v :
  norm2 (n + n) (sub (maxmin n u) (maxmin n v)) <= norm2 (n + n) (sub u v).
Proof.
  apply sqrt_le_1_alt. unfold dot. rewrite !sum_app, <- !sum_add. apply sum_le. intros i Hi.
    unfold sub, maxmin.
  destruct (lt_dec i n); [|lia]. destruct (lt_dec (n + i) n); [lia|].
    replace (n + i - n)%nat with i by lia.
  exact (maxmin_pair (u i) (u (n + i)%nat) (v i) (v (n + i)%nat)).
Qed.

(** [slack] A layer with orthonormal rows is 1-Lipschitz. Idea: Bessel. *)
Theorem orthonormal_rows_shorten m n (Q : nat -> vec) v :
  (forall i j, (i < m)%nat -> (j < m)%nat -> dot n (Q i) (Q j) = unit j i) ->
  norm2 m (fun j => dot n (Q j) v) <= norm2 n v.
Proof.
  intros H. apply sqrt_le_1_alt. set (y j := dot n (Q j) v).
    set (w := fun k => sum m (fun j => y j * Q j k)).
  assert (D : forall u, dot n w u = sum m (fun j => y j * dot n (Q j) u)).
  { intros u. unfold dot, w. rewrite (sum_eq n _ (fun k => sum m (fun j => y j * (Q j k * u k)))).
    2: { intros. rewrite Rmult_comm, <- sum_scal. apply sum_eq. intros. ring. }
    rewrite sum_swap. apply sum_eq. intros. now rewrite sum_scal. }
  assert (A : dot n w v = dot m y y) by (rewrite D; reflexivity).
  assert (B : dot n w w = dot m y y).
  { rewrite D. apply sum_eq. intros j Hj. f_equal.
    transitivity (dot n w (Q j)); [apply sum_eq; intros; ring|].
    rewrite D, (sum_eq m _ (fun i => unit j i * y i)) by (intros i Hi; rewrite H by auto; ring).
      now rewrite sum_unit. }
  pose proof (dot_self_nonneg n (sub v w)) as P. rewrite dot_sub_l, !dot_sub_r in P.
  assert (dot n v w = dot n w v) by (apply sum_eq; intros; ring). lra.
Qed.

(** [ex-slack-project] A linear layer takes the interval (centre, radius) to (W centre + b, |W|
    radius). Idea: the triangle inequality. *)
Theorem interval_linear n (row centre radius v : vec) b :
  (forall k, (k < n)%nat -> Rabs (v k - centre k) <= radius k) ->
  Rabs ((dot n row v + b) - (dot n row centre + b)) <= dot n (fun k => Rabs (row k)) radius.
Proof.
  intros H. replace (dot n row v + b - (dot n row centre + b)) with (dot n row (sub v centre)) by
    (rewrite dot_sub_r; ring).
  eapply Rle_trans; [apply sum_abs|]. apply sum_le. intros k Hk. rewrite Rabs_mult.
    apply Rmult_le_compat_l; [apply Rabs_pos|]. now apply H.
Qed.

(** ** Counterexamples *)

(** [ex-slack-zero] Counterexample without 0 in Delta: the supremum over the moves alone is -1
    < 0 = m, and two classes stay tied. *)
Theorem directional_needs_zero :
  let W := matrix [[1]; [1]; [0]] in
  let z := vector [1] in
  let z' := vector [2] in
  margin_ratio 3 1 W no_bias z 0 = Some 0 /\
  dot 1 (sub (W 2%nat) (W 0%nat)) (sub z' z) / definitions.dist 1 W 0 2 = -1 /\
  ~ only_predicts 3 1 W no_bias z' 0.
Proof.
  simpl. assert (D1 : definitions.dist 1 (matrix [[1]; [1]; [0]]) 0 1 = 0) by (compute_sums; root 0;
    reflexivity).
  assert (D2 : definitions.dist 1 (matrix [[1]; [1]; [0]]) 0 2 = 1) by (compute_sums; root 1;
    reflexivity).
  repeat split.
  - unfold definitions.margin_ratio. simpl. unfold definitions.ratio. rewrite D1, D2.
    destruct (Req_EM_T 0 0); [|lra]. destruct (Req_EM_T 1 0); [lra|].
    compute_sums. destruct (Rlt_dec (0 + 1 * 1 + 0) (0 + 1 * 1 + 0)); [lra|]. simpl. f_equal.
      rewrite Rabs_pos_eq by lra. apply Rmin_left. lra.
  - rewrite D2. compute_sums. lra.
  - intros [_ H]. assert (A : (1 < 3)%nat) by lia. assert (B : 1%nat <> 0%nat) by lia.
    specialize (H 1%nat A B). compute_sums. lra.
Qed.

(** [slack-subspace] Counterexample without symmetry: an oblique projector that keeps the row
    differences has S_P = 0, and the prediction flips. *)
Theorem oblique_projector_fails :
  let W := matrix [[1; 0]; [0; 0]] in
  let P := matrix [[1; 1]; [0; 0]] in
  let z := vector [1; 0] in
  let z' := vector [-9; 10] in
  idempotent 2 P /\ fixes_row_differences 2 2 W P /\ only_predicts 2 2 W no_bias z 0 /\
  norm2 2 (mul 2 P (sub z' z)) = 0 /\ only_predicts 2 2 W no_bias z' 1.
Proof.
  simpl. repeat split; try lia.
  - intros v [|[|i]] Hi; [| |lia]; unfold definitions.mul; compute_sums; ring.
  - intros [|[|i]] [|[|j]] [|[|k]] Hi Hj Hk; try lia; unfold definitions.mul; compute_sums; ring.
  - intros [|[|j]] Hj Hne; try lia. compute_sums. lra.
  - apply norm2_zero. intros [|[|i]] Hi; [| |lia]; unfold definitions.mul; compute_sums; ring.
  - intros [|[|j]] Hj Hne; try lia. compute_sums. lra.
Qed.
