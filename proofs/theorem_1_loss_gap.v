(** * Lemmas 1 to 3 and Theorem 1 (loss gap) *)

From Book Require Import definitions linear_algebra definition_1_lipschitz_losses probability.

(** ** Softmax cross-entropy *)
Section CrossEntropy.
Variable n : nat.
Hypothesis Hn : (0 < n)%nat.

Notation exp_sum := (exp_sum n).
Notation softmax := (softmax n).
Notation cross_entropy := (cross_entropy n).
Notation gradient := (gradient n).

Lemma exp_sum_pos u : 0 < exp_sum u.
Proof.
  eapply Rlt_le_trans; [apply (exp_pos (u O))|].
  apply (sum_term n (fun j => exp (u j)) 0); [intros; left; apply exp_pos|exact Hn].
Qed.

Lemma cross_entropy_lse u y : cross_entropy u y = ln (exp_sum u) - u y.
Proof.
  pose proof (exp_sum_pos u). unfold definitions.cross_entropy, Rdiv.
    rewrite ln_mult, ln_Rinv, ln_exp; auto using exp_pos, Rinv_0_lt_compat. ring.
Qed.

Lemma softmax_nonneg u j : 0 <= softmax u j.
Proof. apply Rmult_le_pos; left; [apply exp_pos|apply Rinv_0_lt_compat, exp_sum_pos]. Qed.

Lemma softmax_sum u : sum n (softmax u) = 1.
Proof.
  pose proof (exp_sum_pos u). rewrite (sum_eq n (softmax u) (fun j => / exp_sum u * exp (u j))) by
    (intros; unfold definitions.softmax; field; lra).
  rewrite sum_scal. fold (exp_sum u). field. lra.
Qed.

(** [slack-chain] Link (1): the cross-entropy lies above its cross_entropy_tangent. Idea: e^a
    >= 1 + a in every term of the sum. *)
Theorem cross_entropy_tangent u v y :
  (y < n)%nat -> cross_entropy u y - cross_entropy v y <= dot n (gradient u y) (sub u v).
Proof.
  intros Hy. rewrite !cross_entropy_lse. unfold definitions.gradient. rewrite dot_sub_l.
  assert (dot n (unit y) (sub u v) = u y - v y) as -> by (unfold dot; now rewrite sum_unit).
  set (m := dot n (softmax u) (sub u v)).
  pose proof (exp_sum_pos u). pose proof (exp_sum_pos v).
  (* exp_sum v e^m = sum_j e^(u_j) e^(m - (u_j - v_j)) >= sum_j e^(u_j) (1 + m -
    (u_j - v_j)) = exp_sum u *)
  assert (K : exp_sum u <= exp_sum v * exp m).
  { unfold definitions.exp_sum at 2. rewrite Rmult_comm, <- sum_scal.
    apply Rle_trans with (sum n (fun j => exp_sum u * softmax u j + (m *
      (exp_sum u * softmax u j) - exp_sum u * (softmax u j * sub u v j)))).
    - rewrite sum_add, sum_sub, !sum_scal, softmax_sum. fold (dot n (softmax u) (sub u v)). fold m.
      right. ring.
    - apply sum_le. intros j _. replace (exp m * exp (v j)) with (exp (u j) * exp (m -
      (u j - v j))) by (rewrite <- !exp_plus; f_equal; ring).
      replace (exp_sum u * softmax u j) with (exp (u j)) by (unfold definitions.softmax; field;
        lra).
      replace (exp_sum u * (softmax u j * sub u v j)) with (exp (u j) * sub u v j) by
        (unfold definitions.softmax; field; lra). unfold sub.
      pose proof (exp_pos (u j)). pose proof (exp_ineq1_le (m - (u j - v j))). nra. }
  apply ln_mono in K; [|auto]. rewrite ln_mult, ln_exp in K by auto using exp_pos. lra.
Qed.

Lemma gradient_abs_1 u y : (y < n)%nat -> norm1 n (gradient u y) <= 2.
Proof.
  intros Hy. apply Rle_trans with (sum n (fun j => softmax u j + unit y j * 1)).
  - apply sum_le. intros j _. unfold definitions.gradient, sub. pose proof (softmax_nonneg u j).
    unfold unit.
    destruct (Nat.eq_dec j y); apply Rabs_le; lra.
  - rewrite sum_add, softmax_sum, sum_unit by auto. lra.
Qed.

Lemma gradient_abs_inf u y j : (j < n)%nat -> Rabs (gradient u y j) <= 1.
Proof.
  intros Hj. pose proof (softmax_nonneg u j). assert (softmax u j <= 1).
  { rewrite <- (softmax_sum u). apply sum_term; auto. intros. apply softmax_nonneg. }
  unfold definitions.gradient, sub, unit. destruct (Nat.eq_dec j y); apply Rabs_le; lra.
Qed.

Lemma gradient_abs_2 u y : (y < n)%nat -> norm2 n (gradient u y) <= sqrt 2.
Proof.
  intros Hy. apply sqrt_le_1_alt. eapply Rle_trans; [|apply (gradient_abs_1 u y Hy)].
  apply sum_le. intros j Hj. pose proof (gradient_abs_inf u y j Hj) as B. revert B.
  unfold Rabs. destruct Rcase_abs; nra.
Qed.

Lemma gradient_dot a u y d : (y < n)%nat -> dot n (gradient u y) d
  <= C_cross_entropy a * norm a n d.
Proof.
  intros Hy. eapply Rle_trans; [apply Rle_abs|]. pose proof (norm_nonneg a n d).
    destruct a; simpl in *.
  - eapply Rle_trans; [apply hoelder_inf_1|]. apply Rmult_le_compat_r; [auto|].
    apply bigmax_le; [lra|]. intros. now apply gradient_abs_inf.
  - eapply Rle_trans; [apply cauchy_schwarz|]. apply Rmult_le_compat_r; [auto|].
    now apply gradient_abs_2.
  - eapply Rle_trans; [apply hoelder_1_inf|]. apply Rmult_le_compat_r; [auto|].
    now apply gradient_abs_1.
Qed.

(** [lemma-3] The cross-entropy is 1-, sqrt 2- and 2-Lipschitz in l_1, l_2 and l_inf. Idea:
    tangents, and the dual norms of q - e_y. *)
Theorem lemma_3 a : lipschitz_on (classes n) a n (C_cross_entropy a) cross_entropy.
Proof.
  intros u v y Hy _. pose proof (cross_entropy_tangent u v y Hy) as A.
    pose proof (cross_entropy_tangent v u y Hy) as B.
  pose proof (gradient_dot a u y (sub u v) Hy). pose proof (gradient_dot a v y (sub v u) Hy) as D.
  rewrite norm_sub_sym in D. apply Rabs_le. lra.
Qed.

(** Cross-entropy is not negative. *)
Lemma cross_entropy_nonneg u y : (y < n)%nat -> 0 <= cross_entropy u y.
Proof.
  intros Hy. rewrite cross_entropy_lse.
    pose proof (ln_mono (exp (u y)) (exp_sum u) (exp_pos _)) as H. rewrite ln_exp in H.
  assert (exp (u y) <= exp_sum u) by (apply (sum_term n (fun j => exp (u j)) y); [intros; left;
    apply exp_pos|exact Hy]). lra.
Qed.

End CrossEntropy.

(** [definition_1_lipschitz_losses] No smaller constant will do for the cross-entropy, already
    with two classes. Idea: move the logits from (-t, t) to (-t - 1, t + 1) for large t. *)
Theorem lemma_3_best a C :
  lipschitz_on (classes 2) a 2 C (cross_entropy 2) -> C_cross_entropy a <= C.
