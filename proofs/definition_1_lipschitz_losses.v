(** * Losses that do not jump: Definition 1 and the losses of Section 3.1 *)

From Coq Require Import FunctionalExtensionality.
From Book Require Import definitions linear_algebra.

(** ** Read the constant off the gradient *)

(** [lipschitz-by-gradient] (1) One bounded subgradient at each point is enough, on any domain.
    Idea: Hoelder, in both directions. *)
Theorem lipschitz_by_gradient_1 (dom : nat -> vec -> Prop) a n C loss :
  (forall u y, dom y u ->
    exists g, subgradient dom n loss y u g /\ dual_norm a n g <= C) ->
  lipschitz_on dom a n C loss.
Proof.
  intros H. assert (K : forall u v y, dom y u -> dom y v
    -> loss u y - loss v y <= C * norm a n (sub u v)).
  { intros u v y Hu Hv. destruct (H u y Hu) as (g & Hg & HC). specialize (Hg v Hv).
    pose proof (hoelder a n g (sub u v)) as B. pose proof (norm_nonneg a n (sub u v)).
    assert (dot n g (sub v u) = - dot n g (sub u v)) by (rewrite !dot_sub_r; ring).
    assert (dual_norm a n g * norm a n (sub u v)
      <= C * norm a n (sub u v)) by (apply Rmult_le_compat_r; auto). lra. }
  intros u v y Hu Hv. pose proof (K u v y Hu Hv). pose proof (K v u y Hv Hu) as B.
    rewrite norm_sub_sym in B. apply Rabs_le. lra.
Qed.

(** "No smaller constant": at a point from which every direction stays in the domain for a while,
  each subgradient is bounded by C. *)
Definition sign (x : R) : R := if Rlt_dec x 0 then -1 else 1.
Lemma sign_mult x : x * sign x = Rabs x.
Proof. unfold sign, Rabs. destruct Rlt_dec, Rcase_abs; lra. Qed.
Lemma sign_abs x : Rabs (sign x) = 1.
Proof. unfold sign, Rabs. destruct Rlt_dec, Rcase_abs; lra. Qed.

(** [lipschitz-by-gradient] (2) At a point from which every direction stays in the domain for a
    while, each subgradient is bounded by C_1. Idea: step in the direction that attains the
    dual norm. *)
Theorem lipschitz_by_gradient_2 (dom : nat -> vec -> Prop) a n C loss y u g :
  lipschitz_on dom a n C loss -> 0 <= C -> dom y u ->
  (forall d, exists t, 0 < t /\ dom y (fun i => u i + t * d i)) -> subgradient dom n loss y u g ->
  dual_norm a n g <= C.
Proof.
  intros HL HC Hu Hopen Hg.
  assert (K : forall d, dot n g d <= C * norm a n d).
  { intros d. destruct (Hopen d) as (t & Ht & Hd). specialize (Hg _ Hd).
    pose proof (HL _ u y Hd Hu) as B.
    rewrite (norm_ext a n _ (fun i => t * d i)) in B by (intros; unfold sub; ring).
    assert (N : norm a n (fun i => t * d i) = t * norm a n d).
    { destruct a; simpl.
      - unfold norm1. rewrite <- sum_scal. apply sum_eq. intros.
        rewrite Rabs_mult, Rabs_pos_eq by lra. ring.
      - rewrite norm2_scal, Rabs_pos_eq by lra. ring.
      - unfold norminf. clear - Ht. induction n as [|m IH]; simpl; [ring|].
        rewrite IH, Rabs_mult, (Rabs_pos_eq t) by lra.
        apply RmaxRmult. lra. }
    assert (D : dot n g (sub (fun i => u i + t * d i) u) = t * dot n g d) by (unfold dot;
      rewrite <- sum_scal; apply sum_eq; intros; unfold sub; ring).
    rewrite N in B. rewrite D in Hg.
      pose proof (Rle_abs (loss (fun i => u i + t * d i) y - loss u y)).
    apply (Rmult_le_reg_l t); [auto|]. lra. }
  destruct a; simpl.
  - apply bigmax_le; [auto|]. intros i Hi. specialize (K (fun k => unit i k * sign (g i))).
    assert (E1 : dot n g (fun k => unit i k * sign (g i)) = Rabs (g i)).
    { unfold dot. rewrite (sum_eq n _ (fun k => unit i k * (g k * sign (g i)))) by (intros; ring).
      rewrite sum_unit by auto. apply sign_mult. }
    assert (E2 : norm1 n (fun k => unit i k * sign (g i)) = 1).
    { unfold norm1. rewrite (sum_eq n _ (fun k => unit i k * (fun _ => 1) k));
      [now rewrite sum_unit|].
      intros k _. rewrite Rabs_mult, sign_abs. unfold unit.
        destruct Nat.eq_dec; [rewrite Rabs_R1|rewrite Rabs_R0]; ring. }
    simpl in K. rewrite E1, E2 in K. lra.
  - specialize (K g). rewrite <- norm2_sqr in K. simpl in K. pose proof (norm2_nonneg n g).
    destruct (Rle_dec (norm2 n g) C); [auto|nra].
  - specialize (K (fun k => sign (g k))).
    replace (dot n g (fun k => sign (g k))) with (norm1 n g) in K by (apply sum_eq; intros;
    symmetry; apply sign_mult).
    assert (norminf n (fun k => sign (g k)) <= 1) by (apply bigmax_le; [lra|]; intros;
      rewrite sign_abs; lra). simpl in K. nra.
