(** * Enlarging last: perturbations of the small image are perturbations of the large one *)

From Book Require Import definitions linear_algebra.

Section Enlarging.
(** d pixels become e pixels, each an average of input pixels: weights >= 0 with sum 1. *)
Variables (d e r : nat) (U : nat -> vec).
Hypothesis weights : forall i k, (i < e)%nat -> (k < d)%nat -> 0 <= U i k.
Hypothesis sum_1 : forall i, (i < e)%nat -> sum d (U i) = 1.
(** The enlarged image U x. *)
Definition enlarge (x : vec) : vec := fun i => dot d (U i) x.

Lemma average_range x lo hi i : (i < e)%nat -> (forall k, (k < d)%nat -> lo <= x k <= hi) ->
  lo <= enlarge x i <= hi.
Proof.
  intros Hi H. assert (K : forall t, sum d (fun k => t * U i k) = t)
    by (intros; rewrite sum_scal, sum_1 by auto; ring).
  split; [rewrite <- (K lo)|rewrite <- (K hi)]; apply sum_le; intros k Hk;
    specialize (H k Hk); pose proof (weights i k Hi Hk); nra.
Qed.

(** [shift-enlarging] Averages do not exceed what they average: ||U delta||_inf <= ||delta||_inf,
    and U x stays an image. Idea: weights that are not negative and sum to 1. *)
Theorem enlarging_keeps_the_ball delta : norminf e (enlarge delta) <= norminf d delta.
Proof.
  apply bigmax_le; [apply bigmax_nonneg|]. intros i Hi. apply Rabs_le.
  apply average_range; [auto|]. intros k Hk.
  pose proof (bigmax_ge d (fun k => Rabs (delta k)) k Hk) as B. cbv beta in B.
  unfold norminf. revert B. unfold Rabs at 1. destruct Rcase_abs; lra.
Qed.

(** [shift-enlarging] The supremum over perturbations of the small image is at most the one over
    perturbations of the enlarged image. Idea: U(x + delta) is among the latter. *)
Theorem shift_enlarging (f : vec -> vec) (eps : R) x S_small S_large :
  let image n v := forall k, (k < n)%nat -> 0 <= v k <= 1 in
  let reach n v v' := norminf n (sub v' v) <= eps /\ image n v' in
  is_lub (shifts r vec (fun v => f (enlarge v)) (reach d) x) S_small ->
  is_lub (shifts r vec f (reach e) (enlarge x)) S_large ->
  S_small <= S_large.
Proof.
  intros image reach [_ HS] [HL _]. apply HS. intros t (x' & [Hn Hi] & ->). apply HL.
  exists (enlarge x'). split; [|reflexivity]. split.
  - eapply Rle_trans; [|exact Hn]. eapply Rle_trans; [|apply enlarging_keeps_the_ball].
    apply bigmax_le; [apply bigmax_nonneg|]. intros i Hlt.
    replace (Rabs (sub (enlarge x') (enlarge x) i)) with (Rabs (enlarge (sub x' x) i)).
    + now apply (bigmax_ge e (fun k => Rabs (enlarge (sub x' x) k))).
    + f_equal. unfold enlarge. rewrite dot_sub_r. reflexivity.
  - intros i Hlt. now apply average_range.
Qed.
End Enlarging.

(** [shift-enlarging] Counterexample for l_2: copying one pixel into four doubles its length. *)
Theorem enlarging_fails_in_l2 : norm2 4 (enlarge 1 (fun _ _ => 1) (fun _ => 1)) = 2 /\
  norm2 1 (fun _ => 1) = 1.
Proof.
  split; unfold enlarge, norm2, dot; simpl; [root 2|root 1]; reflexivity.
Qed.
