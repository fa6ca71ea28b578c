(** * Regression: what symmetry takes away, and Lemma 1 with one output *)

From Book Require Import definitions linear_algebra.

(** The mean of the targets y_1, ..., y_k, and the mean squared error of the constant a. *)
Definition mean (k : nat) (y : vec) : R := sum k y / INR k.
Definition mean_squared_error (k : nat) (y : vec) (a : R) : R :=
  sum k (fun i => (a - y i) * (a - y i)) / INR k.

(** The error of a is that of the mean and (a - mean)^2. *)
Lemma error_split k y a : (0 < k)%nat -> mean_squared_error k y a =
  (a - mean k y) * (a - mean k y) + mean_squared_error k y (mean k y).
Proof.
  intros Hk. assert (N : 0 < INR k) by now apply lt_0_INR. unfold mean_squared_error, mean.
  set (m := sum k y / INR k).
  rewrite (sum_eq k (fun i => (a - y i) * (a - y i))
    (fun i => (a - m) * (a - m) + (2 * (a - m) * (m - y i) + (m - y i) * (m - y i))))
    by (intros; ring).
  rewrite !sum_add, sum_const, sum_scal, sum_sub, sum_const.
  replace (INR k * m) with (sum k y) by (unfold m; field; lra). field. lra.
Qed.

(** [regression-symmetry] Every predictor has one value a on k equal images, and its error is at
    least that of the mean. Idea: [error_split]. *)
Theorem regression_symmetry k y a : (0 < k)%nat ->
  mean_squared_error k y (mean k y) <= mean_squared_error k y a.
Proof.
  intros Hk. rewrite (error_split k y a Hk).
  pose proof (Rle_0_sqr (a - mean k y)) as Q. unfold Rsqr in Q. lra.
Qed.

(** [regression-symmetry] With equality exactly if it predicts the mean. Idea: the square. *)
Theorem regression_symmetry_equality k y a : (0 < k)%nat ->
  mean_squared_error k y a = mean_squared_error k y (mean k y) <-> a = mean k y.
Proof.
  intros Hk. rewrite (error_split k y a Hk). split; intros H; [nra|subst; ring].
Qed.

(** [regression-symmetry] The numbers: a group of targets a, a + 10/39, a + 20/39, a + 30/39 (a
    square) has the variance 125/1521, and a group a, a + 20/39 (an ellipse) 100/1521. *)
Theorem regression_symmetry_numbers a :
  let square := vector [a; a + 10/39; a + 20/39; a + 30/39] in
  let ellipse := vector [a; a + 20/39] in
  mean_squared_error 4 square (mean 4 square) = 125/1521 /\
  mean_squared_error 2 ellipse (mean 2 ellipse) = 100/1521.
Proof. split; unfold mean_squared_error, mean, vector; simpl; field. Qed.

Section Regression.
Variables (r : nat) (w : vec) (b target : R).
Variables (X : Type) (f : X -> vec) (reach : X -> X -> Prop).
(** The residual at x: the predicted value less the target. *)
Definition residual (x : X) : R := dot r w (f x) + b - target.

Lemma residual_moves x x' :
  Rabs (residual x' - residual x) <= norm2 r w * norm2 r (sub (f x') (f x)).
Proof.
  unfold residual. replace (_ - _) with (dot r w (sub (f x') (f x))) by (rewrite dot_sub_r; ring).
  apply cauchy_schwarz.
Qed.

(** [regression-lemma] 1. For the loss |residual|: T <= ||w|| S(x). Idea: the reverse triangle
    inequality at each perturbation. *)
Theorem regression_lemma_1 x S A : is_upper_bound (shifts r X f reach x) S ->
  is_lub (fun t => exists x', reach x x' /\ t = Rabs (residual x')) A ->
  A - Rabs (residual x) <= norm2 r w * S.
Proof.
  intros HS [_ HA]. pose proof (norm2_nonneg r w) as W0.
  assert (A <= Rabs (residual x) + norm2 r w * S); [|lra]. apply HA. intros t (x' & Hr & ->).
  pose proof (residual_moves x x'). pose proof (Rabs_triang_inv (residual x') (residual x)).
  assert (B : norm2 r (sub (f x') (f x)) <= S) by (apply HS; now exists x').
  apply (Rmult_le_compat_l (norm2 r w)) in B; [|auto]. lra.
Qed.

(** [regression-lemma] 2. For the square, where residuals are at most R long at the point and all
    its perturbations: T <= 2 R ||w|| S(x). Idea: p^2 - q^2 = (p + q)(p - q). *)
Theorem regression_lemma_2 x S A R_ : reach x x -> is_upper_bound (shifts r X f reach x) S ->
  (forall x', reach x x' -> Rabs (residual x') <= R_) ->
  is_lub (fun t => exists x', reach x x' /\ t = residual x' * residual x') A ->
  A - residual x * residual x <= 2 * R_ * norm2 r w * S.
Proof.
  intros Hx HS HR [_ HA]. pose proof (norm2_nonneg r w) as W0.
  assert (A <= residual x * residual x + 2 * R_ * norm2 r w * S); [|lra].
  apply HA. intros t (x' & Hr & ->). pose proof (residual_moves x x') as M.
  assert (B : norm2 r (sub (f x') (f x)) <= S) by (apply HS; now exists x').
  apply (Rmult_le_compat_l (norm2 r w)) in B; [|auto].
  pose proof (HR x Hx) as R1. pose proof (HR x' Hr) as R2.
  assert (Q : forall t, t * t = Rabs t * Rabs t)
    by (intros; rewrite <- Rabs_mult; symmetry; apply Rabs_pos_eq; nra).
  rewrite (Q (residual x')), (Q (residual x)).
  pose proof (Rabs_pos (residual x)). pose proof (Rabs_pos (residual x')).
  pose proof (Rabs_triang_inv (residual x') (residual x)).
  set (p := Rabs (residual x')) in *. set (q := Rabs (residual x)) in *.
  assert (0 <= norm2 r w * S).
  { eapply Rle_trans; [|exact B]. apply Rmult_le_pos; [auto|apply norm2_nonneg]. }
  assert (p - q <= norm2 r w * S) by lra. nra.
Qed.
End Regression.

(** [regression-lemma] 3. Without such an R no constant does: one feature, w = 1, the clean
    residual u > C / 2, and an adversary who can move the feature by s > 0. *)
Theorem regression_lemma_3 C s : 0 < s -> exists u, C * s < (u + s) * (u + s) - u * u.
Proof. intros Hs. exists (Rmax (C / 2) 0). pose proof (Rmax_l (C / 2) 0). nra. Qed.