Proof.
  intros H. apply Rnot_lt_le. intros HC.
  set (u t := fun j : nat => match j with O => - t | _ => t end).
  assert (G : forall t, 2 - exp (- (2 * t)) <= C * norm a 2 (sub (u (t + 1)) (u t))).
  { intros t. eapply Rle_trans; [|apply (H (u (t + 1)) (u t) 0%nat); unfold classes; lia].
    eapply Rle_trans; [|apply Rle_abs].
    rewrite !cross_entropy_lse by lia. unfold definitions.exp_sum. simpl sum. unfold u.
    assert (ln (0 + exp (- t) + exp t) <= t + exp (- (2 * t))).
    { replace (0 + exp (- t) + exp t) with (exp t * (1 + exp (- (2 * t)))) by
      (rewrite Rmult_plus_distr_l, <- exp_plus; replace (t + - (2 * t)) with (- t) by ring; ring).
      pose proof (exp_pos (- (2 * t))). rewrite ln_mult, ln_exp by (auto using exp_pos; lra).
      apply Rplus_le_compat_l. apply Rle_trans with (ln (exp (exp (- (2 * t))))); [|rewrite ln_exp;
        lra].
      apply ln_mono; [lra|apply exp_ineq1_le]. }
    assert (t + 1 <= ln (0 + exp (- (t + 1)) + exp (t + 1))).
    { apply Rle_trans with (ln (exp (t + 1))); [rewrite ln_exp; lra|].
      pose proof (exp_pos (- (t + 1))). apply ln_mono; [apply exp_pos|lra]. }
    lra. }
  assert (N : forall t, C_cross_entropy a * norm a 2 (sub (u (t + 1)) (u t)) = 2
    /\ 0 < norm a 2 (sub (u (t + 1)) (u t))).
  { intros t. assert (A : forall i, (i < 2)%nat
    -> sub (u (t + 1)) (u t) i = (fun i => match i with O => -1 | _ => 1 end) i)
      by (intros [|i] _; unfold sub, u; ring).
    rewrite (norm_ext _ _ _ _ A). destruct a; simpl.
    - unfold norm1. simpl. rewrite Rabs_left, Rabs_right by lra. lra.
    - unfold norm2, dot. simpl. replace (0 + -1 * -1 + 1 * 1) with 2 by ring.
      split; [apply sqrt_sqrt; lra|apply sqrt_lt_R0; lra].
    - unfold norminf. simpl. rewrite Rabs_left, Rabs_right by lra. unfold Rmax.
      repeat destruct Rle_dec; lra. }
  set (d := C_cross_entropy a - C). set (k := norm a 2 (sub (u (0 + 1)) (u 0))).
  assert (K : forall t, norm a 2 (sub (u (t + 1)) (u t)) = k) by (intros; apply norm_ext;
    intros [|i] _; unfold sub, u; ring).
  destruct (N 0) as [N1 N2]. fold k in N1, N2.
  assert (0 < d * k) by (apply Rmult_lt_0_compat; unfold d; lra).
  specialize (G (- ln (d * k / 2) / 2)). rewrite K in G.
    replace (- (2 * (- ln (d * k / 2) / 2))) with (ln (d * k / 2)) in G by field.
  rewrite exp_ln in G by lra. unfold d in *. nra.
Qed.

(** [theorem-1] min(loss, C_2) keeps the constant (second remark). Idea: cutting never
    increases a difference. *)
Theorem cut_lipschitz dom a n C C2 loss :
  lipschitz_on dom a n C loss -> lipschitz_on dom a n C (fun u y => Rmin (loss u y) C2).
Proof.
  intros H u v y Hu Hv. eapply Rle_trans; [|apply (H u v y Hu Hv)]. unfold Rmin.
  destruct (Rle_dec (loss u y) C2), (Rle_dec (loss v y) C2); unfold Rabs; repeat destruct Rcase_abs;
    lra.
Qed.

Section Sample_gap.

(** A head with c rows of r features, images X, an encoder f, allowed perturbations. *)
Variables (c r : nat) (W : nat -> vec) (b : vec).
Variables (X : Type) (f : X -> vec) (reach : X -> X -> Prop).

Notation logits := (logit r W b).
Notation shifts := (shifts r X f reach).
Notation row_norm := (row_norm r W).
Notation head_norm := (head_norm c r W).
Notation bounds_head := (bounds_head c r W).
Notation spectral := (spectral c r W).
Notation is_head_constant := (is_head_constant c r W).

(** ** Lemma 2 *)
Notation frobenius := (head_norm L2).

(** [lemma-2] The same with the Frobenius norm for alpha = 2, as the paper's proof goes. Idea:
    Cauchy-Schwarz, row by row. *)
Theorem lemma_2_rows a : bounds_head a (head_norm a).
Proof.
  intros v. assert (CS : forall j, Rabs (dot r (W j) v) <= norm2 r v * row_norm j) by (intros;
    rewrite Rmult_comm; apply cauchy_schwarz).
  destruct a; simpl; rewrite Rmult_comm.
  - rewrite <- sum_scal. apply sum_le. auto.
  - unfold definitions.head_norm. rewrite <- (Rabs_pos_eq (norm2 r v)) by apply norm2_nonneg.
    rewrite <- norm2_scal. now apply norm2_mono.
  - apply bigmax_le; [apply Rmult_le_pos; [apply norm2_nonneg|apply bigmax_nonneg]|]. intros j Hj.
    eapply Rle_trans; [apply CS|]. apply Rmult_le_compat_l;
      [apply norm2_nonneg|now apply bigmax_ge].
Qed.

(** [lemma-2] For alpha = 2: the spectral norm bounds the head, and is at most the Frobenius norm.
    Idea: divide v by its length. *)
