(** * The converse: the worst head with two classes, and the limit of large scale

    The book takes the mean over the sphere. Integrals over the sphere are not formalised here. So
    the converse stands here twice: on the assumption that some direction does what the mean over
    the sphere does, with its constant kappa, and without any assumption from a mean over signs,
    with 1 / sqrt(3 r) in the place of kappa_r. *)

From Book Require Import definitions linear_algebra definition_1_lipschitz_losses.
From Book Require Import theorem_1_loss_gap.
From Coq Require Classical_Prop.

(** Positive part, and sigma(t) = log(1 + e^t). *)
Definition pos (a : R) : R := Rmax a 0.
Definition sigma (t : R) : R := ln (1 + exp t).

(** The head of the proof: rows -u and u, biases -B and 0; all points carry the first label. *)
Definition opposing (u : vec) (j : nat) : vec := fun k => match j with O => - u k | _ => u k end.
Definition against (B : R) (j : nat) : R := match j with O => - B | _ => 0 end.

(** The mean of g over all sign vectors of n entries. *)
Definition put (n : nat) (s : R) (e : vec) : vec := fun i => if Nat.eq_dec i n then s else e i.
Fixpoint mean_signs (n : nat) (g : vec -> R) : R :=
  match n with
  | O => g (fun _ => 1)
  | S m => (mean_signs m (fun e => g (put m 1 e)) + mean_signs m (fun e => g (put m (-1) e))) / 2
  end.

(** ** sigma *)

Lemma sigma_above t : t <= sigma t.
Proof.
  unfold sigma. apply Rle_trans with (ln (exp t)); [rewrite ln_exp; lra|].
  pose proof (exp_pos t). apply ln_mono; lra.
Qed.

Lemma sigma_pos t : 0 <= sigma t.
Proof.
  unfold sigma. rewrite <- ln_1. pose proof (exp_pos t). apply ln_mono; lra.
Qed.

Lemma sigma_mono s t : s <= t -> sigma s <= sigma t.
Proof.
  intros H. unfold sigma. pose proof (exp_pos s). apply ln_mono; [lra|].
  destruct H as [H| ->]; [pose proof (exp_increasing s t H)|]; lra.
Qed.

Lemma sigma_tail t : sigma t <= t + exp (- t).
Proof.
  unfold sigma. replace (1 + exp t) with (exp t * (1 + exp (- t)))
    by (rewrite Rmult_plus_distr_l, <- exp_plus, Rplus_opp_r, exp_0; ring).
  pose proof (exp_pos (- t)). rewrite ln_mult, ln_exp by (auto using exp_pos; lra).
  apply Rplus_le_compat_l. apply Rle_trans with (ln (exp (exp (- t)))); [|rewrite ln_exp; lra].
  apply ln_mono; [lra|]. apply exp_ineq1_le.
Qed.

Lemma sigma_log_2 t : sigma t <= pos t + ln 2.
Proof.
  unfold sigma, pos. assert (M : 1 + exp t <= 2 * exp (Rmax t 0)).
  { unfold Rmax. destruct (Rle_dec t 0) as [H|H].
    - rewrite exp_0. destruct H as [H| ->]; [|rewrite exp_0; lra].
      pose proof (exp_increasing t 0 H) as I0. rewrite exp_0 in I0. lra.
    - pose proof (exp_ineq1_le t). lra. }
  apply ln_mono in M; [|pose proof (exp_pos t); lra].
  rewrite ln_mult, ln_exp in M by (auto using exp_pos; lra). lra.
Qed.

(** sigma rises with slope at most 1. *)
Lemma sigma_slope s t : s <= t -> sigma t - sigma s <= t - s.
Proof.
  intros H. unfold sigma. assert (M : 1 + exp t <= (1 + exp s) * exp (t - s)).
  { rewrite Rmult_plus_distr_r, <- exp_plus. replace (s + (t - s)) with t by ring.
    pose proof (exp_ineq1_le (t - s)). lra. }
  pose proof (exp_pos s). pose proof (exp_pos t).
  apply ln_mono in M; [|lra]. rewrite ln_mult, ln_exp in M by (auto using exp_pos; lra). lra.
Qed.

Lemma two_classes_sigma r W b z y : (y < 2)%nat ->
  cross_entropy 2 (logit r W b z) y = sigma (logit r W b z (1 - y) - logit r W b z y).
Proof.
  intros Hy. rewrite cross_entropy_lse by lia. unfold exp_sum. simpl sum. unfold sigma.
  set (u := logit r W b z).
  assert (G : forall p q, ln (exp p + exp q) - p = ln (1 + exp (q - p))).
  { intros p q. replace (exp p + exp q) with (exp p * (1 + exp (q - p)))
      by (rewrite Rmult_plus_distr_l, <- exp_plus; replace (p + (q - p)) with q by ring; ring).
    pose proof (exp_pos (q - p)). rewrite ln_mult, ln_exp by (auto using exp_pos; lra). ring. }
  destruct y as [|[|y]]; [| |lia]; simpl.
  - rewrite Rplus_0_l. apply G.
  - rewrite Rplus_0_l, Rplus_comm. apply G.
Qed.

