(** * Hoeffding's lemma, and expectations over samples: what Theorem 1 needs of probability *)

From Book Require Import definitions linear_algebra definition_1_lipschitz_losses.

(** ** Hoeffding's lemma *)

Lemma exp_chord t a : 0 <= t <= 1 -> exp (t * a) <= 1 - t + t * exp a.
Proof.
  intros Ht. pose proof (exp_pos (t * a)).
  assert (A : exp (t * a) * (1 - t * a) <= 1).
  { apply Rle_trans with (exp (t * a) * exp (- (t * a))); [|rewrite <- exp_plus, Rplus_opp_r, exp_0;
    lra].
    apply Rmult_le_compat_l; [lra|]. pose proof (exp_ineq1_le (- (t * a))). lra. }
  assert (B : exp (t * a) * (1 + a - t * a) <= exp a).
  { replace (exp a) with (exp (t * a) * exp (a - t * a)) by (rewrite <- exp_plus; f_equal; ring).
    apply Rmult_le_compat_l; [lra|].
    pose proof (exp_ineq1_le (a - t * a)). lra. }
  nra.
Qed.

Lemma increasing_from_0 g g' h : (forall x, derivable_pt_lim g x (g' x)) -> (forall x, 0 <= x ->
  0 <= g' x) -> 0 <= h -> g 0 <= g h.
Proof.
  intros D P [H| <-]; [|lra]. destruct (MVT_cor2 g g' 0 h H) as (x & E & Hx); [auto|].
    specialize (P x). nra.
Qed.

(** p + (1 - p) e^h <= exp (h^2/8 +
  (1 - p) h): the second derivative of the logarithm is at most 1/4. *)
Lemma hoeffding_core p h : 0 <= p <= 1 -> 0 <= h ->
  p + (1 - p) * exp h <= exp (h * h / 8 + (1 - p) * h).
Proof.
  intros Hp Hh. set (q := 1 - p). set (D x := p + q * exp x).
  assert (Dpos : forall x, 0 < D x). { intros x. unfold D. pose proof (exp_pos x).
    destruct (Req_dec p 0); unfold q in *; nra. }
  assert (dD : forall x, derivable_pt_lim D x (q * exp x)).
  { intros x. replace (q * exp x) with (0 + q * exp x) by ring.
    apply (derivable_pt_lim_plus (fun _ => p) (fun x => q * exp x));
      [apply derivable_pt_lim_const|]. apply derivable_pt_lim_scal, derivable_pt_lim_exp. }
  set (g1 x := x / 4 + q - q * exp x / D x).
  assert (P1 : forall x, 0 <= x -> 0 <= g1 x).
  { intros x Hx. replace 0 with (g1 0) by (unfold g1, D; rewrite exp_0; unfold q; field; lra).
    apply (increasing_from_0 g1 (fun x => 1 / 4 - p * (q * exp x) / (D x * D x))); auto.
    - intros t. unfold g1.
      replace (1 / 4 - p * (q * exp t) / (D t * D t)) with (1 / 4 + 0 -
        (q * exp t * D t - q * exp t * (q * exp t)) / Rsqr (D t))
        by (unfold Rsqr; specialize (Dpos t); unfold D in *; field; lra).
      apply (derivable_pt_lim_minus (fun x => x / 4 + q) (fun x => q * exp x / D x)).
      + apply (derivable_pt_lim_plus (fun x => x / 4) (fun _ => q));
        [|apply derivable_pt_lim_const].
        apply (derivable_pt_lim_ext (fun x => / 4 * id x)); [intros; unfold id; field|].
          replace (1 / 4) with (/ 4 * 1) by field. apply derivable_pt_lim_scal, derivable_pt_lim_id.
      + apply (derivable_pt_lim_div (fun x => q * exp x) D);
        [apply derivable_pt_lim_scal, derivable_pt_lim_exp|apply dD|]. specialize (Dpos t). lra.
    - intros t _. specialize (Dpos t). assert (0 < D t * D t) by nra.
      apply (Rmult_le_reg_r (D t * D t)); [auto|]. rewrite Rmult_0_l.
      replace ((1 / 4 - p * (q * exp t) / (D t * D t)) * (D t * D t)) with (D t * D t / 4 - p *
        (q * exp t)) by (field; lra).
      unfold D. pose proof (Rle_0_sqr (p - q * exp t)) as Q. unfold Rsqr in Q. clearbody q. lra. }
  assert (P0 : 0 <= h * h / 8 + q * h - ln (D h)).
  { set (g0 x := x * x / 8 + q * x - ln (D x)). change (0 <= g0 h). replace 0 with (g0 0).
    2: { unfold g0, D. rewrite exp_0. replace (p + q * 1) with 1 by (unfold q; ring). rewrite ln_1.
      field. }
    apply (increasing_from_0 g0 g1); auto. intros t. unfold g0, g1.
    replace (q * exp t / D t) with (/ D t * (q * exp t)) by (unfold Rdiv; ring).
    apply (derivable_pt_lim_minus (fun x => x * x / 8 + q * x) (fun x => ln (D x))).
    - apply (derivable_pt_lim_plus (fun x => x * x / 8) (fun x => q * x)).
      + apply (derivable_pt_lim_ext (fun x => / 8 * (id x * id x))); [intros; unfold id; field|].
        replace (t / 4) with (/ 8 * (1 * id t + id t * 1)) by (unfold id; field).
          apply derivable_pt_lim_scal.
        apply (derivable_pt_lim_mult id id); apply derivable_pt_lim_id.
      + assert (Q : derivable_pt_lim (fun x => q * id x) t (q * 1)) by (apply derivable_pt_lim_scal,
        derivable_pt_lim_id). rewrite Rmult_1_r in Q. exact Q.
    - apply (derivable_pt_lim_comp D ln); [apply dD|]. now apply derivable_pt_lim_ln. }
  fold (D h). rewrite <- (exp_ln (D h)) by auto.
    destruct P0 as [P0|P0]; [left; apply exp_increasing; lra|right; f_equal; lra].
Qed.

Section Sample.
Variables (K : nat) (p : vec).
Hypothesis p_nonneg : forall k, (k < K)%nat -> 0 <= p k.
Hypothesis p_sum : sum K p = 1.
Notation E := (E K p).
Notation En := (En K p).
Notation Pr := (Pr K p).

Definition sample (n : nat) (l : list nat) : Prop := length l = n /\ forall k, In k l
  -> (k < K)%nat.

Lemma E_le g h : (forall k, (k < K)%nat -> g k <= h k) -> E g <= E h.
Proof. intros H. apply sum_le. intros k Hk. specialize (H k Hk). pose proof (p_nonneg k Hk). nra.
  Qed.

Lemma E_const t : E (fun _ => t) = t.
Proof. unfold definitions.E. rewrite (sum_eq _ _ (fun k => t * p k)) by (intros; ring).
  rewrite sum_scal, p_sum. ring. Qed.

Lemma E_scal t g : E (fun k => t * g k) = t * E g.
Proof. unfold definitions.E. rewrite <- sum_scal. apply sum_eq. intros. ring. Qed.

Lemma E_sub g h : E (fun k => g k - h k) = E g - E h.
Proof. unfold definitions.E. rewrite <- sum_sub. apply sum_eq. intros. ring. Qed.

Lemma En_le n : forall g h, (forall l, sample n l -> g l <= h l) -> En n g <= En n h.
Proof.
  induction n as [|n IH]; simpl; intros g h H; [apply H; now split|].
  apply E_le. intros k Hk. apply IH. intros l [Hl Hin]. apply H. split; [simpl; lia|].
    intros j [<-|Hj]; auto.
Qed.

Lemma En_const n : forall t, En n (fun _ => t) = t.
Proof. induction n; simpl; intros t; [auto|]. unfold definitions.E.
  rewrite (sum_eq _ _ (fun k => p k * t)) by (intros; now rewrite IHn). apply E_const. Qed.

Lemma En_sub n : forall g h, En n (fun l => g l - h l) = En n g - En n h.
Proof. induction n; simpl; intros; [auto|]. rewrite <- E_sub. apply sum_eq. intros. now rewrite IHn.
  Qed.

Lemma En_scal n : forall t g, En n (fun l => t * g l) = t * En n g.
Proof. induction n; simpl; intros; [auto|]. rewrite <- E_scal. apply sum_eq. intros.
  now rewrite IHn. Qed.

(** Independence: the expectation of a product over the draws is the product of the expectations. *)
Lemma En_exp_sum n : forall g, En n (fun l => exp (lsum g l)) = E (fun k => exp (g k)) ^ n.
Proof.
  induction n; simpl; intros g; [apply exp_0|]. rewrite Rmult_comm, <- E_scal. apply sum_eq.
    intros k _. f_equal.
  rewrite <- IHn, Rmult_comm, <- En_scal. revert g IHn. intros g _.
    assert (X : forall l, exp (g k + lsum g l) = exp (g k) * exp (lsum g l)) by (intros;
    apply exp_plus).
  apply Rle_antisym; apply En_le; intros l _; rewrite X; lra.
Qed.

(** The values T_k lie in [0, C]. *)
Variables (T : nat -> R) (C : R).
Hypothesis HC : 0 < C.
Hypothesis HT : forall k, (k < K)%nat -> 0 <= T k <= C.

Lemma hoeffding_lemma lambda : 0 <= lambda -> E (fun k => exp (lambda * (E T - T k)))
  <= exp (lambda * C * (lambda * C) / 8).
Proof.
  intros Hl. set (m := E T / C).
  assert (Hm : 0 <= m <= 1).
  { assert (0 <= E T <= C) as []; [|unfold m; split].
    - split; [rewrite <- (E_const 0)|rewrite <- (E_const C)]; apply E_le; intros; now apply HT.
    - apply Rmult_le_pos; [auto|]. left. now apply Rinv_0_lt_compat.
    - apply (Rmult_le_reg_r C); [auto|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra. }
  set (h := lambda * C). assert (0 <= h) by (unfold h; nra).
  apply Rle_trans with (E (fun k => exp (m * h) * (1 - / C * T k + exp (- h) * (/ C * T k)))).
  - apply E_le. intros k Hk. replace (lambda * (E T - T k)) with (m * h + T k / C * - h) by
    (unfold m, h; field; lra).
    rewrite exp_plus. apply Rmult_le_compat_l; [left; apply exp_pos|].
      pose proof (exp_chord (T k / C) (- h)) as B.
    replace (1 - / C * T k + exp (- h) * (/ C * T k)) with (1 - T k / C + T k / C * exp (- h)) by
      (unfold Rdiv; ring).
    apply B. destruct (HT k Hk). split; [apply Rmult_le_pos; [auto|left;
      now apply Rinv_0_lt_compat]|].
    apply (Rmult_le_reg_r C); [auto|]. unfold Rdiv. rewrite Rmult_assoc, Rinv_l by lra. lra.
  - rewrite E_scal. replace (E (fun k => 1 - / C * T k + exp (- h) * (/ C * T k))) with
    (1 - m + m * exp (- h)).
    2: { transitivity (E (fun k => (fun _ => 1) k - (/ C * (1 - exp (- h))) * T k)); [|apply sum_eq;
      intros; f_equal; ring].
         rewrite E_sub, E_const, E_scal. unfold m. field. lra. }
    pose proof (hoeffding_core m h Hm H) as B. pose proof (exp_pos (m * h)).
      pose proof (exp_pos (- h)).
    apply Rle_trans with (exp (m * h) * exp (- h) * (m + (1 - m) * exp h)).
    + right. rewrite Rmult_assoc. f_equal. rewrite Rmult_plus_distr_l.
      replace (exp (- h) * ((1 - m) * exp h)) with ((1 - m) * (exp (- h) * exp h)) by ring.
      rewrite <- exp_plus, Rplus_opp_l, exp_0. ring.
    + eapply Rle_trans; [apply Rmult_le_compat_l; [nra|exact B]|]. right. rewrite <- !exp_plus.
      f_equal. ring.
Qed.

End Sample.