Qed.

(** [lipschitz-by-gradient] Counterexample to (2) without interior points: on a domain of one
    point every vector is a subgradient. *)
Theorem boundary_subgradients (loss : vec -> nat -> R) (p g : vec) n :
  subgradient (fun _ u => u = p) n loss 0 p g.
Proof.
  intros v ->. assert (dot n g (sub p p) = 0) as ->; [|lra].
  unfold dot. rewrite (sum_eq _ _ (fun _ => 0)), sum_zero; [reflexivity|]. intros. unfold sub. ring.
Qed.

(** [definition_1_lipschitz_losses] Counterexample without C_1 >= 0: on a domain of one point
    every loss is (-1)-Lipschitz. *)
Theorem negative_constant n a (p : vec) loss : lipschitz_on (fun _ u => u = p) a n (-1) loss.
Proof.
  intros u v y -> ->. rewrite Rminus_diag_eq, Rabs_R0 by reflexivity.
    rewrite (norm_ext a n _ (fun _ => 0)) by (intros; unfold sub; ring).
  assert (norm a n (fun _ => 0) = 0) as ->; [|lra].
  destruct a; simpl.
  - unfold norm1. rewrite (sum_eq _ _ (fun _ => 0)) by (intros; apply Rabs_R0). apply sum_zero.
  - now apply norm2_zero.
  - unfold norminf. apply Rle_antisym; [|apply bigmax_nonneg]. apply bigmax_le; [lra|]. intros.
    rewrite Rabs_R0. lra.
Qed.

Lemma ln_mono x y : 0 < x -> x <= y -> ln x <= ln y.
Proof. intros H [L| ->]; [left; now apply ln_increasing|lra]. Qed.
(** ** A gradient in the place of a subgradient *)

(** [lipschitz-by-gradient] (1) On a convex domain gradients of dual norm at most C_1 are
    enough. [g v] is the gradient at v: it gives the derivative along the segment between two
    points. Idea: the mean value theorem on the segment. *)
Theorem lipschitz_by_gradient_1_smooth (dom : nat -> vec -> Prop) a n C loss (g : nat -> vec -> vec)
  :
  (forall u v y t, dom y u -> dom y v -> 0 <= t <= 1 -> dom y (fun i => v i + t * (u i - v i))) ->
  (forall u v y t, dom y u -> dom y v -> 0 <= t <= 1 ->
    derivable_pt_lim (fun s => loss (fun i => v i + s * (u i - v i)) y) t
    (dot n (g y (fun i => v i + t * (u i - v i))) (sub u v))) ->
  (forall y u, dom y u -> dual_norm a n (g y u) <= C) -> lipschitz_on dom a n C loss.
