(** * Linear algebra: finite sums, the three norms, Cauchy-Schwarz and Hoelder *)

From Book Require Import definitions.

Lemma sum_le n a b : (forall i, (i < n)%nat -> a i <= b i) -> sum n a <= sum n b.
Proof. induction n; simpl; intros H; [lra|]. assert (sum n a <= sum n b) by auto.
  assert (a n <= b n) by auto. lra. Qed.

Lemma sum_eq n a b : (forall i, (i < n)%nat -> a i = b i) -> sum n a = sum n b.
Proof. intros H. apply Rle_antisym; apply sum_le; intros i Hi; rewrite (H i Hi); lra. Qed.

Lemma sum_zero n : sum n (fun _ => 0) = 0.
Proof. induction n; simpl; lra. Qed.

Lemma sum_const n x : sum n (fun _ => x) = INR n * x.
Proof. induction n; [simpl; lra|]. rewrite S_INR. simpl sum. rewrite IHn. ring. Qed.

Lemma sum_nonneg n a : (forall i, (i < n)%nat -> 0 <= a i) -> 0 <= sum n a.
Proof. intros H. rewrite <- (sum_zero n). now apply sum_le. Qed.

Lemma sum_add n a b : sum n (fun i => a i + b i) = sum n a + sum n b.
Proof. induction n; simpl; lra. Qed.

Lemma sum_sub n a b : sum n (fun i => a i - b i) = sum n a - sum n b.
Proof. induction n; simpl; lra. Qed.

Lemma sum_scal n t a : sum n (fun i => t * a i) = t * sum n a.
Proof. induction n; simpl; [|rewrite IHn]; ring. Qed.

Lemma sum_abs n a : Rabs (sum n a) <= sum n (fun i => Rabs (a i)).
Proof. induction n; simpl; [rewrite Rabs_R0; lra|]. pose proof (Rabs_triang (sum n a) (a n)). lra.
  Qed.

Lemma sum_swap n m (a : nat -> nat -> R) : sum n (fun i => sum m (fun j => a i j)) = sum m (fun j
  => sum n (fun i => a i j)).
Proof. induction n; simpl; [now rewrite sum_zero|]. now rewrite IHn, <- sum_add. Qed.

Lemma sum_term n a k : (forall i, (i < n)%nat -> 0 <= a i) -> (k < n)%nat -> a k <= sum n a.
Proof.
  induction n; simpl; intros H Hk; [lia|].
  assert (0 <= sum n a) by (apply sum_nonneg; auto).
  destruct (Nat.eq_dec k n) as [->|Hne]; [lra|].
  assert (a k <= sum n a) by (apply IHn; auto; lia). assert (0 <= a n) by (apply H; lia). lra.
Qed.

(** The y-th unit vector picks out the y-th term. *)
Lemma sum_unit n y a : (y < n)%nat -> sum n (fun i => unit y i * a i) = a y.
Proof.
  assert (Z : forall m, (m <= y)%nat -> sum m (fun i => unit y i * a i) = 0).
  { induction m; simpl; intros Hm; [lra|]. rewrite IHm by lia. unfold unit.
    destruct (Nat.eq_dec m y); [lia|lra]. }
  induction n; simpl; intros Hy; [lia|]. unfold unit at 2. destruct (Nat.eq_dec n y) as [->|Hne].
  - rewrite (Z y) by lia. lra.
  - rewrite IHn by lia. lra.
Qed.

(** ** Maxima *)

Lemma bigmax_nonneg n a : 0 <= bigmax n a.
Proof. induction n; simpl; [lra|]. pose proof (Rmax_l (bigmax n a) (a n)). lra. Qed.

Lemma bigmax_ge n a i : (i < n)%nat -> a i <= bigmax n a.
Proof.
  induction n; simpl; intros Hi; [lia|]. destruct (Nat.eq_dec i n) as [->|Hne]; [apply Rmax_r|].
  eapply Rle_trans; [apply IHn; lia|apply Rmax_l].
Qed.

Lemma bigmax_le n a x : 0 <= x -> (forall i, (i < n)%nat -> a i <= x) -> bigmax n a <= x.
Proof. intros Hx. induction n; simpl; intros H; [lra|]. apply Rmax_lub; auto. Qed.

(** ** Inner products and norms *)

Lemma dot_self_nonneg n v : 0 <= dot n v v.
Proof. apply sum_nonneg. intros. nra. Qed.