(** ** The head of the converse *)

Lemma opposing_ahead r u B z :
  logit r (opposing u) (against B) z 1 - logit r (opposing u) (against B) z 0 = 2 * dot r u z + B.
Proof.
  unfold logit, against, opposing, dot.
  rewrite (sum_eq r (fun i => - u i * z i) (fun i => -1 * (u i * z i))) by (intros; ring).
  rewrite sum_scal. ring.
Qed.

Lemma opposing_head_norm r u : norm2 r u = 1 -> head_norm 2 r (opposing u) Linf = 1.
Proof.
  intros H. simpl. assert (N : forall j, row_norm r (opposing u) j = 1).
  { intros j. rewrite <- H. unfold row_norm, norm2, dot, opposing. f_equal.
    apply sum_eq. intros. destruct j; ring. }
  rewrite !N. unfold Rmax. repeat destruct Rle_dec; lra.
Qed.

(** [eq-converse-head] What this head loses at one point: T >= 2 <u, v>_+ - e^(-t), where the other
    class is ahead by t at the clean point. Idea: sigma(t) is between t and t + e^(-t). *)
Theorem converse_head r (X : Type) (f : X -> vec) (reach : X -> X -> Prop) x x' u B A :
  reach x x -> reach x x' ->
  is_lub (losses r (opposing u) (against B) X f reach (cross_entropy 2) x 0) A ->
  2 * pos (dot r u (sub (f x') (f x))) - exp (- (2 * dot r u (f x) + B))
  <= A - cross_entropy 2 (logit r (opposing u) (against B) (f x)) 0.
Proof.
  intros Hx Hx' [HA _]. set (t := 2 * dot r u (f x) + B).
  assert (L : forall x2, cross_entropy 2 (logit r (opposing u) (against B) (f x2)) 0
                         = sigma (2 * dot r u (f x2) + B)).
  { intros x2. rewrite two_classes_sigma by lia. simpl. now rewrite opposing_ahead. }
  assert (A0 : sigma t <= A) by (apply HA; exists x; split; [auto|now rewrite L]).
  assert (A1 : sigma (2 * dot r u (f x') + B) <= A)
    by (apply HA; exists x'; split; [auto|now rewrite L]).
  rewrite L. fold t. pose proof (sigma_tail t). pose proof (exp_pos (- t)).
  pose proof (sigma_above (2 * dot r u (f x') + B)). rewrite dot_sub_r. unfold pos, Rmax.
  destruct Rle_dec; unfold t in *; lra.
Qed.

(** ** A direction, from the mean over signs *)

Lemma mean_signs_le n : forall g h, (forall e, g e <= h e) -> mean_signs n g <= mean_signs n h.
Proof.
  induction n as [|n IH]; simpl; intros g h H; [apply H|].
  pose proof (IH _ _ (fun e => H (put n 1 e))) as A.
  pose proof (IH _ _ (fun e => H (put n (-1) e))) as B.
  cbv beta in A, B. lra.
Qed.

Lemma mean_signs_eq n g h : (forall e, g e = h e) -> mean_signs n g = mean_signs n h.
Proof. intros H. apply Rle_antisym; apply mean_signs_le; intros; rewrite H; lra. Qed.

Lemma mean_signs_add n : forall g h,
  mean_signs n (fun e => g e + h e) = mean_signs n g + mean_signs n h.
Proof. induction n as [|n IH]; simpl; intros; [ring|]. rewrite !IH. field. Qed.

Lemma mean_signs_scal n : forall t g, mean_signs n (fun e => t * g e) = t * mean_signs n g.
Proof. induction n as [|n IH]; simpl; intros; [ring|]. rewrite !IH. field. Qed.

Lemma mean_signs_const n t : mean_signs n (fun _ => t) = t.
Proof. induction n as [|n IH]; simpl; [auto|]. rewrite IH. field. Qed.

Lemma mean_signs_sum n N (g : nat -> vec -> R) :
  mean_signs n (fun e => sum N (fun i => g i e)) = sum N (fun i => mean_signs n (g i)).
Proof.
  induction N as [|N IH]; simpl; [apply mean_signs_const|]. now rewrite mean_signs_add, IH.
Qed.

(** Some sign vector is not below the mean. *)
Lemma mean_signs_reached n : forall g, exists e, mean_signs n g <= g e /\
  forall i, (i < n)%nat -> e i = 1 \/ e i = -1.
Proof.
  induction n as [|n IH]; simpl; intros g.
  - exists (fun _ => 1). split; [lra|intros; lia].
  - destruct (IH (fun e => g (put n 1 e))) as (e1 & H1 & S1).
    destruct (IH (fun e => g (put n (-1) e))) as (e2 & H2 & S2).
    assert (K : forall s e, (s = 1 \/ s = -1) -> (forall i, (i < n)%nat -> e i = 1 \/ e i = -1) ->
      forall i, (i < S n)%nat -> put n s e i = 1 \/ put n s e i = -1).
    { intros s e Hs He i Hi. unfold put. destruct (Nat.eq_dec i n); [auto|apply He; lia]. }
    destruct (Rle_dec (mean_signs n (fun e => g (put n (-1) e)))
                      (mean_signs n (fun e => g (put n 1 e)))).
    + exists (put n 1 e1). split; [lra|apply K; auto].
    + exists (put n (-1) e2). split; [lra|apply K; auto].
Qed.

Lemma dot_put n s e v : dot (S n) (put n s e) v = dot n e v + s * v n.
Proof.
  unfold dot. simpl. f_equal.
  - apply sum_eq. intros i Hi. unfold put. destruct (Nat.eq_dec i n); [lia|auto].
  - unfold put. destruct (Nat.eq_dec n n); [auto|contradiction].
Qed.

Lemma dot_S n v : dot (S n) v v = dot n v v + v n * v n.
Proof. reflexivity. Qed.

(** The first, second and fourth moments of <e, v> over the signs e. *)
Lemma signs_moment_1 n v : mean_signs n (fun e => dot n e v) = 0.
Proof.
  induction n as [|n IH]; [reflexivity|]. cbn [mean_signs].
  rewrite (mean_signs_eq n _ (fun e => dot n e v + 1 * v n)) by (intros; apply dot_put).
  rewrite (mean_signs_eq n (fun e => dot (S n) (put n (-1) e) v)
    (fun e => dot n e v + -1 * v n)) by (intros; apply dot_put).
  rewrite !mean_signs_add, !mean_signs_const, IH. field.
Qed.

Lemma signs_moment_2 n v : mean_signs n (fun e => dot n e v ^ 2) = dot n v v.
Proof.
  induction n as [|n IH]; [unfold dot; simpl; ring|]. cbn [mean_signs].
  rewrite (mean_signs_eq n (fun e => dot (S n) (put n 1 e) v ^ 2)
    (fun e => (dot n e v ^ 2 + 2 * v n * dot n e v) + v n * v n))
    by (intros; rewrite dot_put; ring).
  rewrite (mean_signs_eq n (fun e => dot (S n) (put n (-1) e) v ^ 2)
    (fun e => (dot n e v ^ 2 + - (2 * v n) * dot n e v) + v n * v n))
    by (intros; rewrite dot_put; ring).
  rewrite !mean_signs_add, !mean_signs_scal, !mean_signs_const, IH, signs_moment_1, dot_S. field.
Qed.

Lemma signs_moment_4 n v : mean_signs n (fun e => dot n e v ^ 4) <= 3 * (dot n v v * dot n v v).
Proof.
  induction n as [|n IH]; [unfold dot; simpl; lra|]. cbn [mean_signs].
  assert (H : mean_signs n (fun e => dot (S n) (put n 1 e) v ^ 4) +
              mean_signs n (fun e => dot (S n) (put n (-1) e) v ^ 4) =
              mean_signs n (fun e => 2 * dot n e v ^ 4 +
                (12 * (v n * v n) * dot n e v ^ 2 + 2 * (v n * v n * (v n * v n))))).
  { rewrite <- mean_signs_add. apply mean_signs_eq. intros e. rewrite !dot_put. ring. }
  rewrite H, !mean_signs_add, !mean_signs_scal, mean_signs_const, signs_moment_2, dot_S.
  pose proof (dot_self_nonneg n v). assert (0 <= v n * v n) by nra. nra.
Qed.

(** |x| lies above a polynomial that the moments can see: for 0 < s,
    |x| >= (sqrt 3 / 2) (x^2 / s - x^4 / (9 s^3)). *)
Lemma abs_above_polynomial q s x : 0 < q -> q * q = 3 -> 0 < s ->
  q / 2 * (/ s * x ^ 2 + - (/ (9 * s ^ 3)) * x ^ 4) <= Rabs x.
Proof.
  intros Hq Q Hs. assert (0 <= Rabs x) by apply Rabs_pos.
  replace (x ^ 2) with (Rabs x ^ 2) by (simpl; unfold Rabs; destruct Rcase_abs; ring).
  replace (x ^ 4) with (Rabs x ^ 4) by (simpl; unfold Rabs; destruct Rcase_abs; ring).
  set (a := Rabs x) in *.
  assert (P : 0 <= a * ((a - q * s) * (a - q * s) * (a + 2 * q * s))).
  { apply Rmult_le_pos; [auto|]. apply Rmult_le_pos; [apply Rle_0_sqr|nra]. }
  assert (S3 : 0 < s ^ 3) by (apply pow_lt; auto).
  apply (Rmult_le_reg_r (18 * s ^ 3)); [lra|].
  replace (q / 2 * (/ s * a ^ 2 + - / (9 * s ^ 3) * a ^ 4) * (18 * s ^ 3))
    with (q * (9 * s ^ 2 * a ^ 2 - a ^ 4)) by (field; lra).
  replace (a * ((a - q * s) * (a - q * s) * (a + 2 * q * s)))
    with (a ^ 4 - 3 * (q * q) * s ^ 2 * a ^ 2 + 2 * (q * q) * q * s ^ 3 * a) in P by ring.
  rewrite Q in P. apply (Rmult_le_compat_l q) in P; [|lra].
  replace (q * (a ^ 4 - 3 * 3 * s ^ 2 * a ^ 2 + 2 * 3 * q * s ^ 3 * a))
    with (q * a ^ 4 - 9 * q * s ^ 2 * a ^ 2 + 6 * (q * q) * s ^ 3 * a) in P by ring.
  rewrite Q in P. lra.
Qed.

(** Khintchine's inequality with the constant 1 / sqrt 3. *)
Lemma signs_mean_abs n v : norm2 n v <= sqrt 3 * mean_signs n (fun e => Rabs (dot n e v)).
Proof.
  assert (Q : sqrt 3 * sqrt 3 = 3) by (apply sqrt_sqrt; lra).
  assert (Hq : 0 < sqrt 3) by (apply sqrt_lt_R0; lra).
  pose proof (norm2_nonneg n v) as N0. pose proof (norm2_sqr n v) as N2.
  destruct (Req_dec (norm2 n v) 0) as [Z|NZ].
  - rewrite Z. apply Rmult_le_pos; [lra|]. rewrite <- (mean_signs_const n 0).
    apply mean_signs_le. intros. apply Rabs_pos.
  - set (s := norm2 n v) in *. assert (Hs : 0 < s) by lra.
    assert (L : mean_signs n (fun e => sqrt 3 / 2 * (/ s * dot n e v ^ 2 +
                  - / (9 * s ^ 3) * dot n e v ^ 4)) <= mean_signs n (fun e => Rabs (dot n e v)))
      by (apply mean_signs_le; intros; now apply abs_above_polynomial).
    rewrite mean_signs_scal, mean_signs_add, !mean_signs_scal, signs_moment_2 in L.
    pose proof (signs_moment_4 n v) as M4. rewrite <- N2 in L, M4.
    set (m4 := mean_signs n (fun e => dot n e v ^ 4)) in *.
    assert (S3 : 0 < 9 * s ^ 3) by (pose proof (pow_lt s 3 Hs); lra).
    assert (I3 : / (9 * s ^ 3) * m4 <= s / 3).
    { apply (Rmult_le_reg_l (9 * s ^ 3)); [auto|].
      rewrite <- Rmult_assoc, Rinv_r, Rmult_1_l by lra.
      replace (9 * s ^ 3 * (s / 3)) with (3 * (s * s * (s * s))) by field. exact M4. }
    assert (I1 : / s * (s * s) = s) by (field; lra). rewrite I1 in L.
    assert (K : sqrt 3 / 2 * (s + - (s / 3)) <= mean_signs n (fun e => Rabs (dot n e v))).
    { eapply Rle_trans; [|exact L]. apply Rmult_le_compat_l; lra. }
    apply (Rmult_le_compat_l (sqrt 3)) in K; [|lra].
    replace (sqrt 3 * (sqrt 3 / 2 * (s + - (s / 3))))
      with (sqrt 3 * sqrt 3 * (s / 3)) in K by field.
    rewrite Q in K. lra.
Qed.

Lemma signs_mean_pos n v :
  norm2 n v <= 2 * sqrt 3 * mean_signs n (fun e => pos (dot n e v)).
Proof.
  eapply Rle_trans; [apply signs_mean_abs|].
  rewrite (mean_signs_eq n (fun e => Rabs (dot n e v))
    (fun e => 2 * pos (dot n e v) + -1 * dot n e v)).
  - rewrite mean_signs_add, !mean_signs_scal, signs_moment_1. lra.
  - intros e. unfold pos, Rabs, Rmax. destruct Rcase_abs; destruct Rle_dec; lra.
Qed.

(** [converse] A direction for all moves at once: with kappa = 1 / sqrt(3 r) some unit vector u has
    mean <u, v_i>_+ >= (kappa / 2) mean ||v_i||. Idea: the mean over the signs of u = e / sqrt r;
    some sign vector is not below it. *)
Theorem converse_direction r N (v : nat -> vec) : (0 < r)%nat ->
  exists u, norm2 r u = 1 /\
  / sqrt (3 * INR r) / 2 * sum N (fun i => norm2 r (v i)) <= sum N (fun i => pos (dot r u (v i))).
Proof.
  intros Hr. assert (R0 : 0 < INR r) by now apply lt_0_INR.
  assert (Q : 0 < sqrt 3) by (apply sqrt_lt_R0; lra).
  assert (R1 : 0 < sqrt (INR r)) by now apply sqrt_lt_R0.
  destruct (mean_signs_reached r (fun e => sum N (fun i => pos (dot r e (v i))))) as (e & He & Se).
  exists (fun k => / sqrt (INR r) * e k). split.
  - rewrite norm2_scal, Rabs_pos_eq by (left; now apply Rinv_0_lt_compat).
    replace (norm2 r e) with (sqrt (INR r)); [field; lra|]. unfold norm2. f_equal. unfold dot.
    rewrite (sum_eq r _ (fun _ => 1)); [rewrite sum_const; ring|].
    intros i Hi. destruct (Se i Hi) as [-> | ->]; ring.
  - rewrite mean_signs_sum in He.
    assert (L : sum N (fun i => norm2 r (v i)) <= 2 * sqrt 3 *
                sum N (fun i => pos (dot r e (v i)))).
    { apply Rle_trans with (2 * sqrt 3 *
        sum N (fun i => mean_signs r (fun d => pos (dot r d (v i))))).
      - rewrite <- sum_scal. apply sum_le. intros i _. apply signs_mean_pos.
      - apply Rmult_le_compat_l; [lra|exact He]. }
    rewrite (sum_eq N (fun i => pos (dot r (fun k => / sqrt (INR r) * e k) (v i)))
      (fun i => / sqrt (INR r) * pos (dot r e (v i)))).
    + rewrite sum_scal, sqrt_mult by lra.
      apply (Rmult_le_compat_l (/ (sqrt 3 * sqrt (INR r)) / 2)) in L.
      * eapply Rle_trans; [exact L|]. right. field. lra.
      * apply Rmult_le_pos; [left; apply Rinv_0_lt_compat; now apply Rmult_lt_0_compat|lra].
    + intros i _. replace (dot r (fun k => / sqrt (INR r) * e k) (v i))
        with (/ sqrt (INR r) * dot r e (v i))
        by (unfold dot; rewrite <- sum_scal; apply sum_eq; intros; ring).
      assert (I0 : 0 < / sqrt (INR r)) by now apply Rinv_0_lt_compat.
      unfold pos, Rmax. repeat destruct Rle_dec; nra.
Qed.

(** [ex-converse-signs] Counterexample to the constant 1: for v = (1, 1) the mean over signs is 1,
    and the length of v is sqrt 2. *)
Theorem signs_do_not_reach_the_length : let v := vector [1; 1] in
  mean_signs 2 (fun e => Rabs (dot 2 e v)) = 1 /\ 1 < norm2 2 v.
Proof.
  simpl. split.
  - unfold dot, vector, put. simpl.
    replace (0 + 1 * 1 + 1 * 1) with 2 by ring. replace (0 + -1 * 1 + 1 * 1) with 0 by ring.
    replace (0 + 1 * 1 + -1 * 1) with 0 by ring. replace (0 + -1 * 1 + -1 * 1) with (-2) by ring.
    rewrite Rabs_R0, (Rabs_pos_eq 2), (Rabs_left (-2)) by lra. field.
  - apply Rle_lt_trans with (sqrt 1); [rewrite sqrt_1; lra|].
    apply sqrt_lt_1_alt. unfold dot, vector. simpl. lra.
Qed.

(** ** The theorem *)
Section Converse.
Variables (r : nat) (X : Type) (f : X -> vec) (reach : X -> X -> Prop).
Variables (n : nat) (x : nat -> X) (S : vec).
Hypothesis Hn : (0 < n)%nat.
Hypothesis zero_allowed : forall i, (i < n)%nat -> reach (x i) (x i).
Hypothesis S_sup : forall i, (i < n)%nat -> is_lub (shifts r X f reach (x i)) (S i).
Notation AS := (sum n S / INR n).

(** The left side of Lemma 1 for the head of the proof, whose L_inf is 1. *)
Notation LHS u B A := (/ (2 * 1) * (sum n (fun i =>
  A i - cross_entropy 2 (logit r (opposing u) (against B) (f (x i))) 0) / INR n)).

(** Near the supremum there is a move. *)
Lemma near_supremum i tau : (i < n)%nat -> 0 < tau -> exists x', reach (x i) x' /\
  S i - tau <= norm2 r (sub (f x') (f (x i))).
Proof.
  intros Hi Ht. destruct (S_sup i Hi) as [_ L].
  destruct (Classical_Prop.classic (exists x', reach (x i) x' /\
    S i - tau <= norm2 r (sub (f x') (f (x i))))) as [H|H]; [exact H|exfalso].
  assert (S i <= S i - tau); [|lra]. apply L. intros t (x' & Hr & ->).
  destruct (Rle_dec (norm2 r (sub (f x') (f (x i)))) (S i - tau)); [auto|].
  exfalso. apply H. exists x'. split; [auto|lra].
Qed.

Lemma choose_moves tau N : (N <= n)%nat -> 0 < tau -> exists x' : nat -> X, forall i, (i < N)%nat ->
  reach (x i) (x' i) /\ S i - tau <= norm2 r (sub (f (x' i)) (f (x i))).
Proof.
  intros HN Ht. induction N as [|N IH]; [exists x; intros; lia|].
  destruct IH as (x' & H); [lia|]. destruct (near_supremum N tau ltac:(lia) Ht) as (xn & Hxn).
  exists (fun i => if Nat.eq_dec i N then xn else x' i). intros i Hi.
  destruct (Nat.eq_dec i N) as [->|]; [exact Hxn|apply H; lia].
Qed.

Lemma large_bias u e : 0 < e -> exists B, forall i, (i < n)%nat ->
  exp (- (2 * dot r u (f (x i)) + B)) <= e.
Proof.
  intros He. exists (bigmax n (fun i => - ln e - 2 * dot r u (f (x i)))). intros i Hi.
  pose proof (bigmax_ge n (fun k => - ln e - 2 * dot r u (f (x k))) i Hi) as G. cbv beta in G.
  apply Rle_trans with (exp (ln e)); [|rewrite exp_ln by auto; lra].
  set (p := - (2 * dot r u (f (x i)) + bigmax n (fun k => - ln e - 2 * dot r u (f (x k))))) in *.
  assert (H : p <= ln e) by (unfold p; lra).
  destruct H as [H|H]; [left; now apply exp_increasing|rewrite H; lra].
Qed.

(** [converse] The theorem, on the named assumption [direction]: for all moves some unit vector
    reaches what the mean over the sphere is by the lemma on a mean coordinate, kappa / 2 of their
    mean length. Idea: the head of the proof, with a bias that makes e^(-t) small. *)
Theorem converse_given_direction kappa : 0 <= kappa <= 1 ->
  (forall v : nat -> vec, exists u, norm2 r u = 1 /\ kappa / 2 * sum n (fun i => norm2 r (v i))
     <= sum n (fun i => pos (dot r u (v i)))) ->
  forall tau, 0 < tau -> exists u B, norm2 r u = 1 /\ head_norm 2 r (opposing u) Linf = 1 /\
  forall A, (forall i, (i < n)%nat -> is_lub (losses r (opposing u) (against B) X f reach
                                        (cross_entropy 2) (x i) 0) (A i)) ->
  kappa / 2 * AS - tau <= LHS u B A.
Proof.
  intros Hk direction tau Ht. assert (N : 0 < INR n) by now apply lt_0_INR.
  destruct (choose_moves tau n (le_n n) Ht) as (x' & Hx').
  destruct (direction (fun i => sub (f (x' i)) (f (x i)))) as (u & Hu & Hd).
  destruct (large_bias u tau Ht) as (B & HB).
  exists u, B. split; [auto|]. split; [now apply opposing_head_norm|]. intros A HA.
  assert (G : sum n (fun i => 2 * pos (dot r u (sub (f (x' i)) (f (x i)))) - tau) <=
    sum n (fun i => A i - cross_entropy 2 (logit r (opposing u) (against B) (f (x i))) 0)).
  { apply sum_le. intros i Hi. destruct (Hx' i Hi) as [Hr _].
    pose proof (converse_head r X f reach (x i) (x' i) u B (A i) (zero_allowed i Hi) Hr (HA i Hi)).
    specialize (HB i Hi). lra. }
  rewrite sum_sub, sum_scal, sum_const in G.
  assert (M : sum n S - INR n * tau <= sum n (fun i => norm2 r (sub (f (x' i)) (f (x i))))).
  { rewrite <- sum_const, <- sum_sub. apply sum_le. intros i Hi. apply (Hx' i Hi). }
  set (gaps := sum n (fun i => A i - _)) in *.
  set (h := sum n (fun i => pos _)) in *. set (len := sum n (fun i => norm2 r _)) in *.
  assert (K : kappa / 2 * (sum n S - INR n * tau) <= h).
  { eapply Rle_trans; [|exact Hd]. apply Rmult_le_compat_l; lra. }
  assert (KT : kappa / 2 * (INR n * tau) <= INR n * tau / 2).
  { assert (0 < INR n * tau) by now apply Rmult_lt_0_compat. nra. }
  apply (Rmult_le_reg_r (INR n)); [auto|].
  replace ((kappa / 2 * AS - tau) * INR n) with (kappa / 2 * sum n S - INR n * tau) by (field; lra).
  replace (/ (2 * 1) * (gaps / INR n) * INR n) with (gaps / 2) by (field; lra). lra.
Qed.

(** [converse] Without any assumption, with 1 / sqrt(3 r) in the place of kappa_r: some head with
    two classes loses at least AS / (2 sqrt(3 r)), up to tau. Idea: [converse_direction]. *)
Theorem converse_signs : (0 < r)%nat ->
  forall tau, 0 < tau -> exists u B, norm2 r u = 1 /\ head_norm 2 r (opposing u) Linf = 1 /\
  forall A, (forall i, (i < n)%nat -> is_lub (losses r (opposing u) (against B) X f reach
                                        (cross_entropy 2) (x i) 0) (A i)) ->
  / sqrt (3 * INR r) / 2 * AS - tau <= LHS u B A.
Proof.
  intros Hr. apply converse_given_direction.
  - assert (R1 : 1 <= INR r) by (apply (le_INR 1); lia).
    assert (Q : 1 <= sqrt (3 * INR r)) by (rewrite <- sqrt_1; apply sqrt_le_1_alt; lra).
    split; [left; apply Rinv_0_lt_compat; lra|].
    rewrite <- Rinv_1. apply Rinv_le_contravar; lra.
  - intros v. now apply converse_direction.
Qed.

End Converse.

(** [converse-given-labels] The second inequality: the largest of c numbers is at least their mean.
    Idea: the sum of c numbers is at most c times the largest. *)
Theorem converse_labels_mean c (s : vec) : (0 < c)%nat -> (forall k, (k < c)%nat -> 0 <= s k) ->
  sum c s / INR c <= bigmax c s.
Proof.
  intros Hc Hs. assert (N : 0 < INR c) by now apply lt_0_INR.
  apply (Rmult_le_reg_r (INR c)); [auto|]. unfold Rdiv.
  rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. rewrite Rmult_comm, <- sum_const.
  apply sum_le. intros k Hk. now apply bigmax_ge.
Qed.

(** ** How sharp it is *)

(** [converse-sharp] 2. Any labels, two classes: r points, of which point i can move by s along the
    unit vector i. Every head loses at most AS / sqrt r: here [a i] is what the two rows differ by
    in coordinate i, and T_i <= s |a_i|. Idea: Cauchy-Schwarz for |a| and the ones. *)
Theorem converse_sharp_2 r (s : R) (W : nat -> vec) (b : vec) (z : nat -> vec) (y : nat -> nat)
  (T : vec) : (0 < r)%nat -> 0 <= s -> (forall i, (i < r)%nat -> (y i < 2)%nat) ->
  (forall i, (i < r)%nat -> T i = Rmax 0
     (cross_entropy 2 (logit r W b (fun k => z i k + s * unit i k)) (y i)
      - cross_entropy 2 (logit r W b (z i)) (y i))) ->
  sum r T / INR r <= 2 * head_norm 2 r W Linf * (s / sqrt (INR r)).
Proof.
  intros Hr Hs Hy HT. assert (R0 : 0 < INR r) by now apply lt_0_INR.
  assert (R1 : 0 < sqrt (INR r)) by now apply sqrt_lt_R0.
  assert (RR : sqrt (INR r) * sqrt (INR r) = INR r) by (apply sqrt_sqrt; lra).
  set (a := fun i : nat => W 1%nat i - W 0%nat i).
  assert (B : forall i, (i < r)%nat -> T i <= s * Rabs (a i)).
  { intros i Hi. rewrite HT by auto. specialize (Hy i Hi).
    assert (P : 0 <= s * Rabs (a i)) by (apply Rmult_le_pos; [auto|apply Rabs_pos]).
    apply Rmax_lub; [auto|]. rewrite !two_classes_sigma by auto.
    set (p := logit r W b (z i) (1 - y i) - logit r W b (z i) (y i)).
    set (q := logit r W b (fun k => z i k + s * unit i k) (1 - y i)
              - logit r W b (fun k => z i k + s * unit i k) (y i)).
    assert (E1 : Rabs (q - p) = s * Rabs (a i)).
    { assert (D : forall j, logit r W b (fun k => z i k + s * unit i k) j
                            = logit r W b (z i) j + s * W j i).
      { intros j. unfold logit, dot.
        rewrite (sum_eq r _ (fun k => W j k * z i k + s * (unit i k * W j k))) by (intros; ring).
        rewrite sum_add, sum_scal, sum_unit by auto. ring. }
      unfold p, q. rewrite !D. unfold a.
      rewrite <- (Rabs_pos_eq s Hs) at 3. rewrite <- Rabs_mult.
      destruct (y i) as [|[|k]] eqn:Ey; [| |lia]; simpl.
      - f_equal. ring.
      - rewrite <- (Rabs_Ropp (s * _)). f_equal. ring. }
    destruct (Rle_dec p q) as [L|L].
    - pose proof (sigma_slope p q L). pose proof (Rle_abs (q - p)). lra.
    - pose proof (sigma_mono q p ltac:(lra)). lra. }
  pose proof (cauchy_schwarz_le r (fun _ => 1) (fun i => Rabs (a i))) as CS.
  assert (N1 : norm2 r (fun _ => 1) = sqrt (INR r))
    by (unfold norm2, dot; f_equal; rewrite sum_const; ring).
  assert (N2 : norm2 r (fun i => Rabs (a i)) <= 2 * head_norm 2 r W Linf).
  { apply Rle_trans with (norm2 r (sub (W 1%nat) (W 0%nat))).
    - unfold norm2. right. f_equal. unfold dot. apply sum_eq. intros. unfold a, sub.
      rewrite <- Rabs_mult. apply Rabs_pos_eq. exact (Rle_0_sqr _).
    - eapply Rle_trans; [apply norm2_sub_le|].
      pose proof (bigmax_ge 2 (row_norm r W) 0 ltac:(lia)).
      pose proof (bigmax_ge 2 (row_norm r W) 1 ltac:(lia)).
      change (head_norm 2 r W Linf) with (bigmax 2 (row_norm r W)). unfold row_norm in *. lra. }
  rewrite N1 in CS. unfold dot in CS.
  rewrite (sum_eq r _ (fun i => Rabs (a i))) in CS by (intros; ring).
  assert (K : sum r T <= s * (sqrt (INR r) * (2 * head_norm 2 r W Linf))).
  { apply Rle_trans with (sum r (fun i => s * Rabs (a i))); [now apply sum_le|].
    rewrite sum_scal. apply Rmult_le_compat_l; [auto|]. eapply Rle_trans; [exact CS|].
    apply Rmult_le_compat_l; lra. }
  apply (Rmult_le_reg_r (INR r)); [auto|]. unfold Rdiv.
  rewrite Rmult_assoc, Rinv_l, Rmult_1_r by lra. eapply Rle_trans; [exact K|]. right.
  set (q := sqrt (INR r)) in *. rewrite <- RR. field. lra.
Qed.

(** ** The limit of large scale *)

(** [converse-scale] One point, the head (lambda W, lambda b) with two classes: the loss gap over
    lambda differs from (d D - M)_+ - (-M)_+ by at most (log 2) / lambda. Here M is the margin
    logit_y - logit_j, d = ||W_1 - W_2||, and d D the supremum of <W_j - W_y, move>. For M > 0 this
    is d (D - m)_+, for M <= 0 it is d D. Idea: sigma(a) is between a_+ and a_+ + log 2. *)
Theorem converse_scale r (X : Type) (f : X -> vec) (reach : X -> X -> Prop) W b x y lambda dD A
  (j := (1 - y)%nat) (M := logit r W b (f x) y - logit r W b (f x) j) :
  (y < 2)%nat -> 0 < lambda -> reach x x ->
  is_lub (fun t => exists x', reach x x' /\ t = dot r (sub (W j) (W y)) (sub (f x') (f x))) dD ->
  is_lub (losses r (fun i k => lambda * W i k) (fun i => lambda * b i) X f reach
            (cross_entropy 2) x y) A ->
  Rabs ((A - cross_entropy 2 (logit r (fun i k => lambda * W i k) (fun i => lambda * b i) (f x)) y)
        / lambda - (pos (dD - M) - pos (- M))) <= ln 2 / lambda.
Proof.
  intros Hy Hl Hx [HD HD'] [HA HA'].
  assert (LL : forall z i, logit r (fun i k => lambda * W i k) (fun i => lambda * b i) z i
                         = lambda * logit r W b z i).
  { intros z i. unfold logit, dot. rewrite Rmult_plus_distr_l, <- sum_scal. f_equal.
    apply sum_eq. intros; ring. }
  assert (CE : forall x2, cross_entropy 2
      (logit r (fun i k => lambda * W i k) (fun i => lambda * b i) (f x2)) y
      = sigma (lambda * (dot r (sub (W j) (W y)) (sub (f x2) (f x)) - M))).
  { intros x2. rewrite two_classes_sigma by auto. rewrite !LL. f_equal. fold j.
    unfold M. rewrite <- Rmult_minus_distr_l. f_equal.
    rewrite (logit_diff r W b (f x) (f x2) j y). ring. }
  assert (D0 : 0 <= dD).
  { apply HD. exists x. split; [auto|]. rewrite dot_sub_r. ring. }
  assert (C0 : cross_entropy 2
      (logit r (fun i k => lambda * W i k) (fun i => lambda * b i) (f x)) y = sigma (lambda * - M)).
  { rewrite CE. f_equal. rewrite dot_sub_r. ring. }
  rewrite C0. set (s0 := sigma (lambda * - M)).
  assert (up : A <= lambda * pos (dD - M) + ln 2).
  { apply HA'. intros t (x' & Hr & ->). rewrite CE. eapply Rle_trans; [apply sigma_log_2|].
    apply Rplus_le_compat_r. assert (dot r (sub (W j) (W y)) (sub (f x') (f x)) <= dD)
      by (apply HD; now exists x'). unfold pos, Rmax. repeat destruct Rle_dec; nra. }
  assert (low : lambda * pos (dD - M) <= A).
  { assert (A0 : 0 <= A).
    { eapply Rle_trans; [apply (sigma_pos (lambda * - M))|]. rewrite <- C0. apply HA.
      exists x. now split. }
    assert (A1 : dD <= A / lambda + M).
    { apply HD'. intros t (x' & Hr & ->).
      assert (H : sigma (lambda * (dot r (sub (W j) (W y)) (sub (f x') (f x)) - M)) <= A)
        by (rewrite <- CE; apply HA; now exists x').
      pose proof (sigma_above (lambda * (dot r (sub (W j) (W y)) (sub (f x') (f x)) - M))) as G.
      apply (Rmult_le_reg_l lambda); [auto|].
      replace (lambda * (A / lambda + M)) with (A + lambda * M) by (field; lra). lra. }
    apply (Rmult_le_compat_l lambda) in A1; [|lra].
    replace (lambda * (A / lambda + M)) with (A + lambda * M) in A1 by (field; lra).
    unfold pos, Rmax. destruct Rle_dec; [rewrite Rmult_0_r; auto|lra]. }
  assert (s_low : lambda * pos (- M) <= s0).
  { pose proof (sigma_above (lambda * - M)). pose proof (sigma_pos (lambda * - M)). unfold s0, pos.
    unfold Rmax. destruct Rle_dec; [rewrite Rmult_0_r; auto|lra]. }
  assert (s_up : s0 <= lambda * pos (- M) + ln 2).
  { eapply Rle_trans; [apply sigma_log_2|]. apply Rplus_le_compat_r. unfold pos, Rmax.
    repeat destruct Rle_dec; nra. }
  replace ((A - s0) / lambda - (pos (dD - M) - pos (- M)))
    with ((A - s0 - (lambda * pos (dD - M) - lambda * pos (- M))) / lambda) by (field; lra).
  unfold Rdiv. rewrite Rabs_mult, (Rabs_pos_eq (/ lambda)) by (left; now apply Rinv_0_lt_compat).
  apply Rmult_le_compat_r; [left; now apply Rinv_0_lt_compat|]. apply Rabs_le. lra.
Qed.