Proof.
  intros Hconvex Hg HC.
  assert (K : forall u v y, dom y u -> dom y v ->
    loss u y - loss v y <= C * norm a n (sub u v)).
  { intros u v y Hu Hv.
    destruct (MVT_cor2 (fun s => loss (fun i => v i + s * (u i - v i)) y)
      (fun t => dot n (g y (fun i => v i + t * (u i - v i))) (sub u v)) 0 1) as (t & Et & Ht);
      [lra|intros t Ht; apply Hg; auto|].
    replace (fun i => v i + 1 * (u i - v i)) with u in Et
      by (apply functional_extensionality; intros; ring).
    replace (fun i => v i + 0 * (u i - v i)) with v in Et
      by (apply functional_extensionality; intros; ring).
    rewrite Et. set (w := fun i => v i + t * (u i - v i)).
    pose proof (hoelder a n (g y w) (sub u v)). pose proof (norm_nonneg a n (sub u v)).
    assert (dual_norm a n (g y w) <= C) by (apply HC, Hconvex; auto; lra). nra. }
  intros u v y Hu Hv. pose proof (K u v y Hu Hv). pose proof (K v u y Hv Hu) as B.
  rewrite norm_sub_sym in B. apply Rabs_le. lra.
Qed.

(** ** Losses of one score or one value: the three norms agree *)

Lemma one_score a n C (loss : vec -> nat -> R) (phi : nat -> R -> R) : (0 < n)%nat -> 0 <= C ->
  (forall u y, loss u y = phi y (u O)) -> (forall y s t,
  Rabs (phi y s - phi y t) <= C * Rabs (s - t)) -> lipschitz a n C loss.
Proof.
  intros Hn HC E H u v y _ _. rewrite !E. eapply Rle_trans; [apply H|].
  apply Rmult_le_compat_l; [auto|]. now apply (entry_le_norm a n (sub u v) 0).
Qed.

(** [definition_1_lipschitz_losses] The hinge loss of one score. Idea: the cases of its
    maximum. *)
Theorem hinge_lipschitz (sign : nat -> R) a n :
  (0 < n)%nat -> (forall y, sign y = 1 \/ sign y = -1) ->
  lipschitz a n (C_one_score a) (hinge sign).
Proof.
  intros Hn Hs. replace (C_one_score a) with 1 by now destruct a.
  apply (one_score a n 1 _ (fun y s => Rmax 0 (1 - sign y * s))); auto; [lra|]. intros y s t.
  destruct (Hs y) as [-> | ->]; unfold Rmax, Rabs; repeat destruct Rle_dec;
    repeat destruct Rcase_abs; lra.
Qed.

(** [definition_1_lipschitz_losses] The logistic loss. Idea: e^p <= e^q e^|p - q|. *)
Theorem logistic_lipschitz (sign : nat -> R) a n :
  (0 < n)%nat -> (forall y, sign y = 1 \/ sign y = -1) ->
  lipschitz a n (C_one_score a) (logistic sign).
Proof.
  intros Hn Hs. replace (C_one_score a) with 1 by now destruct a.
  apply (one_score a n 1 _ (fun y s => ln (1 + exp (- (sign y * s))))); auto; [lra|].
  intros y s t. rewrite Rmult_1_l.
  assert (H : forall p q, ln (1 + exp p) <= ln (1 + exp q) + Rabs (p - q)).
  { intros p q. pose proof (exp_pos p). pose proof (exp_pos q).
    rewrite <- (ln_exp (Rabs (p - q))), <- ln_mult by (auto using exp_pos; lra).
    apply ln_mono; [lra|].
    assert (1 <= exp (Rabs (p - q)))
      by (pose proof (exp_ineq1_le (Rabs (p - q))); pose proof (Rabs_pos (p - q)); lra).
    assert (exp p <= exp q * exp (Rabs (p - q))); [|nra].
    rewrite <- exp_plus. pose proof (Rle_abs (p - q)).
    destruct (Req_dec p (q + Rabs (p - q))) as [Eq|N];
      [rewrite <- Eq; lra|left; apply exp_increasing; lra]. }
  pose proof (H (- (sign y * s)) (- (sign y * t))) as A.
  pose proof (H (- (sign y * t)) (- (sign y * s))) as B.
  assert (Eq : Rabs (- (sign y * s) - - (sign y * t)) = Rabs (s - t))
    by (destruct (Hs y) as [-> | ->]; unfold Rabs; repeat destruct Rcase_abs; lra).
  rewrite Rabs_minus_sym in B. rewrite Eq in A, B. apply Rabs_le. lra.