Lemma norm2_nonneg n v : 0 <= norm2 n v.
Proof. apply sqrt_pos. Qed.

Lemma norm2_sqr n v : norm2 n v * norm2 n v = dot n v v.
Proof. apply sqrt_sqrt, dot_self_nonneg. Qed.

Lemma dot_sub_l n u v w : dot n (sub u v) w = dot n u w - dot n v w.
Proof. unfold dot, sub. rewrite <- sum_sub. apply sum_eq. intros. ring. Qed.

Lemma dot_sub_r n u v w : dot n u (sub v w) = dot n u v - dot n u w.
Proof. unfold dot, sub. rewrite <- sum_sub. apply sum_eq. intros. ring. Qed.

Lemma norm2_ext n u v : (forall i, (i < n)%nat -> u i = v i) -> norm2 n u = norm2 n v.
Proof. intros H. unfold norm2, dot. f_equal. apply sum_eq. intros i Hi. now rewrite (H i Hi). Qed.

Lemma norm2_scal n t v : norm2 n (fun i => t * v i) = Rabs t * norm2 n v.
Proof.
  unfold norm2, dot. rewrite <- sqrt_Rsqr_abs, <- sqrt_mult;
    [|apply Rle_0_sqr|apply dot_self_nonneg].
  f_equal. rewrite <- sum_scal. apply sum_eq. intros. unfold Rsqr. ring.
Qed.

Lemma norm2_sub_sym n u v : norm2 n (sub u v) = norm2 n (sub v u).
Proof. unfold norm2, dot, sub. f_equal. apply sum_eq. intros. ring. Qed.

(** A vector of norm 0 is 0 in every entry, and the other way round. *)
Lemma norm2_zero n v : norm2 n v = 0 <-> forall i, (i < n)%nat -> v i = 0.
Proof.
  split; intros H.
  - intros i Hi. assert (D : dot n v v = 0) by (rewrite <- norm2_sqr, H; ring).
    assert (v i * v i <= dot n v v) by (apply (sum_term n (fun i => v i * v i) i); auto; intros;
      nra). nra.
  - unfold norm2, dot. rewrite (sum_eq _ _ (fun _ => 0)), sum_zero; [apply sqrt_0|]. intros i Hi.
    rewrite (H i Hi). ring.
Qed.

Lemma sqr_le x y : 0 <= y -> x * x <= y * y -> x <= y.
Proof. intros. destruct (Rle_dec x y); [auto|nra]. Qed.

(** [setting] Cauchy-Schwarz. Idea: 0 <= ||u - t v||^2 for the best t. *)
Theorem cauchy_schwarz n u v : Rabs (dot n u v) <= norm2 n u * norm2 n v.
Proof.
  pose proof (norm2_nonneg n u). pose proof (norm2_nonneg n v).
  assert (Q : dot n u v * dot n u v <= dot n u u * dot n v v).
  { destruct (Req_dec (dot n v v) 0) as [Z|N].
    - (* v = 0 *)
      assert (forall i, (i < n)%nat -> v i = 0) as Zi by (apply norm2_zero; unfold norm2; rewrite Z;
        apply sqrt_0).
      assert (dot n u v = 0) as ->; [|rewrite Z; lra].
      unfold dot. rewrite (sum_eq _ _ (fun _ => 0)), sum_zero; auto. intros i Hi. rewrite (Zi i Hi).
        ring.
    - (* 0 <= |u - t v|^2 for the best t *)
      pose proof (dot_self_nonneg n v). set (t := dot n u v / dot n v v).
      assert (E : dot n (fun i => u i - t * v i)
        (fun i => u i - t * v i) = dot n u u - 2 * t * dot n u v + t * t * dot n v v).
      { unfold dot. rewrite <- !sum_scal, <- sum_sub, <- sum_add. apply sum_eq. intros. ring. }
      pose proof (dot_self_nonneg n (fun i => u i - t * v i)) as P. rewrite E in P.
      replace (dot n u u - 2 * t * dot n u v + t * t * dot n v v) with
        (dot n u u - dot n u v * dot n u v / dot n v v) in P by (unfold t; field; auto).
      assert (dot n u v * dot n u v = dot n u v * dot n u v / dot n v v * dot n v v) as
        -> by (field; auto). nra. }
  apply sqr_le; [nra|]. rewrite <- Rabs_mult, (Rabs_pos_eq (dot n u v * dot n u v)) by nra.
  replace (norm2 n u * norm2 n v * (norm2 n u * norm2 n v)) with ((norm2 n u * norm2 n u) *
    (norm2 n v * norm2 n v)) by ring.
  now rewrite !norm2_sqr.
