(** * Theorem 2 (robustness criterion), that no larger radius would do, and counterexamples *)

From Book Require Import definitions linear_algebra.

Section Criterion.
Variables (c r : nat) (W : nat -> vec) (b : vec).
Variables (X : Type) (f : X -> vec) (reach : X -> X -> Prop).
Notation logit := (logit r W b).
Notation dist := (dist r W).
Notation predicts := (predicts c r W b).
Notation only_predicts := (only_predicts c r W b).
Notation ratio := (ratio r W b).
Notation min_ratio := (min_ratio r W b).
Notation margin_ratio := (margin_ratio c r W b).
Notation signed_margin := (signed_margin c r W b).
Notation shifts := (shifts r X f reach).
Notation logit_diff := (logit_diff r W b).

Lemma dist_pos i j : dist i j <> 0 -> 0 < dist i j.
Proof. pose proof (norm2_nonneg r (sub (W i) (W j))). unfold definitions.dist in *. lra. Qed.

Lemma lt_min_ext s p q : lt_ext s (min_ext p q) <-> lt_ext s p /\ lt_ext s q.
Proof.
  destruct p as [p|], q as [q|]; simpl; try tauto. unfold Rmin. destruct (Rle_dec p q); lra.
Qed.

Lemma lt_margin s z y : lt_ext s (margin_ratio z y) <-> forall j, (j < c)%nat -> j <> y ->
  lt_ext s (ratio z y j).
Proof.
  unfold definitions.margin_ratio. induction c as [|n IH]; simpl; [split; intros; [lia|exact I]|].
  destruct (Nat.eq_dec n y) as [E|N]; [|rewrite lt_min_ext]; rewrite IH; clear IH.
  - split; intros H j Hj; intros; apply H; lia.
  - split; [intros [H Hn] j Hj Hy|intros H; split; [intros j Hj|]; intros; apply H; lia].
    destruct (Nat.eq_dec j n) as [->|]; [auto|apply H; lia].
Qed.

Lemma lt_ext_mono s t q : s <= t -> lt_ext t q -> lt_ext s q.
Proof. destruct q; simpl; intros; [lra|auto]. Qed.

(** ** The core: what all criteria below have in common.
    If the move z' - z goes at most a distance s >= 0 towards the hyperplane of each class j,
      and s < m, then y stays. *)