Qed.

(** [definition_1_lipschitz_losses] The quantile loss. Idea: the cases of its maximum. *)
Theorem quantile_lipschitz (target : nat -> R) tau a n :
  (0 < n)%nat -> 0 <= tau <= 1 -> lipschitz a n (C_quantile tau a) (quantile tau target).
Proof.
  intros Hn Ht. replace (C_quantile tau a) with (Rmax tau (1 - tau)) by now destruct a.
  apply (one_score a n _ _
    (fun y s => Rmax (- tau * (s - target y)) ((1 - tau) * (s - target y)))); auto.
  - pose proof (Rmax_l tau (1 - tau)). lra.
  - intros y s t. pose proof (Rmax_l tau (1 - tau)). pose proof (Rmax_r tau (1 - tau)).
    set (C := Rmax tau (1 - tau)) in *.
    unfold Rmax, Rabs. repeat destruct Rle_dec; repeat destruct Rcase_abs; nra.
Qed.

(** [definition_1_lipschitz_losses] Huber's loss. Idea: its tangents have slopes up to kappa. *)
Theorem huber_lipschitz (target : nat -> R) kappa a n :
  (0 < n)%nat -> 0 <= kappa -> lipschitz a n (C_huber kappa a) (huber kappa target).
Proof.
  intros Hn Hk. replace (C_huber kappa a) with kappa by now destruct a.
  set (h := fun xi : R => if Rle_dec (Rabs xi) kappa then xi * xi / 2
                          else kappa * Rabs xi - kappa * kappa / 2).
  apply (one_score a n kappa _ (fun y s => h (s - target y))); auto. intros y s t.
  assert (H : forall p q, h p - h q <= kappa * Rabs (p - q)).
  { clear - Hk. intros p q.
    assert (G : exists g, - kappa <= g <= kappa /\ h p - h q <= g * (p - q)).
    { exists (if Rle_dec (Rabs p) kappa then p else if Rle_dec 0 p then kappa else - kappa).
      pose proof (Rle_0_sqr (p - q)) as Q. unfold Rsqr in Q. unfold h, Rabs.
      repeat destruct Rcase_abs; repeat destruct Rle_dec; try lra; split; try lra; nra. }
    destruct G as (g & Hg & G). eapply Rle_trans; [exact G|].
    unfold Rabs. destruct Rcase_abs; nra. }
  pose proof (H (s - target y) (t - target y)) as A.
  pose proof (H (t - target y) (s - target y)) as B.
  replace (s - target y - (t - target y)) with (s - t) in A by ring.
  replace (t - target y - (s - target y)) with (- (s - t)) in B by ring.
  rewrite Rabs_Ropp in B. apply Rabs_le. lra.
Qed.

(** ** Losses of n values *)

(** [definition_1_lipschitz_losses] The norm without the square. Idea: the reverse triangle
    inequality, and how large ||.||_2 is in the norm alpha. *)
Theorem norm_lipschitz n (target : nat -> vec) a : lipschitz a n (C_norm n a) (norm_loss n target).
Proof.
  intros u v y _ _. unfold norm_loss. eapply Rle_trans; [|apply norm2_le_norm].
  pose proof (norm2_triangle n (sub u v) (sub v (target y))) as A.
  pose proof (norm2_triangle n (sub v u) (sub u (target y))) as B.
  rewrite (norm2_ext n _ (sub u (target y))) in A by (intros; unfold sub; ring).
  rewrite (norm2_ext n _ (sub v (target y))) in B by (intros; unfold sub; ring).
  rewrite (norm2_sub_sym n v u) in B. apply Rabs_le. lra.
Qed.

(** [definition_1_lipschitz_losses] The squared norm, where residuals are at most [bound] long:
    one domain for each label. Idea: p^2 - q^2 = (p + q)(p - q). *)
Theorem squared_lipschitz n (target : nat -> vec) bound a :
  lipschitz_on (fun y u => norm2 n (sub u (target y)) <= bound) a n (C_squared bound n a)
  (squared_loss n target).
Proof.
  intros u v y Hu Hv. pose proof (norm_lipschitz n target a u v y I I) as H.
  unfold norm_loss in H. unfold squared_loss.
  pose proof (norm2_nonneg n (sub u (target y))). pose proof (norm2_nonneg n (sub v (target y))).
  set (p := norm2 n (sub u (target y))) in *. set (q := norm2 n (sub v (target y))) in *.
  replace (p * p - q * q) with ((p + q) * (p - q)) by ring.
  rewrite Rabs_mult, (Rabs_pos_eq (p + q)) by lra.
  assert (Ec : C_squared bound n a = 2 * bound * C_norm n a) by (destruct a; simpl; ring).
  rewrite Ec. pose proof (Rabs_pos (p - q)).
  apply Rle_trans with (2 * bound * Rabs (p - q)); [nra|].
  rewrite (Rmult_assoc (2 * bound)). apply Rmult_le_compat_l; [lra|exact H].
Qed.

(** [definition_1_lipschitz_losses] Counterexample without bounded residuals: everywhere the
    squared norm has no constant, already with one output. *)
Theorem squared_loss_no_constant C : ~ lipschitz L2 1 C (squared_loss 1 (fun _ _ => 0)).
Proof.
  intros H. specialize (H (fun _ => Rabs C + 1) (fun _ => 0) 0%nat I I).
  unfold squared_loss in H. simpl in H. pose proof (Rabs_pos C). pose proof (Rle_abs C).
  assert (E1 : forall x, 0 <= x -> norm2 1 (fun _ => x) = x)
    by (intros; unfold norm2, dot; simpl; rewrite Rplus_0_l; now apply sqrt_square).
  rewrite !(norm2_ext 1 (sub (fun _ => Rabs C + 1) (fun _ => 0)) (fun _ => Rabs C + 1)) in H
    by (intros; unfold sub; ring).
  rewrite !(norm2_ext 1 (sub (fun _ => 0) (fun _ => 0)) (fun _ => 0)) in H
    by (intros; unfold sub; ring).
  rewrite !E1 in H by lra. rewrite Rabs_pos_eq in H by nra. nra.
Qed.

(** ** Losses of c logits other than the cross-entropy *)

Lemma sum_two n a i j : (forall k, (k < n)%nat -> 0 <= a k) -> (i < n)%nat -> (j < n)%nat ->
  i <> j -> a i + a j <= sum n a.
Proof.
  intros H Hi Hj Hne. rewrite <- (sum_unit n i a Hi), <- (sum_unit n j a Hj), <- sum_add.
    apply sum_le. intros k Hk. specialize (H k Hk).
  unfold unit. destruct (Nat.eq_dec k i), (Nat.eq_dec k j); try lra. congruence.
Qed.

Lemma two_entries a n d i j : (i < n)%nat -> (j < n)%nat -> i <> j ->
  Rabs (d i) + Rabs (d j) <= C_cross_entropy a * norm a n d.
Proof.
  intros Hi Hj Hne. pose proof (Rabs_pos (d i)). pose proof (Rabs_pos (d j)). destruct a; simpl.
  - rewrite Rmult_1_l. apply (sum_two n (fun k => Rabs (d k))); auto. intros. apply Rabs_pos.
  - pose proof (sum_two n (fun k => d k * d k) i j ltac:(intros; nra) Hi Hj Hne) as B.
    pose proof (norm2_nonneg n d). pose proof (sqrt_pos 2).
    apply sqr_le; [nra|]. replace (sqrt 2 * norm2 n d * (sqrt 2 * norm2 n d)) with
      (sqrt 2 * sqrt 2 * (norm2 n d * norm2 n d)) by ring.
    rewrite sqrt_sqrt, norm2_sqr by lra. unfold dot.
    assert (forall x, Rabs x * Rabs x = x * x) as Q by (intros; rewrite <- Rabs_mult;
      apply Rabs_pos_eq; nra).
    pose proof (Q (d i)). pose proof (Q (d j)).
      pose proof (Rle_0_sqr (Rabs (d i) - Rabs (d j))) as P. unfold Rsqr in P. simpl in B. nra.
  - pose proof (bigmax_ge n (fun k => Rabs (d k)) i Hi).
    pose proof (bigmax_ge n (fun k => Rabs (d k)) j Hj). unfold norminf. simpl in *. lra.
Qed.

(** [definition_1_lipschitz_losses] Crammer-Singer has the constants of the cross-entropy.
    Idea: only two entries count at a time. *)
Theorem crammer_singer_lipschitz a n :
  lipschitz_on (classes n) a n (C_cross_entropy a) (crammer_singer n).
Proof.
  intros u v y Hy _. unfold classes in Hy.
  assert (K : forall p q, crammer_singer n p y
    <= crammer_singer n q y + C_cross_entropy a * norm a n (sub p q)).
  { intros p q. pose proof (norm_nonneg a n (sub p q)).
    assert (0 <= C_cross_entropy a) by (destruct a; simpl; try lra; apply sqrt_pos).
    assert (0 <= C_cross_entropy a * norm a n (sub p q)) by nra.
      pose proof (bigmax_nonneg n (fun j => if Nat.eq_dec j y then 0 else 1 + q j - q y)).
    apply bigmax_le; [unfold crammer_singer; lra|]. intros j Hj.
      destruct (Nat.eq_dec j y) as [E|N]; [unfold crammer_singer; lra|].
    pose proof (two_entries a n (sub p q) j y Hj Hy N) as B. unfold sub at 1 2 in B.
    pose proof (bigmax_ge n (fun j => if Nat.eq_dec j y then 0 else 1 + q j - q y) j Hj) as G.
      simpl in G. destruct (Nat.eq_dec j y); [contradiction|].
    unfold crammer_singer. pose proof (Rle_abs (p j - q j)). pose proof (Rle_abs (- (p y - q y))).
      rewrite Rabs_Ropp in *. lra. }
  pose proof (K u v). pose proof (K v u) as B. rewrite norm_sub_sym in B. apply Rabs_le. lra.
Qed.

(** The terms of Weston-Watkins change by at most |d_j| + |d_y|, for j other than y. *)
Lemma weston_watkins_step n p q y : weston_watkins n p y - weston_watkins n q y <= sum n (fun j
  => if Nat.eq_dec j y then 0 else Rabs (sub p q j) + Rabs (sub p q y)).
Proof.
  unfold weston_watkins. rewrite <- sum_sub. apply sum_le. intros j _.
  destruct (Nat.eq_dec j y); [lra|]. unfold sub, Rmax, Rabs.
  repeat destruct Rle_dec; repeat destruct Rcase_abs; lra.
Qed.

Lemma sum_but_one n y (a : vec) : (y < n)%nat ->
  sum n (fun j => if Nat.eq_dec j y then 0 else a j) = sum n a - a y.
Proof.
  intros Hy. rewrite <- (sum_unit n y a Hy), <- sum_sub. apply sum_eq. intros j _.
  unfold unit. destruct (Nat.eq_dec j y); ring.
Qed.

(** [definition_1_lipschitz_losses] Weston-Watkins, with c classes. Idea: the sum of |d_j| +
    |d_y| over j other than y is sum_j |d_j| + (c - 2) |d_y|, and Cauchy-Schwarz for l_2. *)
Theorem weston_watkins_lipschitz a c :
  (1 < c)%nat -> lipschitz_on (classes c) a c (C_weston_watkins c a) (weston_watkins c).
Proof.
  intros Hc. assert (H2 : 2 <= INR c) by (apply (le_INR 2); lia).
  assert (K : forall p q y, (y < c)%nat ->
    weston_watkins c p y - weston_watkins c q y <= C_weston_watkins c a * norm a c (sub p q)).
  { intros p q y Hy. eapply Rle_trans; [apply weston_watkins_step|].
    rewrite (sum_but_one c y (fun j => Rabs (sub p q j) + Rabs (sub p q y))) by auto.
    set (d := sub p q). rewrite sum_add, sum_const.
    replace (sum c (fun i => Rabs (d i)) + INR c * Rabs (d y) - (Rabs (d y) + Rabs (d y)))
      with (norm1 c d + (INR c - 2) * Rabs (d y)) by (unfold norm1; ring).
    pose proof (Rabs_pos (d y)).
    destruct a; simpl.
    - pose proof (entry_le_norm L1 c d y Hy) as B. simpl in B. nra.
    - (* the inner product of |d| with the vector of c - 1 at y and 1 elsewhere *)
      set (w := fun j : nat => if Nat.eq_dec j y then INR c - 1 else 1).
      assert (Ew : norm1 c d + (INR c - 2) * Rabs (d y) = dot c w (fun j => Rabs (d j))).
      { unfold norm1, dot, w. rewrite <- (sum_unit c y (fun j => (INR c - 2) * Rabs (d j)) Hy).
        rewrite <- sum_add. apply sum_eq. intros j _. unfold unit.
        destruct (Nat.eq_dec j y); ring. }
      rewrite Ew. eapply Rle_trans; [apply cauchy_schwarz_le|].
      assert (Nd : norm2 c (fun j => Rabs (d j)) = norm2 c d).
      { unfold norm2, dot. f_equal. apply sum_eq. intros j _. rewrite <- Rabs_mult.
        apply Rabs_pos_eq. nra. }
      rewrite Nd. apply Rmult_le_compat_r; [apply norm2_nonneg|]. unfold norm2. right. f_equal.
      unfold dot, w.
      rewrite (sum_eq c _ (fun j => 1 + unit y j * (INR c * (INR c - 2)))).
      + rewrite sum_add, sum_const, (sum_unit c y (fun _ => INR c * (INR c - 2))) by auto. ring.
      + intros j _. unfold unit. destruct (Nat.eq_dec j y); ring.
    - pose proof (entry_le_norm Linf c d y Hy) as B. simpl in B.
      assert (norm1 c d <= INR c * norminf c d); [|nra].
      unfold norm1. rewrite <- sum_const. apply sum_le. intros j Hj.
      now apply (bigmax_ge c (fun k => Rabs (d k))). }
  intros u v y Hy _. pose proof (K u v y Hy). pose proof (K v u y Hy) as B.
  rewrite norm_sub_sym in B. apply Rabs_le. lra.
Qed.

(** [definition_1_lipschitz_losses] No smaller constant will do for Weston-Watkins: from logits
    at which all terms are active, step against the label. *)
Theorem weston_watkins_best a c C :
  (1 < c)%nat -> lipschitz_on (classes c) a c C (weston_watkins c) -> C_weston_watkins c a <= C.
Proof.
  intros Hc H. assert (H2 : 2 <= INR c) by (apply (le_INR 2); lia).
  (* the step -x at the label 0 and +z at all others, with x, z >= 0 *)
  assert (G : forall x z, 0 <= x -> 0 <= z -> (INR c - 1) * (x + z) <=
    C * norm a c (fun j => match j with O => - x | _ => z end)).
  { intros x z Hx Hz.
    specialize (H (fun j => match j with O => - x | _ => z end) (fun _ => 0) 0%nat
      ltac:(unfold classes; lia) ltac:(unfold classes; lia)).
    rewrite (norm_ext a c _ (fun j => match j with O => - x | _ => z end)) in H
      by (intros [|j] _; unfold sub; ring).
    eapply Rle_trans; [|exact H]. eapply Rle_trans; [|apply Rle_abs]. unfold weston_watkins.
    rewrite <- sum_sub.
    rewrite (sum_eq c _ (fun j => if Nat.eq_dec j 0 then 0 else x + z)).
    - rewrite (sum_but_one c 0 (fun _ => x + z)) by lia. rewrite sum_const. lra.
    - intros [|j] _; [simpl; ring|]. destruct (Nat.eq_dec (S j) 0); [lia|].
      rewrite !Rmax_right by lra. ring. }
  destruct a; simpl.
  - (* only the label moves *)
    specialize (G 1 0 ltac:(lra) ltac:(lra)). simpl in G.
    assert (N : norm1 c (fun j => match j with O => - (1) | _ => 0 end) = 1).
    { unfold norm1. rewrite (sum_eq c _ (fun j => unit 0 j * (fun _ => 1) j)).
      - rewrite sum_unit by lia. reflexivity.
      - intros [|j] _; unfold unit; simpl; [rewrite Rabs_Ropp, Rabs_R1; ring|].
        rewrite Rabs_R0. ring. }
    rewrite N in G. lra.
  - (* along (-(c - 1), 1, ..., 1) *)
    specialize (G (INR c - 1) 1 ltac:(lra) ltac:(lra)). simpl in G.
    assert (N : norm2 c (fun j => match j with O => - (INR c - 1) | _ => 1 end)
                = sqrt (INR c * (INR c - 1))).
    { unfold norm2, dot. f_equal.
      rewrite (sum_eq c _ (fun j => 1 + unit 0 j * (INR c * (INR c - 2)))).
      + rewrite sum_add, sum_const, (sum_unit c 0 (fun _ => INR c * (INR c - 2))) by lia. ring.
      + intros [|j] _; unfold unit; simpl; ring. }
    rewrite N in G. set (s := sqrt (INR c * (INR c - 1))) in *.
    assert (Q : s * s = INR c * (INR c - 1)) by (apply sqrt_sqrt; nra).
    assert (0 < s) by (apply sqrt_lt_R0; nra).
    apply (Rmult_le_reg_r s); [auto|]. lra.
  - specialize (G 1 1 ltac:(lra) ltac:(lra)). simpl in G.
    assert (N : norminf c (fun j => match j with O => - (1) | _ => 1 end) <= 1).
    { apply bigmax_le; [lra|]. intros [|j] _; [rewrite Rabs_Ropp|]; rewrite Rabs_R1; lra. }
    assert (P : 0 <= norminf c (fun j => match j with O => - (1) | _ => 1 end))
      by apply bigmax_nonneg.
    destruct (Rle_dec 0 C); nra.
Qed.

(** [definition_1_lipschitz_losses] Counterexample to one domain for all labels: with the
    targets 0 and 3/2 of one value, the squared norm is 2-Lipschitz on the two domains [|u - y|
    <= 1], and not on their union, where the residual 5/2 occurs. *)
Theorem one_domain_fails :
  let target := fun y i => match y with O => 0 | _ => 3/2 end in
  lipschitz_on (fun y u => norm2 1 (sub u (target y)) <= 1) L2 1 2 (squared_loss 1 target) /\
  ~ lipschitz_on
  (fun _ u => norm2 1 (sub u (target 0%nat)) <= 1 \/ norm2 1 (sub u (target 1%nat)) <= 1) L2 1 2
  (squared_loss 1 target).
Proof.
  intros target. split.
  - replace 2 with (C_squared 1 1 L2) by (simpl; ring). apply squared_lipschitz.
  - assert (E1 : forall x, norm2 1 (fun _ => x) = Rabs x)
      by (intros; unfold norm2, dot; simpl; rewrite Rplus_0_l; apply (sqrt_Rsqr_abs x)).
    assert (E2 : forall x y, norm2 1 (sub (fun _ => x) (target y)) =
      Rabs (x - match y with O => 0 | _ => 3/2 end)) by (intros x [|y]; apply E1).
    intros H. specialize (H (fun _ => 5/2) (fun _ => 2) 0%nat).
    unfold squared_loss in H. rewrite !E2 in H. simpl in H.
    rewrite (norm2_ext 1 (sub (fun _ => 5/2) (fun _ => 2)) (fun _ => 1/2)) in H
      by (intros; unfold sub; field).
    rewrite E1 in H. unfold Rabs in H. repeat destruct Rcase_abs in H; try lra.
    all: assert (5/2 <= 1 \/ 1 <= 1) by (right; lra).
    all: lra.
Qed.
