(** * Drift bounds the change of the AS score *)

From Book Require Import definitions linear_algebra.

Section Drift.
Variables (r : nat) (X : Type) (f g : X -> vec) (reach : X -> X -> Prop).

(** How far finetuning, which turns f into g, moves the features of x. *)
Definition moved_by_finetuning (x : X) : R := norm2 r (sub (g x) (f x)).

(** [drift] At each allowed perturbation: the shift of g is at most that of f and two drifts.
    Idea: the triangle inequality, twice. *)
Theorem drift_at_a_perturbation x x' : norm2 r (sub (g x') (g x)) <=
  norm2 r (sub (f x') (f x)) + moved_by_finetuning x' + moved_by_finetuning x.
Proof.
  unfold moved_by_finetuning.
  pose proof (norm2_triangle r (sub (g x') (f x')) (sub (f x') (f x))) as A.
  pose proof (norm2_sub_le r (fun i => sub (g x') (f x') i + sub (f x') (f x) i) (sub (g x) (f x)))
    as B.
  rewrite (norm2_ext r (sub _ (sub (g x) (f x))) (sub (g x') (g x))) in B
    by (intros; unfold sub; ring). lra.
Qed.

(** [drift] If the drift is at most D everywhere, S'(x) <= S(x) + 2 D. Idea: the bound does not
    depend on the perturbation, so it passes to the supremum. *)
Theorem drift x S S' D : reach x x -> (forall x', reach x x' -> moved_by_finetuning x' <= D) ->
  is_lub (shifts r X f reach x) S -> is_lub (shifts r X g reach x) S' -> S' <= S + 2 * D.
Proof.
  intros Hx HD [HS _] [_ HS']. apply HS'. intros t (x' & Hr & ->).
  pose proof (drift_at_a_perturbation x x').
  assert (norm2 r (sub (f x') (f x)) <= S) by (apply HS; now exists x').
  pose proof (HD x Hx). pose proof (HD x' Hr). lra.
Qed.
End Drift.

(** [drift] Hence the two AS scores differ by at most 2 D. Idea: [drift] in both directions. *)
Theorem drift_scores r (X : Type) (f g : X -> vec) (reach : X -> X -> Prop) n (x : nat -> X)
  (S S' : vec) D : (0 < n)%nat ->
  (forall i, (i < n)%nat -> reach (x i) (x i) /\
     is_lub (shifts r X f reach (x i)) (S i) /\ is_lub (shifts r X g reach (x i)) (S' i) /\
     forall x', reach (x i) x' -> moved_by_finetuning r X f g x' <= D) ->
  Rabs (sum n S' / INR n - sum n S / INR n) <= 2 * D.
Proof.
  intros Hn H. assert (N : 0 < INR n) by now apply lt_0_INR.
  replace (sum n S' / INR n - sum n S / INR n) with ((sum n S' - sum n S) * / INR n)
    by (unfold Rdiv; ring).
  rewrite <- sum_sub, Rabs_mult, (Rabs_pos_eq (/ INR n)) by (left; now apply Rinv_0_lt_compat).
  apply (Rmult_le_reg_r (INR n)); [auto|]. rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra.
  rewrite Rmult_comm, <- sum_const. eapply Rle_trans; [apply sum_abs|]. apply sum_le.
  intros i Hi. destruct (H i Hi) as (Hx & HS & HS' & HD). apply Rabs_le.
  pose proof (drift r X f g reach (x i) (S i) (S' i) D Hx HD HS HS') as A.
  assert (B : S i <= S' i + 2 * D); [|lra].
  apply (drift r X g f reach (x i) (S' i) (S i) D Hx); auto.
  intros x' Hr. unfold moved_by_finetuning. rewrite norm2_sub_sym. apply (HD x' Hr).
Qed.