Lemma criterion_core z z' y s : predicts z y -> 0 <= s -> lt_ext s (margin_ratio z y) ->
  (forall j, (j < c)%nat -> - dot r (sub (W y) (W j)) (sub z' z) <= dist y j * s) ->
  only_predicts z' y.
Proof.
  intros [Hy Hz] Hs Hm Hmove. split; [exact Hy|]. intros j Hj Hne.
  pose proof (logit_diff z z' y j) as L. specialize (Hmove j Hj). specialize (Hz j Hj).
  rewrite lt_margin in Hm. specialize (Hm j Hj Hne). unfold definitions.ratio in Hm.
  destruct (Req_EM_T (dist y j) 0) as [E|N].
  - rewrite E in Hmove. destruct (Rlt_dec (logit z j) (logit z y)); simpl in Hm; lra.
  - pose proof (dist_pos y j N).
    simpl in Hm. rewrite Rabs_pos_eq in Hm by lra.
    apply (Rmult_lt_compat_l (dist y j)) in Hm; [|lra].
    replace (dist y j * ((logit z y - logit z j) / dist y j)) with (logit z y - logit z j) in Hm by
      (field; lra). lra.
Qed.

(** [theorem-2] For two feature vectors: a move shorter than m(x) keeps y the only prediction.
    Idea: Cauchy-Schwarz for each row difference. *)
Theorem theorem_2_features z z' y :
  predicts z y -> lt_ext (norm2 r (sub z' z)) (margin_ratio z y) -> only_predicts z' y.
Proof.
  intros Hy Hm. apply (criterion_core z z' y _ Hy (norm2_nonneg _ _) Hm). intros j _.
  eapply Rle_trans; [apply Rle_abs|]. rewrite Rabs_Ropp. apply cauchy_schwarz.
Qed.

(** [theorem-2] With any upper bound s of the shifts in the place of S(x). Idea:
    [theorem_2_features] at each x + delta. *)
Theorem theorem_2_bound x y s :
  predicts (f x) y -> is_upper_bound (shifts x) s -> lt_ext s (margin_ratio (f x) y) ->
  forall x', reach x x' -> only_predicts (f x') y.
Proof.
  intros Hy Hs Hm x' Hx. apply (theorem_2_features (f x)); [auto|].
    eapply lt_ext_mono; [|eassumption]. apply Hs. now exists x'.
Qed.

(** [theorem-2] As printed, with the supremum S(x). The conclusion is a little more: at x + delta,
    y is the only class with the largest logit. Idea: a supremum is an upper bound. *)
Theorem theorem_2 (x : X) (y : nat) (S : R) :
  predicts (f x) y -> is_lub (shifts x) S -> lt_ext S (margin_ratio (f x) y) ->
  forall x', reach x x' -> only_predicts (f x') y.
Proof. intros Hy [HS _]. now apply theorem_2_bound. Qed.

(** ** No larger radius would do *)

(** A step of length t straight at the hyperplane of class j costs t ||W_y - W_j|| of the margin. *)
Lemma step_towards z y j t : dist y j <> 0 -> 0 <= t ->
  exists z', norm2 r (sub z' z) = t /\ logit z' y - logit z' j
  = (logit z y - logit z j) - t * dist y j.
Proof.
  intros N Ht. apply dist_pos in N. set (k := - (t / dist y j)).
    exists (fun i => z i + k * sub (W y) (W j) i). split.
  - rewrite (norm2_ext r _ (fun i => k * sub (W y) (W j) i)) by (intros; unfold sub; ring).
    rewrite norm2_scal. fold (dist y j). unfold k. rewrite Rabs_Ropp, Rabs_pos_eq; [field; lra|].
    apply Rmult_le_pos; [lra|]. left. now apply Rinv_0_lt_compat.
  - rewrite (logit_diff z).
    assert (dot r (sub (W y) (W j)) (sub (fun i => z i + k * sub (W y) (W j) i) z) = -
      (t * dist y j)); [|lra].
    transitivity (k * dot r (sub (W y) (W j)) (sub (W y) (W j))).
    + unfold dot. rewrite <- sum_scal. apply sum_eq. intros. unfold sub. ring.
    + rewrite <- norm2_sqr. fold (dist y j). unfold k. field. lra.
Qed.

(** The minimum in m(x) is attained by some class. *)
Lemma margin_ratio_attained z y m : margin_ratio z y = Some m ->
  exists j, (j < c)%nat /\ j <> y /\ ratio z y j = Some m.
Proof.
  unfold definitions.margin_ratio. induction c as [|n IH]; simpl; [discriminate|].
  assert (up : (exists j, (j < n)%nat /\ j <> y /\ ratio z y j = Some m) -> exists j, (j < S n)%nat
    /\ j <> y /\ ratio z y j = Some m)
    by (intros (j & Hj & ?); exists j; split; [lia|auto]).
  destruct (Nat.eq_dec n y) as [E|N]; [auto|].
  destruct (min_ratio n z y) as [p|]; destruct (ratio z y n) as [q|] eqn:Q; simpl; intros H;
    try discriminate; auto.
  - injection H as H. unfold Rmin in H. destruct (Rle_dec p q); [apply up, IH; now f_equal|].
    exists n. rewrite Q. repeat split; [lia|auto|now f_equal].
  - exists n. rewrite Q. repeat split; [lia|auto|auto].
Qed.

(** [criterion-radius] (a) At every point nearer than m(x), y is the only class with the largest
    logit. Idea: [theorem_2_features]. *)
Theorem criterion_radius_a z y m :
  predicts z y -> margin_ratio z y = Some m -> 0 < m -> forall z', norm2 r (sub z' z) < m ->
  only_predicts z' y.
Proof. intros Hy Hm _ z' H. apply (theorem_2_features z z' y Hy). now rewrite Hm. Qed.

(** [criterion-radius] (b) At some point at distance m(x), y is not the only class with the
    largest logit. Idea: step from z straight at the nearest hyperplane. *)
Theorem criterion_radius_b z y m :
  predicts z y -> margin_ratio z y = Some m ->
  exists z', norm2 r (sub z' z) = m /\ ~ only_predicts z' y.
Proof.
  intros [Hy Hz] Hm. destruct (margin_ratio_attained _ _ _ Hm) as (j & Hj & Hne & Hr).
    specialize (Hz j Hj). unfold definitions.ratio in Hr.
  destruct (Req_EM_T (dist y j) 0) as [E|N].
  - destruct (Rlt_dec (logit z j) (logit z y)) as [|Hn]; [discriminate|]. injection Hr as <-.
    exists z. split.
    + apply norm2_zero. intros. unfold sub. ring.
    + intros [_ K]. specialize (K j Hj Hne). lra.
  - injection Hr as Hr. rewrite Rabs_pos_eq in Hr by lra. pose proof (dist_pos _ _ N) as Hd.
    assert (M : m * dist y j = logit z y - logit z j) by (subst m; field; lra).
    destruct (step_towards z y j m N) as (z' & Hn & HL); [nra|]. exists z'. split; [auto|].
      intros [_ K]. specialize (K j Hj Hne). lra.
Qed.

(** [criterion-radius] (c) At every larger distance another class overtakes somewhere. Idea:
    the same step, longer. *)
Theorem criterion_radius_c z y m :
  predicts z y -> margin_ratio z y = Some m -> 0 < m -> forall t, m < t ->
  exists z', norm2 r (sub z' z) = t /\ ~ predicts z' y.
Proof.
  intros [Hy Hz] Hm Hpos t Ht. destruct (margin_ratio_attained _ _ _ Hm) as (j & Hj & Hne & Hr).
    specialize (Hz j Hj). unfold definitions.ratio in Hr.
  destruct (Req_EM_T (dist y j) 0) as [E|N].
  - destruct (Rlt_dec (logit z j) (logit z y)); [discriminate|]. injection Hr as <-. lra.
  - injection Hr as Hr. rewrite Rabs_pos_eq in Hr by lra. pose proof (dist_pos _ _ N) as Hd.
    assert (M : m * dist y j = logit z y - logit z j) by (subst m; field; lra).
    destruct (step_towards z y j t N) as (z' & Hn & HL); [lra|]. exists z'. split; [auto|].
      intros [_ K]. specialize (K j Hj). nra.
Qed.

(** [criterion-one-line] Each signed distance from a hyperplane is 1-Lipschitz. Idea:
    Cauchy-Schwarz. *)
Theorem signed_distance_lipschitz z z' y j :
  dist y j <> 0 ->
  Rabs ((logit z' y - logit z' j) / dist y j - (logit z y - logit z j) / dist y j)
  <= norm2 r (sub z' z).
Proof.
  intros N. pose proof (dist_pos y j N).
  rewrite (logit_diff z).
  replace (_ - _) with (/ dist y j * dot r (sub (W y) (W j)) (sub z' z)) by (field; lra).
  rewrite Rabs_mult, (Rabs_pos_eq (/ dist y j)) by (left; now apply Rinv_0_lt_compat).
  apply (Rmult_le_reg_l (dist y j)); [auto|]. rewrite <- Rmult_assoc, Rinv_r, Rmult_1_l by lra.
    apply cauchy_schwarz.
Qed.

Lemma lt_min_signed n z y s : lt_ext s (min_signed r W b n z y) <->
  forall j, (j < n)%nat -> dist y j <> 0 -> s < (logit z y - logit z j) / dist y j.
Proof.
  induction n as [|n IH]; simpl; [split; intros; [lia|exact I]|].
  destruct (Req_EM_T (dist y n) 0) as [E|N]; [|rewrite lt_min_ext]; rewrite IH; clear IH.
  - split; intros H j Hj Hd; apply H; auto. destruct (Nat.eq_dec j n) as [->|]; [contradiction|lia].
  - split; [intros [H Hn] j Hj Hd|intros H; split; [intros j Hj|]; intros; apply H; auto; lia].
    destruct (Nat.eq_dec j n) as [->|]; [exact Hn|apply H; auto; lia].
Qed.

(** [criterion-one-line] g is 1-Lipschitz: if g(z) is above s, then g(z') is above s - ||z' - z||.
    Idea: it is a minimum of signed distances, each of them 1-Lipschitz. *)
Theorem criterion_one_line_lipschitz z z' y s :
  lt_ext s (signed_margin z y) -> lt_ext (s - norm2 r (sub z' z)) (signed_margin z' y).
Proof.
  intros H. apply lt_min_signed. intros j Hj N. apply (proj1 (lt_min_signed c z y s) H) in N as B;
    auto. pose proof (signed_distance_lipschitz z z' y j N) as L.
  set (p := (logit z' y - logit z' j) / dist y j) in *.
  set (q := (logit z y - logit z j) / dist y j) in *.
  revert L. unfold Rabs. destruct Rcase_abs; lra.
Qed.

Lemma ext_equal p q : (forall s, lt_ext s p <-> lt_ext s q) -> p = q.
Proof.
  destruct p as [p|], q as [q|]; simpl; intros H; auto.
  - f_equal. destruct (Rtotal_order p q) as [L|[->|L]]; auto.
    + apply H in L. lra.
    + apply H in L. lra.
  - pose proof (proj2 (H p) I). lra.
  - pose proof (proj1 (H q) I). lra.
Qed.

(** [criterion-one-line] If m(x) > 0, then g(z) = m(x). Idea: y is predicted, so that the absolute
    values change nothing, and m(x) > 0 excludes ties of equal rows. *)
Theorem criterion_one_line_start z y :
  predicts z y -> lt_ext 0 (margin_ratio z y) -> signed_margin z y = margin_ratio z y.
Proof.
  intros [Hy Hz] Hm. apply ext_equal. intros s. unfold definitions.signed_margin.
  rewrite lt_min_signed, lt_margin. rewrite lt_margin in Hm. split; intros H j Hj.
  - intros Hne. specialize (Hm j Hj Hne). specialize (Hz j Hj). unfold definitions.ratio in *.
    destruct (Req_EM_T (dist y j) 0) as [E|N].
    + destruct (Rlt_dec (logit z j) (logit z y)); simpl in *; [exact I|lra].
    + simpl. rewrite Rabs_pos_eq by lra. now apply H.
  - intros N. assert (Hne : j <> y).
    { intros ->. apply N. apply norm2_zero. intros. unfold sub. ring. }
    specialize (H j Hj Hne). specialize (Hz j Hj). unfold definitions.ratio in H.
    destruct (Req_EM_T (dist y j) 0) as [E|_]; [contradiction|]. simpl in H.
    rewrite Rabs_pos_eq in H by lra. exact H.
Qed.

(** [criterion-one-line] The display: g(z') >= m(x) - ||z' - z||, and that is above 0 wherever
    ||z' - z|| < m(x). Idea: the two statements before. *)
Theorem criterion_one_line z z' y :
  predicts z y -> lt_ext 0 (margin_ratio z y) ->
  (forall s, lt_ext s (margin_ratio z y) -> lt_ext (s - norm2 r (sub z' z)) (signed_margin z' y)) /\
  (lt_ext (norm2 r (sub z' z)) (margin_ratio z y) -> lt_ext 0 (signed_margin z' y)).
Proof.
  intros Hy Hm. rewrite <- (criterion_one_line_start z y Hy Hm). split.
  - intros s. apply criterion_one_line_lipschitz.
  - intros H. apply (criterion_one_line_lipschitz z z') in H.
    now replace (norm2 r (sub z' z) - norm2 r (sub z' z)) with 0 in H by ring.
Qed.

(** [criterion-local-radius] A constant Lambda on the ball of radius R: no allowed perturbation
    with size at most R, and with Lambda size < m(x), changes the prediction. [size x x'] is the
    norm of the perturbation. Idea: [theorem_2_features] for each of them. *)
Theorem criterion_local_radius (size : X -> X -> R) R_ Lambda x y :
  0 < R_ -> 0 < Lambda ->
  (forall x', reach x x' -> size x x' <= R_ -> norm2 r (sub (f x') (f x)) <= Lambda * size x x') ->
  predicts (f x) y -> forall x', reach x x' -> size x x' <= R_ ->
  lt_ext (Lambda * size x x') (margin_ratio (f x) y) -> only_predicts (f x') y.
Proof.
  intros _ _ HL Hy x' Hr Hs Hm. apply (theorem_2_features (f x)); [auto|].
  eapply lt_ext_mono; [now apply HL|exact Hm].
Qed.

End Criterion.
(** ** Counterexamples, by computation *)

(** The example By hand: the page's rows W_1 = (3, 0) and W_2 = (0, 4), which are the rows 0 and 1
    here, and f(x) = (3, 1); so m(x) = 1. *)
Definition W_by_hand := matrix [[3; 0]; [0; 4]].
Definition z_by_hand := vector [3; 1].

Lemma by_hand_predicts : predicts 2 2 W_by_hand no_bias z_by_hand 0.
Proof.
  split; [lia|].
  intros [|[|j]] Hj; [| |lia]; unfold W_by_hand, z_by_hand; compute_sums; lra.
Qed.

Lemma by_hand_margin : margin_ratio 2 2 W_by_hand no_bias z_by_hand 0 = Some 1.
Proof.
  unfold definitions.margin_ratio. simpl. unfold definitions.ratio.
  assert (D : definitions.dist 2 W_by_hand 0 1 = 5)
    by (unfold W_by_hand; compute_sums; root 5; reflexivity).
  rewrite D. destruct (Req_EM_T 5 0); [lra|]. unfold W_by_hand, z_by_hand. compute_sums. f_equal.
    rewrite Rabs_pos_eq by lra. field.
Qed.

(** [theorem-2] Counterexample to <= for <: at a shift of exactly m(x) = 1 there is a tie. The
    second row of the table By hand. *)
Theorem strict_is_needed :
  exists z', norm2 2 (sub z' z_by_hand) = 1 /\
  margin_ratio 2 2 W_by_hand no_bias z_by_hand 0 = Some 1 /\
  logit 2 W_by_hand no_bias z' 0 = logit 2 W_by_hand no_bias z' 1 /\
  ~ only_predicts 2 2 W_by_hand no_bias z' 0.
Proof.
  exists (vector [12/5; 9/5]). assert (T : logit 2 W_by_hand no_bias (vector [12/5;
    9/5]) 0 = logit 2 W_by_hand no_bias (vector [12/5; 9/5]) 1)
    by (unfold W_by_hand; compute_sums; lra).
  repeat split; [unfold z_by_hand; compute_sums; root 1; reflexivity|apply by_hand_margin|exact T|].
  intros [_ H]. specialize (H 1%nat ltac:(lia) ltac:(lia)). lra.
Qed.

(** [theorem-2] Sufficient, not necessary: a move of length 2 > m(x) = 1 that keeps the
    prediction. The third row of the table By hand. *)
Theorem criterion_not_necessary :
  norm2 2 (sub (vector [23/5; 11/5]) z_by_hand) = 2 /\
  only_predicts 2 2 W_by_hand no_bias (vector [23/5; 11/5]) 0.
Proof.
  split; [unfold z_by_hand; compute_sums; root 2; reflexivity|]. split; [lia|].
  intros [|[|j]] Hj Hne; [lia| |lia]. unfold W_by_hand. compute_sums. lra.
Qed.

(** y must be the predicted class: three classes, one feature, at which the logits are
    (-10, 1/4, 0). *)
Definition W3 := matrix [[0]; [1]; [-1]].
Definition b3 := vector [-10; 1/4; 0].

(** [theorem-2] Counterexample with a true label for the predicted one: its margin ratio is 10, and
    a move of 1/2 changes the prediction from class 1 to class 2. *)
Theorem true_label_fails :
  let z := vector [0] in
  let z' := vector [-1/2] in
  only_predicts 3 1 W3 b3 z 1 /\ only_predicts 3 1 W3 b3 z' 2 /\ norm2 1 (sub z' z) = 1/2 /\
  margin_ratio 3 1 W3 b3 z 0 = Some 10.
Proof.
  simpl. split; [|split; [|split]];
    try (split; [lia|]; intros [|[|[|j]]] Hj Hne; try lia; unfold W3, b3; compute_sums; lra).
  - compute_sums. root (1/2). reflexivity.
  - assert (D1 : definitions.dist 1 W3 0 1 = 1) by (unfold W3; compute_sums; root 1; reflexivity).
    assert (D2 : definitions.dist 1 W3 0 2 = 1) by (unfold W3; compute_sums; root 1; reflexivity).
    unfold definitions.margin_ratio. simpl. unfold definitions.ratio. rewrite D1, D2.
    destruct (Req_EM_T 1 0); [lra|]. unfold W3, b3. compute_sums. simpl. f_equal.
    rewrite !Rabs_left by lra. rewrite Rmin_right by lra. field.
Qed.

(** Three classes; the logits at (1, 0) are (1, 0, 1/2). *)
Definition W4 := matrix [[1; 0]; [-9; 0]; [9/10; 0]].
Definition b4 := vector [0; 9; -2/5].

(** [ex-criterion-runner-up] The minimum need not belong to the class with the second largest
    logit. *)
Theorem runner_up_is_not_nearest :
  let z := vector [1; 0] in
  logit 2 W4 b4 z 1 < logit 2 W4 b4 z 2 < logit 2 W4 b4 z 0 /\
  margin_ratio 3 2 W4 b4 z 0 = Some (1/10) /\ ratio 2 W4 b4 z 0 2 = Some 5.
Proof.
  assert (D1 : definitions.dist 2 W4 0 1 = 10) by (unfold W4; compute_sums; root 10; reflexivity).
  assert (D2 : definitions.dist 2 W4 0 2 = 1/10) by (unfold W4; compute_sums; root (1/10);
    reflexivity).
  assert (R2 : ratio 2 W4 b4 (vector [1; 0]) 0 2 = Some 5).
  { unfold definitions.ratio. rewrite D2. destruct (Req_EM_T (1/10) 0); [lra|]. unfold W4, b4.
    compute_sums. f_equal. rewrite Rabs_pos_eq by lra. field. }
  simpl. split; [unfold W4, b4; compute_sums; lra|]. split; [|exact R2].
  unfold definitions.margin_ratio. simpl. rewrite R2. unfold definitions.ratio. rewrite D1.
    destruct (Req_EM_T 10 0); [lra|]. simpl. f_equal.
  unfold W4, b4. compute_sums. rewrite Rabs_pos_eq by lra. rewrite Rmin_left by lra. field.
Qed.

(** [criterion-radius] Counterexample without 0 < m(x): two classes with one row and one bias
    have m = 0, and class 0 is predicted everywhere. *)
Theorem tied_twins :
  let W := matrix [[1]; [1]] in
  let z := vector [0] in
  margin_ratio 2 1 W no_bias z 0 = Some 0 /\ forall z', predicts 2 1 W no_bias z' 0.
Proof.
  simpl. split.
  - assert (D : definitions.dist 1 (matrix [[1]; [1]]) 0 1 = 0) by (compute_sums; root 0;
    reflexivity).
    unfold definitions.margin_ratio. simpl. unfold definitions.ratio. rewrite D.
      destruct (Req_EM_T 0 0); [|lra].
    compute_sums. destruct (Rlt_dec (0 + 1 * 0 + 0) (0 + 1 * 0 + 0)); [lra|reflexivity].
  - intros z'. split; [lia|]. intros [|[|j]] Hj; [| |lia]; compute_sums; lra.
Qed.

(** [theorem-2] The first row of the table By hand, by the theorem itself: S = 1/2 < 1 = m. *)
Theorem by_hand_stays : only_predicts 2 2 W_by_hand no_bias (vector [27/10; 14/10]) 0.
Proof.
  apply (theorem_2_features 2 2 W_by_hand no_bias z_by_hand); [apply by_hand_predicts|].
  rewrite by_hand_margin. simpl.
  unfold z_by_hand. compute_sums. root (1/2). lra.
Qed.