Theorem lemma_2_spectral L : spectral L -> bounds_head L2 L /\ L <= frobenius.
Proof.
  intros [HL HL']. split.
  - intros v. pose proof (norm2_nonneg r v). destruct (Req_dec (norm2 r v) 0) as [E|N].
    + rewrite E, Rmult_0_r. right. apply norm2_zero. intros j _.
      pose proof (proj1 (norm2_zero r v) E) as V.
      unfold dot. rewrite (sum_eq _ _ (fun _ => 0)), sum_zero; auto. intros k Hk. rewrite V by auto.
        ring.
    + set (t := norm2 r v) in *. assert (0 < / t) by (apply Rinv_0_lt_compat; lra).
      assert (B : norm2 c (fun j => dot r (W j) (fun k => / t * v k)) <= L).
      { apply HL. eexists. split; [|reflexivity]. rewrite norm2_scal, Rabs_pos_eq by lra. fold t.
        right. field. lra. }
      rewrite (norm2_ext c _ (fun j => / t * dot r (W j) v)) in B.
      2: { intros j _. unfold dot. rewrite <- sum_scal. apply sum_eq. intros. ring. }
      rewrite norm2_scal, Rabs_pos_eq in B by lra. simpl. apply (Rmult_le_reg_l (/ t)); [auto|].
      replace (/ t * (L * t)) with L by (field; lra). exact B.
  - apply HL'. intros t (v & Hv & ->). eapply Rle_trans; [apply (lemma_2_rows L2)|].
    assert (0 <= head_norm L2) by apply norm2_nonneg. simpl in *. nra.
Qed.

(** [lemma-2] As printed: ||W v||_alpha <= L_alpha(W) ||v||_2. Idea: [lemma_2_rows], and
    [lemma_2_spectral] for alpha = 2. *)
Theorem lemma_2 a L : is_head_constant a L -> bounds_head a L.
Proof.
  destruct a; intros H; [rewrite H; apply (lemma_2_rows L1)|now apply lemma_2_spectral|].
  rewrite H. apply (lemma_2_rows Linf).
Qed.

Lemma head_constant_nonneg a L : is_head_constant a L -> 0 <= L.
Proof.
  destruct a; intros H.
  - rewrite H. apply sum_nonneg. intros. apply norm2_nonneg.
  - assert (Z : forall n v, (forall i, v i = 0) -> norm2 n v = 0)
      by (intros; now apply norm2_zero).
    apply H. exists (fun _ => 0). split; [rewrite Z; auto; lra|]. symmetry. apply Z. intros.
    unfold dot. rewrite (sum_eq _ _ (fun _ => 0)), sum_zero; auto. intros. ring.
  - rewrite H. apply bigmax_nonneg.
Qed.

(** [lemma-2] For alpha = infinity no smaller constant will do. Idea: take v along the longest
    row. *)
Theorem lemma_2_inf_best L : 0 <= L -> bounds_head Linf L -> head_norm Linf <= L.
Proof.
  intros H0 H. apply bigmax_le; [auto|]. intros j Hj. unfold definitions.row_norm.
    specialize (H (W j)). pose proof (norm2_nonneg r (W j)).
  destruct (Req_dec (norm2 r (W j)) 0); [lra|]. apply (Rmult_le_reg_r (norm2 r (W j))); [lra|].
    eapply Rle_trans; [|exact H].
  rewrite norm2_sqr. eapply Rle_trans; [apply Rle_abs|].
    exact (bigmax_ge c (fun k => Rabs (dot r (W k) (W j))) j Hj).
Qed.

Lemma logits_move z z' j : sub (logits z') (logits z) j = dot r (W j) (sub z' z).
Proof. unfold sub at 1, logit. rewrite dot_sub_r. ring. Qed.

(** ** Lemma 1 *)
Section Lemma1.
Variables (loss : vec -> nat -> R) (a : alpha) (dom : nat -> vec -> Prop) (C1 L : R).
Notation stays_in_domain := (stays_in_domain r W b X f reach dom).
Notation losses := (losses r W b X f reach loss).
Hypothesis Hlip : lipschitz_on dom a c C1 loss.
Hypothesis Hhead : bounds_head a L.
Hypotheses (HC : 0 <= C1) (HL : 0 <= L).

(** [lemma-1] One step of the proof: |loss(W z' + b) - loss(W z + b)| <= C_1 L ||z' - z||_2.
    Idea: the two Lipschitz properties, one after the other. *)
Theorem loss_gap_features z z' y :
  dom y (logits z) -> dom y (logits z') ->
  Rabs (loss (logits z') y - loss (logits z) y) <= C1 * L * norm2 r (sub z' z).
Proof.
  intros Hz Hz'. eapply Rle_trans; [apply Hlip; auto|]. rewrite Rmult_assoc.
    apply Rmult_le_compat_l; [auto|].
  rewrite (norm_ext a c _ _ (fun j _ => logits_move z z' j)). apply Hhead.
Qed.

(** [lemma-1] At one point: 0 <= T <= C_1 L S(x). Idea: an upper bound passes to the supremum;
    0 in Delta gives 0 <= T. *)
Theorem loss_gap_sample x y S A :
  reach x x -> stays_in_domain x y -> is_upper_bound (shifts x) S ->
  is_lub (losses x y) A -> 0 <= A - loss (logits (f x)) y <= C1 * L * S.
Proof.
  intros Hx Hdom HS [HA HA']. assert (0 <= C1 * L) by (apply Rmult_le_pos; auto). split.
  - assert (loss (logits (f x)) y <= A) by (apply HA; now exists x). lra.
  - assert (A <= loss (logits (f x)) y + C1 * L * S); [|lra]. apply HA'. intros t (x' & Hr & ->).
    pose proof (loss_gap_features (f x) (f x') y (Hdom x Hx) (Hdom x' Hr)) as G.
    pose proof (Rle_abs (loss (logits (f x')) y - loss (logits (f x)) y)).
    assert (norm2 r (sub (f x') (f x)) <= S) by (apply HS; now exists x'). nra.
Qed.

(** [lemma-1] Where S(x) is finite, so is the adversarial loss. Idea: completeness. *)
Theorem adversarial_loss_exists x y S :
  reach x x -> stays_in_domain x y -> is_upper_bound (shifts x) S ->
  exists A, is_lub (losses x y) A.
Proof.
  intros Hx Hdom HS. assert (0 <= C1 * L) by (apply Rmult_le_pos; auto).
    destruct (completeness (losses x y)) as [A HA];
    [|now exists (loss (logits (f x)) y), x|now exists A].
  exists (loss (logits (f x)) y + C1 * L * S). intros t (x' & Hr & ->).
  pose proof (loss_gap_features (f x) (f x') y (Hdom x Hx) (Hdom x' Hr)).
  pose proof (Rle_abs (loss (logits (f x')) y - loss (logits (f x)) y)).
  assert (norm2 r (sub (f x') (f x)) <= S) by (apply HS; now exists x'). nra.
Qed.

(** [lemma-1] As printed (|mean gap| in the place of the mean gap, the same since no T_i is
    negative), with any L that bounds the head; by [lemma_2] each L_alpha(W) of the book does.
    Idea: average [loss_gap_sample] and divide. *)
Theorem lemma_1 n (x : nat -> X) (y : nat -> nat) (S A : vec) :
  (0 < n)%nat -> 0 < C1 -> 0 < L ->
  (forall i, (i < n)%nat ->
    reach (x i) (x i) /\ stays_in_domain (x i) (y i) /\
    is_lub (shifts (x i)) (S i) /\ is_lub (losses (x i) (y i)) (A i)) ->
  / (C1 * L) * (/ INR n * Rabs (sum n (fun i => A i - loss (logits (f (x i))) (y i))))
  <= / INR n * sum n S.
Proof.
  intros Hn HC' HL' H. assert (0 < / INR n) by (apply Rinv_0_lt_compat, lt_0_INR, Hn).
    assert (0 < C1 * L) by (apply Rmult_lt_0_compat; auto).
  assert (T : forall i, (i < n)%nat -> 0 <= A i - loss (logits (f (x i))) (y i) <= C1 * L * S i).
  { intros i Hi. destruct (H i Hi) as (? & ? & [] & ?). now apply loss_gap_sample. }
  rewrite Rabs_pos_eq by (apply sum_nonneg; intros i Hi; apply (T i Hi)).
  apply (Rmult_le_reg_l (C1 * L)); [auto|]. rewrite <- Rmult_assoc, Rinv_r, Rmult_1_l by lra.
  rewrite Rmult_comm, (Rmult_comm (/ INR n)), <- Rmult_assoc. apply Rmult_le_compat_r; [lra|].
  rewrite <- sum_scal. apply sum_le. intros i Hi. apply (T i Hi).
Qed.

(** [loss-gap-all-heads] 0 <= T <= min(C_2, C_1 L S(x)) for a loss in [0, C_2]. Idea: both are
    upper bounds. *)
Theorem truncated_gap x y S A C2 :
  reach x x -> stays_in_domain x y -> is_upper_bound (shifts x) S ->
  is_lub (losses x y) A -> (forall x', reach x x' -> 0 <= loss (logits (f x')) y <= C2) ->
  0 <= A - loss (logits (f x)) y <= Rmin C2 (C1 * L * S).
Proof.
  intros Hx Hdom HS HA HB. destruct (loss_gap_sample x y S A Hx Hdom HS HA) as [H0 H1].
    split; [auto|].
  apply Rmin_glb; [|auto]. destruct HA as [_ HA'].
    assert (A <= C2) by (apply HA'; intros t (x' & Hr & ->); now apply HB).
  pose proof (HB x Hx). lra.
Qed.
End Lemma1.

(** ** Lemma 1 for the cross-entropy, with the smallest of three constants *)
Notation ce := (cross_entropy c).
Hypothesis Hc : (0 < c)%nat.

(** [lemma-1] The step of the proof for the cross-entropy, in each of the three norms. Idea:
    Lemmas 2 and 3. *)
Theorem loss_gap_cross_entropy a L z z' y :
  (y < c)%nat -> is_head_constant a L ->
  Rabs (ce (logits z') y - ce (logits z) y) <= C_cross_entropy a * L * norm2 r (sub z' z).
Proof.
  intros Hy HL. apply (loss_gap_features ce a (classes c)); try exact Hy;
    [exact (lemma_3 c Hc a)|now apply lemma_2|].
  destruct a; simpl; try lra. apply sqrt_pos.
Qed.
End Sample_gap.

(** ** Lemma 1 is tight at one point *)
Section Tight.
Variables (r : nat) (z z' : vec) (M : R).
Hypothesis HM : 0 < M.
Let v := sub z' z.
Hypothesis Hv : norm2 r v <> 0.

(** The rows -M v / ||v|| and M v / ||v||, and a bias at which logit_1 - logit_0 is s at
    z. *)
Definition head (j : nat) : vec := fun k => (match j with O => - M | _ => M end) *
  (/ norm2 r v * v k).
Definition bias (s : R) (j : nat) : R := match j with O => 0 | _ => s - (dot r (head 1) z - dot r
  (head 0) z) end.

Lemma v_pos : 0 < norm2 r v.
Proof. pose proof (norm2_nonneg r v). lra. Qed.

Lemma head_row j : row_norm r head j = M.
Proof.
  pose proof v_pos. unfold definitions.row_norm, head.
    rewrite norm2_scal, norm2_scal, (Rabs_pos_eq (/ norm2 r v)) by (left;
    now apply Rinv_0_lt_compat).
  rewrite Rinv_l, Rmult_1_r by lra. destruct j; [rewrite Rabs_Ropp|]; apply Rabs_pos_eq; lra.
Qed.

(** C_1 L_alpha(W) = 2 M for the cross-entropy and all three norms. *)
Lemma constant a : C_cross_entropy a * head_norm 2 r head a = 2 * M.
Proof.
  destruct a; simpl.
  - rewrite !head_row. ring.
  - unfold definitions.head_norm.
    rewrite (norm2_ext 2 _ (fun _ => M * 1)) by (intros; rewrite head_row; ring).
    rewrite norm2_scal, Rabs_pos_eq by lra. unfold norm2, dot. simpl.
      replace (0 + 1 * 1 + 1 * 1) with 2 by ring.
    replace (sqrt 2 * (M * sqrt 2)) with (M * (sqrt 2 * sqrt 2)) by ring. rewrite sqrt_sqrt by lra.
      ring.
  - rewrite !head_row. unfold Rmax. repeat destruct Rle_dec; lra.
Qed.

Lemma two_classes u : cross_entropy 2 u 0 = ln (1 + exp (u 1%nat - u 0%nat)).
Proof.
  rewrite cross_entropy_lse by lia. unfold definitions.exp_sum. simpl sum.
  replace (0 + exp (u 0%nat) + exp (u 1%nat)) with (exp (u 0%nat) * (1 + exp (u 1%nat - u 0%nat)))
    by (rewrite Rmult_plus_distr_l, <- exp_plus;
      replace (u 0%nat + (u 1%nat - u 0%nat)) with (u 1%nat) by ring; ring).
  pose proof (exp_pos (u 1%nat - u 0%nat)). rewrite ln_mult, ln_exp by (auto using exp_pos; lra).
    ring.
Qed.

(** [ex-gap-tight] The loss gap comes within every e > 0 of C_1 L_alpha(W) ||z' - z||, even with
    the Frobenius norm for alpha = 2. Idea: opposite rows along the move, and a large bias. *)
Theorem lemma_1_tight a e :
  0 < e ->
  exists b,
  C_cross_entropy a * head_norm 2 r head a * norm2 r v - e
  <= cross_entropy 2 (logit r head b z') 0 - cross_entropy 2 (logit r head b z) 0.
Proof.
  intros He. exists (bias (- ln e)). rewrite constant, !two_classes. pose proof v_pos as Hp.
  assert (D0 : logit r head (bias (- ln e)) z 1 - logit r head (bias (- ln e)) z 0 = - ln e) by
    (unfold definitions.logit; simpl bias; ring).
  assert (D1 : logit r head (bias (- ln e)) z' 1 - logit r head (bias
    (- ln e)) z' 0 = - ln e + 2 * M * norm2 r v).
  { rewrite (logit_diff r head (bias (- ln e)) z z' 1 0), D0. f_equal. fold v.
    transitivity (2 * M / norm2 r v * dot r v v).
    - unfold dot. rewrite <- sum_scal. apply sum_eq. intros. unfold sub at 1, head. field. lra.
    - rewrite <- norm2_sqr. field. lra. }
  rewrite D0, D1. set (t := 2 * M * norm2 r v).
  assert (A : - ln e + t <= ln (1 + exp (- ln e + t))).
  { rewrite <- (ln_exp (- ln e + t)) at 1. pose proof (exp_pos (- ln e + t)). apply ln_mono; lra. }
  assert (B : ln (1 + exp (- ln e)) <= - ln e + e).
  { replace (1 + exp (- ln e)) with (exp (- ln e) * (1 + e)).
    - rewrite ln_mult, ln_exp by (auto using exp_pos; lra). apply Rplus_le_compat_l.
      apply Rle_trans with (ln (exp e)); [apply ln_mono; [lra|apply exp_ineq1_le]|rewrite ln_exp;
        lra].
    - rewrite exp_Ropp, exp_ln by auto. field. lra. }
  lra.
Qed.
End Tight.

(** ** Hoeffding's inequality *)
Section Hoeffding.
Variables (K : nat) (p : vec).
Hypothesis p_nonneg : forall k, (k < K)%nat -> 0 <= p k.
Hypothesis p_sum : sum K p = 1.
Notation E := (E K p).
Notation En := (En K p).
Notation Pr := (Pr K p).
Variables (T : nat -> R) (C : R).
Hypothesis HC : 0 < C.
Hypothesis HT : forall k, (k < K)%nat -> 0 <= T k <= C.

(** [hoeffding] P(E T - mean T >= t) <= exp(-2 n t^2 / C_2^2). Idea: Markov's inequality for
    the exponential, and Hoeffding's lemma. *)
Theorem hoeffding n t :
  (0 < n)%nat -> 0 <= t ->
  Pr n (fun l => t <= E T - lsum T l / INR n) (fun l => Rle_dec _ _)
  <= exp (- 2 * INR n * (t * t) / (C * C)).
Proof.
  intros Hn Ht. assert (N : 0 < INR n) by (apply lt_0_INR; auto). set (lambda := 4 * t / (C * C)).
  assert (Hl : 0 <= lambda) by (unfold lambda; apply Rmult_le_pos; [lra|left;
    apply Rinv_0_lt_compat; nra]).
  (* Markov *)
  apply Rle_trans with (En n (fun l => exp (- lambda * INR n * t) * exp (lsum (fun k => lambda *
    (E T - T k)) l))).
  - apply (En_le K p p_nonneg). intros l [Hlen _]. rewrite <- exp_plus.
    assert (S : lsum (fun k => lambda * (E T - T k)) l = lambda * (INR
      (length l) * E T - lsum T l)).
    { clear. induction l as [|k l IH]; [simpl; ring|]. change (length (k :: l)) with (S (length l)).
      rewrite S_INR. simpl lsum. rewrite IH. ring. }
    rewrite S, Hlen. destruct (Rle_dec t (E T - lsum T l / INR n)) as [A|A]; [|left; apply exp_pos].
    rewrite <- exp_0 at 1.
    assert (B : 0 <= - lambda * INR n * t + lambda * (INR n * E T - lsum T l)).
    { replace (- lambda * INR n * t + lambda * (INR n * E T - lsum T l)) with (lambda * INR n *
      (E T - lsum T l / INR n - t)) by (field; lra).
      apply Rmult_le_pos; [apply Rmult_le_pos; lra|lra]. }
    destruct B as [B|B]; [left; now apply exp_increasing|rewrite <- B; lra].
  - rewrite En_scal, (En_exp_sum K p p_nonneg).
    apply Rle_trans with (exp (- lambda * INR n * t) * exp (lambda * C * (lambda * C) / 8) ^ n).
    + apply Rmult_le_compat_l; [left; apply exp_pos|]. apply pow_incr.
      split; [|now apply (hoeffding_lemma K p p_nonneg p_sum T C HC HT)].
      rewrite <- ((E_const K p p_sum) 0). apply (E_le K p p_nonneg). intros. left. apply exp_pos.
    + right. assert (P : forall x, exp x ^ n = exp (INR n * x)).
      { intros x. clear. induction n; [simpl; now rewrite Rmult_0_l, exp_0|]. rewrite S_INR. simpl.
        rewrite IHn, <- exp_plus. f_equal. ring. }
      rewrite P, <- exp_plus. f_equal. unfold lambda. field. lra.
Qed.
End Hoeffding.

(** ** Theorem 1 *)

Section Theorem1.

(** The setting of Lemma 1 ... *)
Variables (c r : nat) (W : nat -> vec) (b : vec).
Variables (X : Type) (f : X -> vec) (reach : X -> X -> Prop).
Variables (loss : vec -> nat -> R) (a : alpha) (dom : nat -> vec -> Prop) (C1 L C2 : R).
Hypothesis Hlip : lipschitz_on dom a c C1 loss.
Hypothesis Hhead : bounds_head c r W a L.
Hypotheses (HC1 : 0 <= C1) (HL : 0 <= L) (HC2 : 0 < C2).

(** ... and a distribution: the labelled image (x_k, y_k) has probability p_k, k < K. For each of
    them, 0 is an allowed perturbation, S_k = S(x_k), A_k = l_adv(x_k, y_k), and the loss lies in
    [0, C_2] on clean and perturbed points. *)
Variables (K : nat) (p : vec) (x : nat -> X) (y : nat -> nat) (S A : vec).
Hypothesis p_nonneg : forall k, (k < K)%nat -> 0 <= p k.
Hypothesis p_sum : sum K p = 1.
Hypothesis zero_allowed : forall k, (k < K)%nat -> reach (x k) (x k).
Hypothesis in_domain : forall k, (k < K)%nat -> stays_in_domain r W b X f reach dom (x k) (y k).
Hypothesis S_sup : forall k, (k < K)%nat -> is_lub (shifts r X f reach (x k)) (S k).
Hypothesis A_sup : forall k, (k < K)%nat -> is_lub (losses r W b X f reach loss (x k) (y k)) (A k).
Hypothesis bounded : forall k x', (k < K)%nat -> reach (x k) x'
  -> 0 <= loss (logit r W b (f x')) (y k) <= C2.

(** The clean loss of point k. *)
Definition clean (k : nat) : R := loss (logit r W b (f (x k))) (y k).
(** The loss gap of point k. *)
Definition T (k : nat) : R := A k - clean k.

Lemma T_range k : (k < K)%nat -> 0 <= T k <= Rmin C2 (C1 * L * S k).
Proof.
  intros Hk. apply (truncated_gap c r W b X f reach loss a dom C1 L Hlip Hhead HC1 HL (x k) (y k)
    (S k) (A k) C2); auto.
  apply S_sup, Hk.
Qed.

(** An event that holds wherever a rare one does not. *)
Lemma Pr_complement n (B B' : list nat -> Prop) dec dec' : (forall l, sample K n l -> ~ B l ->
  B' l) -> 1 - Pr K p n B' dec' <= Pr K p n B dec.
Proof.
  intros H. unfold definitions.Pr. rewrite <- (En_const K p p_sum n 1) at 1. rewrite <- En_sub.
    apply En_le; auto. intros l Hl.
  destruct (dec l), (dec' l); try lra. exfalso; auto.
Qed.

Lemma lsum_le n l : sample K n l -> lsum T l <= C1 * L * lsum S l.
Proof.
  intros [_ H]. revert H. induction l as [|k l IH]; simpl; intros H; [lra|].
  assert (T k <= C1 * L * S k) by (eapply Rle_trans; [apply T_range; auto|apply Rmin_r]).
    assert (lsum T l <= C1 * L * lsum S l) by auto. lra.
Qed.

(** [theorem-1] One side, with log(1/rho) for log(2/rho) (first remark). Idea: [hoeffding], and
    T <= C_1 L S at each drawn point. *)
Theorem theorem_1_one_sided n rho :
  (0 < n)%nat -> 0 < rho <= 1 ->
  1 - rho
  <= Pr K p n
  (fun l => E K p A - E K p clean
    <= C1 * L * (lsum S l / INR n) + C2 * sqrt (ln (1 / rho) / (2 * INR n)))
  (fun l => Rle_dec _ _).
Proof.
  intros Hn Hrho. assert (N : 0 < INR n) by (apply lt_0_INR; auto).
    set (t := C2 * sqrt (ln (1 / rho) / (2 * INR n))).
  assert (LN : ln (1 / rho) = - ln rho) by (unfold Rdiv; rewrite Rmult_1_l; now apply ln_Rinv).
  assert (L0 : 0 <= ln (1 / rho)) by (rewrite LN; pose proof (ln_mono rho 1); rewrite ln_1 in *;
    lra).
  assert (Q : 0 <= ln (1 / rho) / (2 * INR n)) by (apply Rmult_le_pos; [auto|left;
    apply Rinv_0_lt_compat; lra]).
  assert (Ht : 0 <= t) by (apply Rmult_le_pos; [lra|apply sqrt_pos]).
  assert (HT : forall k, (k < K)%nat -> 0 <= T k <= C2) by (intros k Hk; pose proof (T_range k Hk);
    pose proof (Rmin_l C2 (C1 * L * S k)); lra).
  pose proof (hoeffding K p p_nonneg p_sum T C2 HC2 HT n t Hn Ht) as H.
  replace (exp (- 2 * INR n * (t * t) / (C2 * C2))) with rho in H.
  2: { unfold t. replace (C2 * sqrt (ln (1 / rho) / (2 * INR n)) * (C2 * sqrt (ln (1 / rho) /
    (2 * INR n))))
         with (C2 * C2 * (sqrt (ln (1 / rho) / (2 * INR n)) * sqrt (ln (1 / rho) /
           (2 * INR n)))) by ring.
       rewrite sqrt_sqrt, LN by auto. replace (- 2 * INR n * (C2 * C2 * (- ln rho / (2 * INR n))) /
         (C2 * C2)) with (ln rho) by (field; lra).
       symmetry. now apply exp_ln. }
  eapply Rle_trans; [apply Rplus_le_compat_l, Ropp_le_contravar, H|]. apply Pr_complement.
    intros l Hl Hbad.
  unfold T. rewrite E_sub. change (fun k => A k - clean k) with T.
  assert (lsum T l / INR n <= C1 * L * (lsum S l / INR n)); [|lra].
  unfold Rdiv. rewrite <- Rmult_assoc. apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|].
    now apply (lsum_le n).
Qed.

(** [theorem-1] Absolute value and log(2/rho) as printed; with any L that bounds the head, as by
    [lemma_2] each L_alpha(W) of the book does. Idea: the left side is not negative, so one side is
    enough. *)
Theorem theorem_1 n rho :
  (0 < n)%nat -> 0 < rho < 1 ->
  1 - rho
  <= Pr K p n
  (fun l => Rabs (E K p A - E K p clean)
    <= C1 * L * (lsum S l / INR n) + C2 * sqrt (ln (2 / rho) / (2 * INR n)))
  (fun l => Rle_dec _ _).
Proof.
  intros Hn Hrho. eapply Rle_trans; [apply (theorem_1_one_sided n rho Hn); lra|].
    unfold definitions.Pr. apply En_le; auto. intros l Hl.
  assert (N : 0 < INR n) by (apply lt_0_INR; auto).
  assert (P : 0 <= E K p A - E K p clean) by (rewrite <- E_sub, <- (E_const K p p_sum 0);
    apply E_le; auto; intros k Hk; apply (T_range k Hk)).
  rewrite (Rabs_pos_eq _ P).
  assert (M : sqrt (ln (1 / rho) / (2 * INR n)) <= sqrt (ln (2 / rho) / (2 * INR n))).
  { apply sqrt_le_1_alt, Rmult_le_compat_r; [left; apply Rinv_0_lt_compat; lra|].
    assert (0 < / rho) by (apply Rinv_0_lt_compat; lra).
    apply ln_mono; unfold Rdiv; lra. }
  apply (Rmult_le_compat_l C2) in M; [|lra].
  destruct Rle_dec; destruct Rle_dec; lra.
Qed.

End Theorem1.

(** ** All heads at once, apart from the Dvoretzky-Kiefer-Wolfowitz inequality

    That inequality says that, with probability at least 1 - rho, the event [dkw_event] happens for
    eta = sqrt(log(1/rho) / (2 n)). It is not proved here: it is the assumption of what follows. *)

(** ** E min(C, g) as the integral of a tail, without integrals: N steps of height d *)

(** 1 if t < g, and else 0; and the height of the steps below g. *)
Definition above (t g : R) : R := if Rlt_dec t g then 1 else 0.
Definition stairs (N : nat) (d g : R) : R := sum N (fun i => d * above (INR i * d) g).

Lemma stairs_max N d g : 0 <= d -> stairs N d g <= INR N * d.
Proof.
  intros Hd. unfold stairs. rewrite <- sum_const. apply sum_le. intros i _. unfold above.
    destruct Rlt_dec; lra.
Qed.

Lemma stairs_upper N d g : 0 <= d -> 0 <= g -> stairs N d g <= g + d.
Proof.
  intros Hd Hg. induction N as [|N IH]; [unfold stairs; simpl; lra|]. unfold stairs in *. simpl sum.
    unfold above at 2.
  pose proof (stairs_max N d g Hd) as M. unfold stairs in M. destruct Rlt_dec; lra.
Qed.

Lemma stairs_lower N d g : 0 <= d -> 0 <= g -> Rmin g (INR N * d) <= stairs N d g.
Proof.
  intros Hd Hg. induction N as [|N IH]; [unfold stairs; simpl; rewrite Rmult_0_l; apply Rmin_r|].
  unfold stairs in *. simpl sum. rewrite S_INR. unfold above at 2. revert IH. unfold Rmin.
    destruct Rlt_dec; repeat destruct Rle_dec; nra.
Qed.

Section AllHeads.
Variables (K : nat) (p : vec).
Hypothesis p_nonneg : forall k, (k < K)%nat -> 0 <= p k.
Hypothesis p_sum : sum K p = 1.
Variable S : vec. (* the shift S(x_k) of point k *)

(** 1 - F(s) and 1 - F_n(s): the probability, and the share of the sample, of a shift above s. *)
Definition tail (s : R) : R := E K p (fun k => above s (S k)).
Definition sample_tail (l : list nat) (s : R) : R := lsum (fun k => above s (S k)) l / INR
  (length l).
Definition dkw_event (eta : R) (l : list nat) : Prop := forall s, tail s <= sample_tail l s + eta.

Lemma lsum_scal t g l : lsum (fun k => t * g k) l = t * lsum g l.
Proof. induction l; simpl; [|rewrite IHl]; ring. Qed.

Lemma lsum_sum N (g : nat -> nat -> R) l : lsum (fun k => sum N (fun i => g i k)) l = sum N (fun i
  => lsum (g i) l).
Proof. induction l; simpl; [now rewrite sum_zero|]. now rewrite IHl, <- sum_add. Qed.

Lemma lsum_mono g h l : (forall k, In k l -> g k <= h k) -> lsum g l <= lsum h l.
Proof. induction l as [|k l IH]; simpl; intros H; [lra|]. assert (g k <= h k) by auto.
  assert (lsum g l <= lsum h l) by auto. lra. Qed.

Lemma lsum_const t l : lsum (fun _ => t) l = INR (length l) * t.
Proof. induction l as [|k l IH]; [simpl; ring|].
  change (length (k :: l)) with (Datatypes.S (length l)). rewrite S_INR. simpl lsum. rewrite IH.
  ring. Qed.

Lemma lsum_add g h l : lsum (fun k => g k + h k) l = lsum g l + lsum h l.
Proof. induction l; simpl; lra. Qed.

Lemma E_sum N (g : nat -> nat -> R) : E K p (fun k => sum N (fun i => g i k)) = sum N (fun i
  => E K p (g i)).
Proof.
  unfold definitions.E. rewrite (sum_eq K _ (fun k => sum N (fun i => p k * g i k))) by (intros;
    now rewrite sum_scal). apply sum_swap.
Qed.

(** [loss-gap-all-heads] Where no tail is underestimated by more than eta, E min(C, lambda S)
    is at most the mean of the sample plus C eta. Idea: the integral of a tail, as a sum of N
    steps, N to infinity. *)
Theorem truncated_mean_on_event l eta lambda C :
  l <> [] -> (forall k, 0 <= S k) -> 0 <= C -> 0 <= lambda -> 0 <= eta -> dkw_event eta l ->
  E K p (fun k => Rmin C (lambda * S k))
  <= lsum (fun k => Rmin C (lambda * S k)) l / INR (length l) + C * eta.
Proof.
  intros Hl HS HC Hla Heta HD. assert (Hn : 0 < INR (length l)) by (apply lt_0_INR; destruct l;
    [contradiction|simpl; lia]).
  set (g k := Rmin C (lambda * S k)).
  assert (G0 : forall k, 0 <= g k) by (intros; apply Rmin_glb; [auto|apply Rmult_le_pos; auto]).
  assert (GC : forall k, g k <= C) by (intros; apply Rmin_l).
  assert (step : forall N, (0 < N)%nat
    -> E K p g <= lsum g l / INR (length l) + C * eta + C / INR N).
  { intros N HN. assert (N0 : 0 < INR N) by (apply lt_0_INR; auto). set (d := C / INR N).
    assert (Hd : 0 <= d) by (apply Rmult_le_pos; [auto|left; now apply Rinv_0_lt_compat]).
      assert (Nd : INR N * d = C) by (unfold d; field; lra).
    (* each threshold, from the event *)
    assert (T : forall i, (i < N)%nat
      -> E K p (fun k => d * above (INR i * d) (g k))
      <= d * (lsum (fun k => above (INR i * d) (g k)) l / INR (length l)) + d * eta).
    { intros i Hi. rewrite E_scal. rewrite <- Rmult_plus_distr_l. apply Rmult_le_compat_l; [auto|].
      assert (I : 0 <= INR i) by apply pos_INR. assert (INR i < INR N) by now apply lt_INR.
      assert (HT : 0 <= INR i * d) by nra.
      assert (Nothing : (forall k, above (INR i * d) (g k) = 0) ->
        definitions.E K p (fun k => above (INR i * d) (g k))
        <= lsum (fun k => above (INR i * d) (g k)) l / INR (length l) + eta).
      { intros Z. unfold definitions.E. rewrite (sum_eq _ _ (fun _ => 0)), sum_zero by (intros;
          rewrite Z; ring).
        assert (0 <= lsum (fun k => above (INR i * d) (g k)) l / INR (length l)); [|lra].
        apply Rmult_le_pos; [|left; now apply Rinv_0_lt_compat].
          rewrite <- (Rmult_0_r (INR (length l))), <- lsum_const. apply lsum_mono.
          intros; rewrite Z; lra. }
      destruct (Req_dec d 0) as [D0|D0]; [|destruct (Req_dec lambda 0) as [L0|L0]].
      - (* C = 0: g = 0 *)
        assert (Z : forall k, above (INR i * d) (g k) = 0).
        { intros k. unfold above. destruct Rlt_dec; auto. specialize (GC k).
          assert (C = 0) by (rewrite <- Nd, D0; ring). nra. }
        exact (Nothing Z).
      - assert (Z : forall k, above (INR i * d) (g k) = 0).
        { intros k. unfold above. destruct Rlt_dec as [A|]; auto. unfold g in A.
          rewrite L0, Rmult_0_l in A. pose proof (Rmin_r C 0). lra. }
        exact (Nothing Z).
      - assert (Eq : forall k, above (INR i * d) (g k) = above (INR i * d / lambda) (S k)).
        { intros k. assert (0 < lambda) by lra. assert (INR i * d < C) by (rewrite <- Nd; nra).
          assert (Q : INR i * d = lambda * (INR i * d / lambda)) by (field; lra).
          unfold above, g. destruct Rlt_dec as [A|A], Rlt_dec as [B|B]; auto; exfalso.
          - pose proof (Rmin_r C (lambda * S k)). nra.
          - apply A. apply Rmin_glb_lt; nra. }
        specialize (HD (INR i * d / lambda)). unfold tail, sample_tail in HD.
        replace (E K p (fun k => above (INR i * d) (g k))) with (E K p (fun k => above
          (INR i * d / lambda) (S k))) by (apply sum_eq; intros; now rewrite Eq).
        eapply Rle_trans; [exact HD|]. apply Rplus_le_compat_r, Rmult_le_compat_r; [left;
          now apply Rinv_0_lt_compat|].
        apply lsum_mono. intros. rewrite Eq. lra. }
    apply Rle_trans with (E K p (fun k => stairs N d (g k))).
    - apply E_le; auto. intros k _. eapply Rle_trans; [|apply stairs_lower; auto]. rewrite Nd.
      apply Rmin_glb; [lra|auto].
    - unfold stairs. rewrite E_sum. eapply Rle_trans; [apply sum_le; exact T|].
      rewrite sum_add, sum_const.
      apply Rle_trans with (lsum (fun k => g k + d) l / INR (length l) + C * eta).
      + apply Rplus_le_compat; [|rewrite <- Nd; right; ring].
        rewrite (sum_eq N _ (fun i => / INR (length l) * lsum (fun k => d * above (INR i * d)
          (g k)) l)) by (intros; rewrite lsum_scal; unfold Rdiv; ring).
        rewrite sum_scal, <- (lsum_sum N (fun i k => d * above (INR i * d) (g k))). unfold Rdiv.
          rewrite Rmult_comm.
        apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|]. apply lsum_mono. intros k _.
          apply stairs_upper; auto.
      + right. rewrite lsum_add, lsum_const. unfold d. field. lra. }
  (* N to infinity *)
  apply Rnot_lt_le. intros Hlt. set (gapv := E K p g - (lsum g l / INR (length l) + C * eta)) in *.
  assert (0 < gapv) by (unfold gapv; fold g in Hlt; lra).
  destruct (archimed_cor1 (gapv / (C + 1))) as (N & HN & N0); [apply Rmult_lt_0_compat;
    [auto|apply Rinv_0_lt_compat; lra]|].
  specialize (step N N0). assert (N1 : 0 < INR N) by (apply lt_0_INR; lia).
  assert (C / INR N < gapv); [|unfold gapv in *; lra].
  apply Rle_lt_trans with ((C + 1) * / INR N); [unfold Rdiv; apply Rmult_le_compat_r; [left;
    now apply Rinv_0_lt_compat|lra]|].
  apply (Rmult_lt_compat_l (C + 1)) in HN; [|lra].
    replace ((C + 1) * (gapv / (C + 1))) with gapv in HN by (field; lra). exact HN.
Qed.

End AllHeads.

(** [loss-gap-all-heads] On that event the bound holds for every head, labelling and loss at once,
    with any L that bounds the head; by [lemma_2] each L_alpha(W) of the book does. Idea:
    [truncated_gap] and [truncated_mean_on_event]. *)
Theorem loss_gap_all_heads K p (X : Type) r (f : X -> vec) (reach : X -> X -> Prop) (x : nat -> X)
  (S : vec) l eta :
  (forall k, (k < K)%nat -> 0 <= p k) -> sum K p = 1 -> l <> nil -> (forall k, 0 <= S k) ->
  0 <= eta -> (forall k, (k < K)%nat -> reach (x k) (x k)) ->
  (forall k, (k < K)%nat -> is_lub (shifts r X f reach (x k)) (S k)) -> dkw_event K p S eta l ->
  forall c W b loss dom (y : nat -> nat) a C1 C2 L (A : vec), 0 <= C1 -> 0 <= C2 -> 0 <= L ->
  lipschitz_on dom a c C1 loss -> bounds_head c r W a L ->
  (forall k, (k < K)%nat -> stays_in_domain r W b X f reach dom (x k) (y k)) ->
  (forall k x', (k < K)%nat -> reach (x k) x' -> 0 <= loss (logit r W b (f x')) (y k) <= C2) ->
  (forall k, (k < K)%nat -> is_lub (losses r W b X f reach loss (x k) (y k)) (A k)) ->
  E K p A - E K p (fun k => loss (logit r W b (f (x k))) (y k))
  <= lsum (fun k => Rmin C2 (C1 * L * S k)) l / INR (length l) + C2 * eta.
Proof.
  intros Hp Hp1 Hl HS Heta H0 HSup HD c W b loss dom y a C1 C2 L A HC1 HC2 HL Hlip Hhead Hdom HB HA.
  eapply Rle_trans; [|apply (truncated_mean_on_event K p Hp S l eta (C1 * L) C2);
    auto; now apply Rmult_le_pos].
  rewrite <- E_sub. apply E_le; auto. intros k Hk.
  apply (truncated_gap c r W b X f reach loss a dom C1 L Hlip Hhead HC1 HL (x k) (y k) (S k) (A k)
    C2); auto.
  apply HSup, Hk.
Qed.

(** ** For the cross-entropy nothing about the loss is left to assume. *)

(** [lemma-1] For the cross-entropy, where nothing about the loss is left to assume, with the book's
    L_alpha(W). Idea: Lemmas 1, 2 and 3. *)
Theorem lemma_1_cross_entropy c r W b (X : Type) (f : X -> vec) (reach : X -> X -> Prop) a L
  n (x : nat -> X) (y : nat -> nat) (S A : vec) :
  (0 < c)%nat -> (0 < n)%nat -> is_head_constant c r W a L -> 0 < L ->
  (forall i, (i < n)%nat ->
    (y i < c)%nat /\ reach (x i) (x i) /\ is_lub (shifts r X f reach (x i)) (S i) /\
    is_lub (losses r W b X f reach (cross_entropy c) (x i) (y i)) (A i)) ->
  / (C_cross_entropy a * L)
  * (/ INR n * Rabs (sum n (fun i => A i - cross_entropy c (logit r W b (f (x i))) (y i))))
  <= / INR n * sum n S.
Proof.
  intros Hc Hn HL L0 H. assert (0 < C_cross_entropy a) by (destruct a; simpl; try lra;
    apply sqrt_lt_R0; lra).
  apply (lemma_1 c r W b X f reach (cross_entropy c) a (classes c) (C_cross_entropy a) L
    (lemma_3 c Hc a) (lemma_2 c r W a L HL) ltac:(lra) ltac:(lra) n x y); auto.
  intros i Hi. destruct (H i Hi) as (Hy & Hx & HS & HA).
  refine (conj Hx (conj _ (conj HS HA))). intros x' _. exact Hy.
Qed.

(** [theorem-1] For min(cross-entropy, C_2) and the book's L_alpha(W), with each alpha: so with the
    smallest of the three constants, as the page applies it. Idea: Theorem 1, Lemmas 2 and 3, and
    [cut_lipschitz]. *)
Theorem theorem_1_cross_entropy c r W b (X : Type) (f : X -> vec) (reach : X -> X -> Prop) a L C2
  K p (x : nat -> X) (y : nat -> nat) (S A : vec)
  (loss := fun u k => Rmin (cross_entropy c u k) C2) n rho :
  (0 < c)%nat -> is_head_constant c r W a L -> 0 < C2 ->
  (forall k, (k < K)%nat -> 0 <= p k) -> sum K p = 1 ->
  (forall k, (k < K)%nat -> (y k < c)%nat) -> (forall k, (k < K)%nat -> reach (x k) (x k)) ->
  (forall k, (k < K)%nat -> is_lub (shifts r X f reach (x k)) (S k)) ->
  (forall k, (k < K)%nat -> is_lub (losses r W b X f reach loss (x k) (y k)) (A k)) ->
  (0 < n)%nat -> 0 < rho < 1 ->
  1 - rho
  <= Pr K p n
  (fun l => Rabs (E K p A - E K p (fun k => loss (logit r W b (f (x k))) (y k)))
    <= C_cross_entropy a * L * (lsum S l / INR n)
    + C2 * sqrt (ln (2 / rho) / (2 * INR n)))
  (fun l => Rle_dec _ _).
Proof.
  intros Hc HL HC2 Hp Hp1 Hy H0 HS HA Hn Hrho.
  assert (0 <= C_cross_entropy a) by (destruct a; simpl; try lra; apply sqrt_pos).
  pose proof (head_constant_nonneg c r W a L HL).
  apply (theorem_1 c r W b X f reach loss a (classes c) (C_cross_entropy a) L C2
           (cut_lipschitz (classes c) a c _ C2 _ (lemma_3 c Hc a)) (lemma_2 c r W a L HL)); auto.
  - intros k Hk x' _. now apply Hy.
  - intros k x' Hk _. unfold loss.
    split; [apply Rmin_glb; [|lra]; apply cross_entropy_nonneg; auto|apply Rmin_r].
Qed.

(** ** By hand *)

(** The example By hand: W is the unit matrix, f(x) = (2, 0), y the first class; the adversary
    reaches the features (3/2, 1/2). *)
Definition I2 := matrix [[1; 0]; [0; 1]].
Definition feat (moved : bool) : vec := if moved then vector [3/2; 1/2] else vector [2; 0].
Definition anything (x x' : bool) : Prop := True.

Lemma by_hand_shift : is_lub (shifts 2 bool feat anything false) (sqrt (1/2)).
Proof.
  assert (M : norm2 2 (sub (feat true) (feat false)) = sqrt (1/2)) by (unfold feat; compute_sums;
    f_equal; field).
  split.
  - intros t (x' & _ & ->). destruct x'; [rewrite M; lra|].
    assert (norm2 2 (sub (feat false) (feat false)) = 0) as ->; [|apply sqrt_pos].
    apply norm2_zero. intros. unfold sub. ring.
  - intros t Ht. apply Ht. exists true. now split.
Qed.

Lemma by_hand_loss moved : cross_entropy 2 (logit 2 I2 no_bias (feat moved)) 0
  = ln (1 + exp (- (if moved then 1 else 2))).
Proof.
  rewrite cross_entropy_lse by lia. unfold definitions.exp_sum, I2, feat.
  destruct moved; compute_sums.
  - replace (0 + 1 * (3 / 2) + 0 * (1 / 2) + 0) with (3/2) by field.
    replace (0 + 0 * (3 / 2) + 1 * (1 / 2) + 0) with (1/2) by field.
    replace (0 + exp (3 / 2) + exp (1 / 2)) with (exp (3/2) * (1 + exp (-1))) by
      (rewrite Rmult_plus_distr_l, <- exp_plus; replace (3/2 + -1) with (1/2) by field; ring).
    pose proof (exp_pos (-1)). rewrite ln_mult, ln_exp by (auto using exp_pos; lra).
      replace (Ropp 1) with (-1) by ring. ring.
  - replace (0 + 1 * 2 + 0 * 0 + 0) with 2 by ring. replace (0 + 0 * 2 + 1 * 0 + 0) with 0 by ring.
    replace (0 + exp 2 + exp 0) with (exp 2 * (1 + exp (-2))) by (rewrite Rmult_plus_distr_l,
      <- exp_plus; replace (2 + -2) with 0 by ring; ring).
    pose proof (exp_pos (-2)). rewrite ln_mult, ln_exp by (auto using exp_pos; lra).
      replace (Ropp 2) with (-2) by ring. ring.
Qed.

Lemma by_hand_adversarial_loss : is_lub (losses 2 I2 no_bias bool feat anything (cross_entropy 2)
  false 0) (ln (1 + exp (- (1)))).
Proof.
  split.
  - intros t (x' & _ & ->). rewrite by_hand_loss. destruct x'; [lra|].
    apply ln_mono; [pose proof (exp_pos (-(2))); lra|].
    apply Rplus_le_compat_l. left. apply exp_increasing. lra.
  - intros t Ht. apply Ht. exists true. split; [exact I|]. now rewrite by_hand_loss.
Qed.

(** [lemma-1] The example By hand, by the lemma itself. *)
Theorem by_hand_lemma_1 : (ln (1 + exp (- (1))) - ln (1 + exp (- (2)))) / 2 <= sqrt (1/2).
Proof.
  pose proof (lemma_1_cross_entropy 2 2 I2 no_bias bool feat anything Linf 1 1%nat
    (fun _ => false) (fun _ => 0%nat) (fun _ => sqrt (1/2)) (fun _ => ln (1 + exp (- (1))))) as H.
  assert (N : head_norm 2 2 I2 Linf = 1).
  { unfold definitions.head_norm, definitions.row_norm. simpl. unfold I2. compute_sums.
    replace (0 + 1 * 1 + 0 * 0) with 1 by ring. replace (0 + 0 * 0 + 1 * 1) with 1 by ring.
      rewrite sqrt_1. unfold Rmax. repeat destruct Rle_dec; lra. }
  cbn [sum INR C_cross_entropy] in H. rewrite by_hand_loss in H.
  specialize (H ltac:(lia) ltac:(lia) (eq_sym N) ltac:(lra)).
  assert (P : forall i : nat, (i < 1)%nat -> (0 < 2)%nat /\ anything false false
    /\ is_lub (shifts 2 bool feat anything false) (sqrt (1/2)) /\
    is_lub (losses 2 I2 no_bias bool feat anything (cross_entropy 2) false 0) (ln (1 + exp (-
      (1)))))
    by (intros; split; [lia|split; [exact I|split;
      [apply by_hand_shift|apply by_hand_adversarial_loss]]]).
  specialize (H P). clear P N. pose proof (Rle_abs (0 + (ln (1 + exp (- (1))) - ln (1 + exp (-
    (2)))))). lra.
Qed.

(** [ex-gap-zero] Counterexample without 0 in Delta: the rows 1 and -1, the feature 0, and an
    adversary who must move it to 1, which helps the first class. The loss gap is negative. *)
Theorem gap_without_zero_is_negative :
  let f := fun x : R => vector [x] in
  let reach := fun x x' : R => x' = x + 1 in
  let W := matrix [[1]; [-1]] in
  exists A, is_lub (losses 1 W no_bias R f reach (cross_entropy 2) 0 0) A /\
  A - cross_entropy 2 (logit 1 W no_bias (f 0)) 0 < 0.
Proof.
  intros f reach W. exists (cross_entropy 2 (logit 1 W no_bias (f (0 + 1))) 0). split.
  - split; [intros t (x' & -> & ->); lra|]. intros t H. apply H. now exists (0 + 1).
  - rewrite !cross_entropy_lse by lia. unfold exp_sum, W, f. compute_sums.
    replace (0 + 1 * (0 + 1) + 0) with 1 by ring. replace (0 + -1 * (0 + 1) + 0) with (-1) by ring.
    replace (0 + 1 * 0 + 0) with 0 by ring. replace (0 + -1 * 0 + 0) with 0 by ring.
    rewrite exp_0. assert (L : ln (0 + exp 1 + exp (-1)) - 1 < ln (0 + 1 + 1)); [|lra].
    assert (M : ln (0 + exp 1 + exp (-1)) < ln (exp 1 * (0 + 1 + 1))).
    { pose proof (exp_pos 1). pose proof (exp_pos (-1)). apply ln_increasing; [lra|].
      assert (exp (-1) < exp 1) by (apply exp_increasing; lra). lra. }
    rewrite ln_mult, ln_exp in M by (auto using exp_pos; lra). lra.
Qed.
