(** * When the AS score orders two loss gaps *)

From Book Require Import definitions linear_algebra definition_1_lipschitz_losses.
From Book Require Import theorem_1_loss_gap.

(** [as-score-order] The condition: if 2 L_inf(W) AS(X) < G(X'), then G(X) < G(X'). The mean loss
    gap of X is G(X); [gap_of_the_other] is that of X'. Idea: Lemma 1 for X. *)
Theorem as_score_order c r W b (X : Type) (f : X -> vec) (reach : X -> X -> Prop) n
  (x : nat -> X) (y : nat -> nat) (S A : vec) (gap_of_the_other : R) :
  (0 < c)%nat -> (0 < n)%nat ->
  (forall i, (i < n)%nat -> (y i < c)%nat /\ reach (x i) (x i) /\
     is_lub (shifts r X f reach (x i)) (S i) /\
     is_lub (losses r W b X f reach (cross_entropy c) (x i) (y i)) (A i)) ->
  2 * head_norm c r W Linf * (sum n S / INR n) < gap_of_the_other ->
  sum n (fun i => A i - cross_entropy c (logit r W b (f (x i))) (y i)) / INR n < gap_of_the_other.
Proof.
  intros Hc Hn H Hlt. assert (N : 0 < INR n) by now apply lt_0_INR.
  eapply Rle_lt_trans; [|exact Hlt]. unfold Rdiv. rewrite <- Rmult_assoc.
  apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|].
  rewrite <- sum_scal. apply sum_le. intros i Hi. destruct (H i Hi) as (Hy & Hx & HS & HA).
  apply (loss_gap_sample c r W b X f reach (cross_entropy c) Linf (classes c) 2
    (head_norm c r W Linf) (lemma_3 c Hc Linf) (lemma_2_rows c r W Linf) ltac:(lra)
    (bigmax_nonneg c (row_norm r W)) (x i) (y i) (S i) (A i)); auto.
  - intros x' _. exact Hy.
  - apply HS.
Qed.

(** [as-score-order] Without the condition the score implies no order: one head, with the rows
    (1, 0) and (-1, 0), for both data sets of one image. On X the features move by (1, 0) or
    (-1, 0), on X' by (0, 2) or (0, -2). The larger shift 2 comes with no gap, the smaller shift 1
    with one. Idea: the head does not see the second feature. *)
Theorem score_without_order :
  let W := matrix [[1; 0]; [-1; 0]] in let zero := vector [0; 0] in
  let ce := fun z => cross_entropy 2 (logit 2 W no_bias z) 0 in
  (forall s, s = 1 \/ s = -1 -> norm2 2 (sub (vector [s; 0]) zero) = 1) /\
  (forall s, s = 2 \/ s = -2 -> norm2 2 (sub (vector [0; s]) zero) = 2) /\
  (forall s, ce (vector [0; s]) - ce zero = 0) /\ 0 < ce (vector [-1; 0]) - ce zero.
Proof.
  simpl. split; [|split; [|split]].
  - intros s [-> | ->]; compute_sums; root 1; reflexivity.
  - intros s [-> | ->]; compute_sums; root 2; reflexivity.
  - intros s. rewrite !cross_entropy_lse by lia. unfold exp_sum. compute_sums.
    replace (0 + 1 * 0 + 0 * s + 0) with 0 by ring. replace (0 + -1 * 0 + 0 * s + 0) with 0 by ring.
    replace (0 + 1 * 0 + 0 * 0 + 0) with 0 by ring. replace (0 + -1 * 0 + 0 * 0 + 0) with 0 by ring.
    ring.
  - rewrite !cross_entropy_lse by lia. unfold exp_sum. compute_sums.
    replace (0 + 1 * -1 + 0 * 0 + 0) with (-1) by ring.
    replace (0 + -1 * -1 + 0 * 0 + 0) with 1 by ring.
    replace (0 + 1 * 0 + 0 * 0 + 0) with 0 by ring. replace (0 + -1 * 0 + 0 * 0 + 0) with 0 by ring.
    rewrite exp_0. assert (L : ln (0 + 1 + 1) < ln (0 + exp (-1) + exp 1)); [|lra].
    apply ln_increasing; [lra|]. pose proof (exp_ineq1 1 ltac:(lra)).
    pose proof (exp_pos (-1)). lra.
Qed.