Qed.

Lemma cauchy_schwarz_le n u v : dot n u v <= norm2 n u * norm2 n v.
Proof. eapply Rle_trans; [apply Rle_abs|apply cauchy_schwarz]. Qed.

Lemma norm2_triangle n u v : norm2 n (fun i => u i + v i) <= norm2 n u + norm2 n v.
Proof.
  pose proof (norm2_nonneg n u). pose proof (norm2_nonneg n v).
    pose proof (cauchy_schwarz_le n u v).
  apply sqr_le; [lra|]. rewrite norm2_sqr.
  replace (dot n (fun i => u i + v i) (fun i => u i + v i)) with
    (dot n u u + 2 * dot n u v + dot n v v).
  - pose proof (norm2_sqr n u). pose proof (norm2_sqr n v). nra.
  - unfold dot. rewrite <- sum_scal, <- !sum_add. apply sum_eq. intros. ring.
Qed.

Lemma norm2_sub_le n u v : norm2 n (sub u v) <= norm2 n u + norm2 n v.
Proof.
  eapply Rle_trans; [|apply Rplus_le_compat_l, Req_le; transitivity (Rabs (-1) * norm2 n v);
    [now rewrite <- norm2_scal|]].
  - eapply Rle_trans; [|apply norm2_triangle]. apply Req_le, norm2_ext. intros. unfold sub. ring.
  - rewrite Rabs_left by lra. ring.
Qed.

(** Entry by entry smaller, so smaller in norm. *)
Lemma norm2_mono n u v : (forall i, (i < n)%nat -> Rabs (u i) <= v i) -> norm2 n u <= norm2 n v.
Proof.
  intros H. apply sqrt_le_1_alt, sum_le. intros i Hi. specialize (H i Hi).
  pose proof (Rabs_pos (u i)). assert (u i * u i = Rabs (u i) * Rabs (u i)) as ->; [|nra].
  rewrite <- Rabs_mult. symmetry. apply Rabs_pos_eq. nra.
Qed.

(** Hoelder, for the two pairs of dual norms other than l2. *)
Lemma hoelder_1_inf n u v : Rabs (dot n u v) <= norm1 n u * norminf n v.
Proof.
  eapply Rle_trans; [apply sum_abs|]. unfold norm1. rewrite Rmult_comm, <- sum_scal. apply sum_le.
    intros i Hi.
  rewrite Rabs_mult, Rmult_comm. apply Rmult_le_compat_r; [apply Rabs_pos|].
    now apply (bigmax_ge n (fun i => Rabs (v i))).
Qed.

Lemma hoelder_inf_1 n u v : Rabs (dot n u v) <= norminf n u * norm1 n v.
Proof.
  rewrite Rmult_comm. eapply Rle_trans; [|apply hoelder_1_inf]. apply Req_le. f_equal. apply sum_eq.
    intros. ring.
Qed.

(** ** The norm alpha *)

Lemma norm_nonneg a n v : 0 <= norm a n v.
Proof. destruct a; [apply sum_nonneg; intros;
  apply Rabs_pos|apply norm2_nonneg|apply bigmax_nonneg]. Qed.

Lemma norm_ext a n u v : (forall i, (i < n)%nat -> u i = v i) -> norm a n u = norm a n v.
Proof.
  intros H. destruct a; simpl; [|now apply norm2_ext|].
  - apply sum_eq. intros i Hi. now rewrite H.
  - unfold norminf. induction n; simpl; [reflexivity|]. rewrite IHn, (H n) by auto. reflexivity.
Qed.

Lemma norm_sub_sym a n u v : norm a n (sub u v) = norm a n (sub v u).
Proof.
  destruct a; simpl; [|apply norm2_sub_sym|].
  - apply sum_eq. intros. unfold sub. apply Rabs_minus_sym.
  - unfold norminf. induction n; simpl; [reflexivity|]. rewrite IHn. unfold sub at 2 4.
    now rewrite Rabs_minus_sym.
Qed.

Lemma entry_le_norm a n v i : (i < n)%nat -> Rabs (v i) <= norm a n v.
Proof.
  intros Hi. destruct a; simpl.
  - apply (sum_term n (fun k => Rabs (v k)) i); auto. intros. apply Rabs_pos.
  - rewrite <- sqrt_Rsqr_abs. apply sqrt_le_1_alt. unfold Rsqr.
    apply (sum_term n (fun k => v k * v k) i); auto. intros. nra.
  - now apply (bigmax_ge n (fun k => Rabs (v k))).
Qed.

Lemma norm2_le_norm n a v : norm2 n v <= C_norm n a * norm a n v.
Proof.
  assert (P : 0 <= norm1 n v) by (apply sum_nonneg; intros; apply Rabs_pos).
  assert (Q : 0 <= norminf n v) by apply bigmax_nonneg.
  assert (A : forall x, x * x = Rabs x * Rabs x)
    by (intros x; rewrite <- Rabs_mult; symmetry; apply Rabs_pos_eq; nra).
  destruct a; simpl; [rewrite Rmult_1_l|lra|].
  - apply sqr_le; [auto|]. rewrite norm2_sqr. unfold dot, norm1 at 1. rewrite Rmult_comm.
    rewrite <- sum_scal. apply sum_le. intros i Hi. rewrite A.
    apply Rmult_le_compat_r; [apply Rabs_pos|]. now apply (entry_le_norm L1).
  - pose proof (pos_INR n). apply sqr_le; [apply Rmult_le_pos; auto; apply sqrt_pos|].
    rewrite norm2_sqr. replace (sqrt (INR n) * norminf n v * (sqrt (INR n) * norminf n v))
      with (sqrt (INR n) * sqrt (INR n) * (norminf n v * norminf n v)) by ring.
    rewrite sqrt_sqrt by auto. unfold dot. rewrite <- sum_const. apply sum_le. intros i Hi.
    rewrite A. pose proof (entry_le_norm Linf n v i Hi) as B. simpl in B.
    pose proof (Rabs_pos (v i)). nra.
Qed.

(** [setting] Hoelder's inequality for the three pairs of dual norms. Idea: entry by entry. *)
Theorem hoelder a n g d : dot n g d <= dual_norm a n g * norm a n d.
Proof.
  eapply Rle_trans; [apply Rle_abs|].
    destruct a; simpl; [apply hoelder_inf_1|apply cauchy_schwarz|apply hoelder_1_inf].
Qed.
(** ** Logits: the bias cancels in differences *)

Lemma logit_diff r W b z z' i j : logit r W b z' i - logit r W b z' j
  = (logit r W b z i - logit r W b z j) + dot r (sub (W i) (W j)) (sub z' z).
Proof. unfold definitions.logit. rewrite dot_sub_r, !dot_sub_l. ring. Qed.

(** ** Vectors and matrices written out, for examples by hand *)

(** The vector with these entries, the matrix with these rows, the bias 0. Beyond its end a list
    counts as 0. *)
Definition vector (l : list R) : vec := fun i => nth i l 0.
Definition matrix (l : list (list R)) : nat -> vec := fun j => vector (nth j l []).
Definition no_bias : vec := fun _ => 0.

Ltac compute_sums := unfold definitions.only_predicts, definitions.predicts, definitions.logit,
  definitions.dist, norm2, dot, sub, matrix, vector, no_bias in *; simpl sum in *; simpl nth in *.

(** Square roots of squares: [root x] replaces the square root that stands in the goal by x >= 0. *)
Ltac root x := match goal with |- context [sqrt ?e] => replace (sqrt e) with x by (symmetry;
  replace e with (x * x) by field; apply sqrt_square; lra) end.

(** [ex-setting-dual] Counterexample to Hoelder's inequality with another pair of norms: for
    v = (1, 1) the inner product with itself is 2, and ||v||_2 ||v||_inf = sqrt 2. *)
Theorem hoelder_needs_the_dual :
  let v := vector [1; 1] in dot 2 v v = 2 /\ norm2 2 v * norminf 2 v < 2.
Proof.
  simpl. assert (N : norminf 2 (vector [1; 1]) <= 1).
  { apply bigmax_le; [lra|]. intros [|[|i]] Hi; [| |lia]; unfold vector; simpl;
    rewrite Rabs_R1; lra. }
  assert (Q : norm2 2 (vector [1; 1]) < 2).
  { apply Rsqr_incrst_0; [|apply norm2_nonneg|lra]. unfold Rsqr. rewrite norm2_sqr.
    unfold dot, vector. simpl. lra. }
  split; [unfold dot, vector; simpl; ring|]. pose proof (norm2_nonneg 2 (vector [1; 1])). nra.
Qed.
