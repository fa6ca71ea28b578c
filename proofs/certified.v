(** * Certified: interval bounds, what a box of features certifies, means of pixels *)

From Book Require Import definitions linear_algebra theorem_2_criterion slack.

(** The box between [low] and [up]: h lies between them in each of its n entries. *)
Definition in_box (n : nat) (low up h : vec) : Prop :=
  forall k, (k < n)%nat -> low k <= h k <= up k.

(** m is the largest element of A. *)
Definition greatest (A : R -> Prop) (m : R) : Prop := A m /\ forall t, A t -> t <= m.
(** m is the least element of A. *)
Definition least (A : R -> Prop) (m : R) : Prop := A m /\ forall t, A t -> m <= t.

Lemma abs_between t s : Rabs t <= s -> - s <= t <= s.
Proof. unfold Rabs. destruct Rcase_abs; lra. Qed.

(** ** Interval bounds of layers *)

(** The middle of the box and half of its width, entry by entry; a row's absolute values. *)
Definition middle (low up : vec) : vec := fun k => (low k + up k) / 2.
Definition half (low up : vec) : vec := fun k => (up k - low k) / 2.
Definition absolute (row : vec) : vec := fun k => Rabs (row k).

(** The lower and the upper end of A h + a: A middle + a, minus and plus |A| half. *)
Definition linear_low (n : nat) (A : nat -> vec) (a low up : vec) : vec :=
  fun i => dot n (A i) (middle low up) + a i - dot n (absolute (A i)) (half low up).
Definition linear_up (n : nat) (A : nat -> vec) (a low up : vec) : vec :=
  fun i => dot n (A i) (middle low up) + a i + dot n (absolute (A i)) (half low up).

(** [certified-interval] Part 1: A h + a lies between the two ends. Idea: [interval_linear]. *)
Theorem certified_interval_linear n A a low up h i : in_box n low up h ->
  linear_low n A a low up i <= dot n (A i) h + a i <= linear_up n A a low up i.
Proof.
  intros H. pose proof (interval_linear n (A i) (middle low up) (half low up) h (a i)) as L.
  assert (L' : Rabs (dot n (A i) h + a i - (dot n (A i) (middle low up) + a i))
    <= dot n (absolute (A i)) (half low up)).
  { apply L. intros k Hk. specialize (H k Hk). unfold middle, half. apply Rabs_le. lra. }
  apply abs_between in L'. unfold linear_low, linear_up. lra.
Qed.

(** [certified-interval] Part 1: each end of each entry is attained. Idea: at the corner that the
    signs of the row choose. *)
Theorem certified_interval_attained n A a low up i : (forall k, (k < n)%nat -> low k <= up k) ->
  exists h h', in_box n low up h /\ in_box n low up h' /\
  dot n (A i) h + a i = linear_low n A a low up i /\
  dot n (A i) h' + a i = linear_up n A a low up i.
Proof.
  intros H. exists (fun k => if Rle_dec 0 (A i k) then low k else up k),
    (fun k => if Rle_dec 0 (A i k) then up k else low k).
  split; [|split; [|split]].
  - intros k Hk. specialize (H k Hk). destruct Rle_dec; lra.
  - intros k Hk. specialize (H k Hk). destruct Rle_dec; lra.
  - unfold linear_low. enough (dot n (A i) (fun k => if Rle_dec 0 (A i k) then low k else up k) =
      dot n (A i) (middle low up) - dot n (absolute (A i)) (half low up)) by lra.
    unfold dot. rewrite <- sum_sub. apply sum_eq. intros k _. unfold absolute, middle, half.
    destruct Rle_dec; [rewrite Rabs_pos_eq by lra|rewrite Rabs_left by lra]; field.
  - unfold linear_up. enough (dot n (A i) (fun k => if Rle_dec 0 (A i k) then up k else low k) =
      dot n (A i) (middle low up) + dot n (absolute (A i)) (half low up)) by lra.
    unfold dot. rewrite <- sum_add. apply sum_eq. intros k _. unfold absolute, middle, half.
    destruct Rle_dec; [rewrite Rabs_pos_eq by lra|rewrite Rabs_left by lra]; field.
Qed.

(** g depends on its first n arguments alone, and does not fall where one of them rises. *)
Definition increasing (n : nat) (g : vec -> R) : Prop :=
  (forall u v, (forall k, (k < n)%nat -> u k = v k) -> g u = g v) /\
  forall v k t, (k < n)%nat -> v k <= t -> g v <= g (fun i => if Nat.eq_dec i k then t else v i).

Lemma increasing_all n g u v : increasing n g -> (forall k, (k < n)%nat -> u k <= v k) ->
  g u <= g v.
Proof.
  intros [E I] H. assert (A : forall m, (m <= n)%nat -> g u <= g (fun i => if lt_dec i m then v i
    else u i)).
  { induction m; intros Hm.
    - right. apply E. intros k _. destruct lt_dec; [lia|reflexivity].
    - eapply Rle_trans; [apply IHm; lia|].
      eapply Rle_trans; [apply (I _ m (v m)); [lia|]|right; apply E; intros k _].
      + destruct lt_dec; [lia|apply H; lia].
      + destruct (Nat.eq_dec k m) as [->|N]; destruct lt_dec; try destruct lt_dec;
          lia || reflexivity. }
  eapply Rle_trans; [apply (A n); lia|]. right. apply E. intros k Hk. destruct lt_dec; [auto|lia].
Qed.

(** [certified-interval] Part 2: the value of an increasing map lies between its values at the two
    ends. Idea: replace the entries one after the other. *)
Theorem certified_interval_increasing n g low up h : increasing n g -> in_box n low up h ->
  g low <= g h <= g up.
Proof. intros G H. split; apply (increasing_all n); auto; intros k Hk; apply H; auto. Qed.

(** A layer from R^n to R^m: linear, or increasing in each of its arguments. *)
Inductive layer :=
  Linear (n m : nat) (A : nat -> vec) (a : vec) | Rising (n m : nat) (g : vec -> vec).

(** Its value, and the box computed for it. *)
Definition value (l : layer) (h : vec) : vec :=
  match l with Linear n _ A a => fun i => dot n (A i) h + a i | Rising _ _ g => g h end.
Definition value_box (l : layer) (box : vec * vec) : vec * vec :=
  match l with
  | Linear n _ A a => (linear_low n A a (fst box) (snd box), linear_up n A a (fst box) (snd box))
  | Rising _ _ g => (g (fst box), g (snd box))
  end.

(** Layers one after the other, the first one first; the same for their boxes. *)
Fixpoint network (ls : list layer) (h : vec) : vec :=
  match ls with [] => h | l :: rest => network rest (value l h) end.
Fixpoint network_box (ls : list layer) (box : vec * vec) : vec * vec :=
  match ls with [] => box | l :: rest => network_box rest (value_box l box) end.

(** The layers fit each other, from R^n to R^r, and those called increasing are. *)
Fixpoint fits (n : nat) (ls : list layer) (r : nat) : Prop :=
  match ls with
  | [] => n = r
  | Linear k m _ _ :: rest => k = n /\ fits m rest r
  | Rising k m g :: rest =>
      k = n /\ (forall i, (i < m)%nat -> increasing n (fun h => g h i)) /\ fits m rest r
  end.

(** x' = x + delta is an image, and the l_inf norm of delta is at most eps. *)
Definition reach_linf (n : nat) (eps : R) (x x' : vec) : Prop :=
  norminf n (sub x' x) <= eps /\ forall i, (i < n)%nat -> 0 <= x' i <= 1.

(** [certified-interval] The box of the pixels is exactly x + Delta(x). Idea: entry by entry. *)
Theorem certified_interval_pixels n eps x x' : 0 <= eps ->
  (reach_linf n eps x x' <->
   in_box n (fun i => Rmax (x i - eps) 0) (fun i => Rmin (x i + eps) 1) x').
Proof.
  intros He. split.
  - intros [H P] i Hi. specialize (P i Hi).
    pose proof (Rle_trans _ _ _ (entry_le_norm Linf n (sub x' x) i Hi) H) as A. simpl in A.
    apply abs_between in A. unfold sub in A.
    split; [apply Rmax_lub|apply Rmin_glb]; lra.
  - intros H. split.
    + apply bigmax_le; [auto|]. intros i Hi. specialize (H i Hi). cbv beta in H.
      pose proof (Rmax_l (x i - eps) 0). pose proof (Rmin_l (x i + eps) 1). unfold sub.
      apply Rabs_le. lra.
    + intros i Hi. specialize (H i Hi). cbv beta in H. pose proof (Rmax_r (x i - eps) 0).
      pose proof (Rmin_r (x i + eps) 1). lra.
Qed.

Lemma network_in_box ls : forall n r box h, fits n ls r -> in_box n (fst box) (snd box) h ->
  in_box r (fst (network_box ls box)) (snd (network_box ls box)) (network ls h).
Proof.
  induction ls as [|l rest IH]; intros n r box h F H; [simpl in *; now subst|].
  destruct l as [k m A a|k m g]; simpl in *.
  - destruct F as [-> F]. apply (IH m); auto. intros i _. now apply certified_interval_linear.
  - destruct F as (-> & I & F). apply (IH m); auto. intros i Hi. simpl.
    now apply (certified_interval_increasing n (fun v => g v i)); auto.
Qed.

(** [certified-interval] From the pixels through the layers one obtains the box of the features,
    for the l_inf ball. Idea: induction over the layers. *)
Theorem certified_interval_network ls n r eps x
  (box := network_box ls (fun i => Rmax (x i - eps) 0, fun i => Rmin (x i + eps) 1)) :
  0 <= eps -> fits n ls r ->
  forall x', reach_linf n eps x x' -> in_box r (fst box) (snd box) (network ls x').
Proof.
  intros He F x' H. apply (network_in_box ls n); auto. now apply certified_interval_pixels.
Qed.

(** ** What a box certifies *)

(** v_k, the largest move of entry k in the box. *)
Definition largest_move (low up z : vec) : vec := fun k => Rmax (up k - z k) (z k - low k).

(** The projector onto the span of the orthonormal b_1, ..., b_q: the sum of the b_i b_i^T. *)
Definition orthonormal (r q : nat) (B : nat -> vec) : Prop :=
  forall i j, (i < q)%nat -> (j < q)%nat -> dot r (B i) (B j) = unit j i.
Definition projector (q : nat) (B : nat -> vec) : nat -> vec :=
  fun k l => sum q (fun i => B i k * B i l).
(** The span of b_1, ..., b_q holds the differences of the head's rows. It may be larger; the book's
    span is one case. *)
Definition spans_differences (c r : nat) (W : nat -> vec) (q : nat) (B : nat -> vec) : Prop :=
  forall i j, (i < c)%nat -> (j < c)%nat -> exists t, forall k, (k < r)%nat ->
  sub (W i) (W j) k = sum q (fun l => t l * B l k).

(** The squares of the moves along b in the box; T_i is the largest of them along b_i. *)
Definition squared_moves (r : nat) (low up z b : vec) (t : R) : Prop :=
  exists z', in_box r low up z' /\ t = dot r b (sub z' z) * dot r b (sub z' z).
(** v_P of the book, with these T_i. *)
Definition subspace_move (r q : nat) (low up z T : vec) : R :=
  Rmin (norm2 r (largest_move low up z)) (sqrt (sum q T)).

(** M is the least of the margins logit_y - logit_j in the box. *)
Definition box_margins (c r : nat) (W : nat -> vec) (b low up : vec) (y : nat) (t : R) : Prop :=
  exists j z', (j < c)%nat /\ j <> y /\ in_box r low up z' /\
  t = logit r W b z' y - logit r W b z' j.

Lemma dot_ext n u v w : (forall k, (k < n)%nat -> v k = w k) -> dot n u v = dot n u w.
Proof. intros H. apply sum_eq. intros k Hk. now rewrite H. Qed.

Lemma dot_comm n u v : dot n u v = dot n v u.
Proof. apply sum_eq. intros. ring. Qed.

Lemma dot_combination r q u t (B : nat -> vec) :
  dot r u (fun k => sum q (fun i => t i * B i k)) = sum q (fun i => t i * dot r u (B i)).
Proof.
  unfold dot. rewrite (sum_eq r _ (fun k => sum q (fun i => t i * (u k * B i k)))).
  2: { intros. rewrite <- sum_scal. apply sum_eq. intros. ring. }
  rewrite sum_swap. apply sum_eq. intros. now rewrite sum_scal.
Qed.

Lemma projector_mul r q B v k : mul r (projector q B) v k = sum q (fun i => dot r (B i) v * B i k).
Proof.
  unfold mul. rewrite dot_comm. unfold projector.
  rewrite (dot_combination r q v (fun i => B i k) B). apply sum_eq. intros. rewrite dot_comm. ring.
Qed.

Lemma coordinate r q B t i : orthonormal r q B -> (i < q)%nat ->
  dot r (B i) (fun k => sum q (fun l => t l * B l k)) = t i.
Proof.
  intros O Hi. rewrite dot_combination, <- (sum_unit q i t Hi). apply sum_eq. intros l Hl.
  rewrite dot_comm, (O l i) by auto. ring.
Qed.

Lemma projector_symmetric r q B : symmetric r (projector q B).
Proof. intros i j _ _. apply sum_eq. intros. ring. Qed.

Lemma projector_idempotent r q B : orthonormal r q B -> idempotent r (projector q B).
Proof.
  intros O v k Hk. rewrite !projector_mul. apply sum_eq. intros i Hi. f_equal.
  rewrite (dot_ext r _ _ (fun k => sum q (fun l => dot r (B l) v * B l k)))
    by (intros; apply projector_mul).
  now rewrite (coordinate r q B (fun l => dot r (B l) v)).
Qed.

Lemma projector_fixes c r W q B : orthonormal r q B -> spans_differences c r W q B ->
  fixes_row_differences c r W (projector q B).
Proof.
  intros O Sp i j k Hi Hj Hk. destruct (Sp i j Hi Hj) as [t E]. rewrite projector_mul, E by auto.
  apply sum_eq. intros l Hl. rewrite (dot_ext r _ _ _ E). now rewrite (coordinate r q B t).
Qed.

Lemma projector_norm r q B v : orthonormal r q B ->
  norm2 r (mul r (projector q B) v) = sqrt (sum q (fun i => dot r (B i) v * dot r (B i) v)).
Proof.
  intros O. unfold norm2. f_equal.
  rewrite symmetric_dot by apply projector_symmetric.
  rewrite (dot_ext r _ _ _ (projector_idempotent r q B O v)).
  rewrite (dot_ext r _ _ (fun k => sum q (fun i => dot r (B i) v * B i k)))
    by (intros; apply projector_mul).
  rewrite dot_combination. apply sum_eq. intros. now rewrite (dot_comm r v).
Qed.

Section Box.
Variables (c r : nat) (W : nat -> vec) (b : vec).
Variables (X : Type) (f : X -> vec) (reach : X -> X -> Prop).
Variables (x : X) (low up : vec).
Notation v := (largest_move low up (f x)).
Hypothesis box : forall x', reach x x' -> in_box r low up (f x').

(** [certified-box] Part 1: S(x) <= ||v||_2. Idea: [interval_bound]. *)
Theorem certified_box_shift : is_upper_bound (shifts r X f reach x) (norm2 r v).
Proof. apply interval_bound. intros x' i Hr Hi. now apply box. Qed.

(** [certified-box] Part 1: S_P(x) <= v_P. T_i stands for the maximum over z' of <b_i, z' - z>^2; an
    upper bound of it is enough. Idea: ||P d||^2 is the sum of the <b_i, d>^2, and P shortens. *)
Theorem certified_box_subspace q B T : orthonormal r q B ->
  (forall i, (i < q)%nat -> is_upper_bound (squared_moves r low up (f x) (B i)) (T i)) ->
  is_upper_bound (projected_shifts r X f reach (projector q B) x)
    (subspace_move r q low up (f x) T).
Proof.
  intros O HT t (x' & Hr & ->). apply Rmin_glb.
  - eapply Rle_trans; [apply projection_shortens|apply certified_box_shift; now exists x'].
    + apply projector_symmetric.
    + now apply projector_idempotent.
  - rewrite projector_norm by auto. apply sqrt_le_1_alt, sum_le. intros i Hi. apply (HT i Hi).
    exists (f x'). auto.
Qed.

(** [certified-box] Part 1: no perturbation lowers logit_y - logit_j below M. Idea: the definition
    of M. *)
Theorem certified_box_margin y M : least (box_margins c r W b low up y) M ->
  forall x' j, reach x x' -> (j < c)%nat -> j <> y ->
  M <= logit r W b (f x') y - logit r W b (f x') j.
Proof. intros [_ H] x' j Hr Hj N. apply H. exists j, (f x'). auto. Qed.

(** [certified-box] Part 2: if M > 0, no perturbation changes the prediction. Idea: no margin
    falls to 0. *)
Theorem certified_box_criterion y M : (y < c)%nat -> least (box_margins c r W b low up y) M ->
  0 < M -> forall x', reach x x' -> only_predicts c r W b (f x') y.
Proof.
  intros Hy HM M0 x' Hr. split; [auto|]. intros j Hj N.
  pose proof (certified_box_margin y M HM x' j Hr Hj N). lra.
Qed.

End Box.

(** [certified-box] Part 3: ||v||_2 < m(x) implies v_P < m(x), which implies M > 0. Idea: the box
    itself as the set of all perturbed features, and [slack_subspace_criterion] for it. *)
Theorem certified_box_order c r W b z low up y q B T M :
  orthonormal r q B -> spans_differences c r W q B -> predicts c r W b z y ->
  (forall i, (i < q)%nat -> greatest (squared_moves r low up z (B i)) (T i)) ->
  least (box_margins c r W b low up y) M ->
  (lt_ext (norm2 r (largest_move low up z)) (margin_ratio c r W b z y) ->
   lt_ext (subspace_move r q low up z T) (margin_ratio c r W b z y)) /\
  (lt_ext (subspace_move r q low up z T) (margin_ratio c r W b z y) -> 0 < M).
Proof.
  intros O Sp Hy HT [(j & z' & Hj & N & Hz & ->) _]. split.
  - apply lt_ext_mono. apply Rmin_l.
  - intros Hm.
    assert (A : only_predicts c r W b z' y).
    { apply (slack_subspace_general c r W b vec (fun u => u) (fun _ u => in_box r low up u)
        (projector q B) z y (subspace_move r q low up z T)); auto.
      - apply projector_keeps_margins;
          [apply projector_symmetric|now apply projector_fixes|apply Hy].
      - apply (certified_box_subspace r vec (fun u => u) (fun _ u => in_box r low up u));
          [auto|auto|]. intros i Hi t Ht. now apply (HT i Hi). }
    destruct A as [_ A]. specialize (A j Hj N). lra.
Qed.

(** [certified-box] The T_i and, with two classes or more, M exist: a box holds the extremes of
    linear functions. Idea: [certified_interval_attained], and the least over the classes. *)
Theorem certified_box_exists c r W b z low up y i : (forall k, (k < r)%nat -> low k <= up k) ->
  (i < c)%nat -> i <> y ->
  (forall e, exists t, greatest (squared_moves r low up z e) t) /\
  exists M, least (box_margins c r W b low up y) M.
Proof.
  intros Hb Hi N. split.
  - intros e. set (A := fun _ : nat => e). set (a := fun _ : nat => - dot r e z).
    destruct (certified_interval_attained r A a low up 0%nat Hb) as (h & h' & H & H' & E & E').
    assert (D : forall z', dot r e (sub z' z) = dot r (A 0%nat) z' + a 0%nat)
      by (intros; unfold A, a; rewrite dot_sub_r; ring).
    assert (L : forall z', in_box r low up z' -> dot r e (sub h z) <= dot r e (sub z' z)
      <= dot r e (sub h' z)).
    { intros z' Hz. rewrite !D, E, E'. now apply certified_interval_linear. }
    destruct (Rle_dec (Rabs (dot r e (sub h' z))) (Rabs (dot r e (sub h z)))) as [R|R];
      [exists (dot r e (sub h z) * dot r e (sub h z))
      |exists (dot r e (sub h' z) * dot r e (sub h' z))];
      (split; [eexists; split; [|reflexivity]; auto|]); intros t (z' & Hz & ->);
      specialize (L z' Hz); revert R; unfold Rabs; repeat destruct Rcase_abs; intros; nra.
  - set (row := fun j => sub (W y) (W j)). set (a := fun j => b y - b j).
    assert (D : forall z' j, logit r W b z' y - logit r W b z' j = dot r (row j) z' + a j)
      by (intros; unfold logit, row, a; rewrite dot_sub_l; ring).
    assert (Q : forall n, (forall t, ~ box_margins n r W b low up y t) \/
      exists M, least (box_margins n r W b low up y) M).
    { induction n as [|n IH]; [left; intros t (j & z' & Hj & _); lia|].
      destruct (certified_interval_attained r row a low up n Hb) as (h & _ & H & _ & E & _).
      assert (L : forall z', in_box r low up z' ->
        dot r (row n) h + a n <= logit r W b z' y - logit r W b z' n)
        by (intros z' Hz; rewrite D, E; now apply certified_interval_linear).
      assert (Old : forall t, box_margins n r W b low up y t -> box_margins (S n) r W b low up y t)
        by (intros t (j & z' & Hj & R); exists j, z'; split; [lia|auto]).
      assert (New : forall t, box_margins (S n) r W b low up y t ->
        box_margins n r W b low up y t \/ (n <> y /\ dot r (row n) h + a n <= t)).
      { intros t (j & z' & Hj & Hn & Hz & ->). destruct (Nat.eq_dec j n) as [->|];
          [right; auto|left; exists j, z'; repeat split; auto; try lia; apply Hz; auto]. }
      destruct (Nat.eq_dec n y) as [->|Hn].
      - destruct IH as [None|(M & HM & Low)]; [left|right; exists M; split; [auto|]].
        + intros t Ht. destruct (New t Ht) as [G|[G _]]; [now apply (None t)|auto].
        + intros t Ht. destruct (New t Ht) as [G|[G _]]; [auto|congruence].
      - right. assert (Own : box_margins (S n) r W b low up y (dot r (row n) h + a n))
          by (exists n, h; rewrite D; auto).
        destruct IH as [None|(M & HM & Low)].
        + exists (dot r (row n) h + a n). split; [auto|]. intros t Ht.
          destruct (New t Ht) as [G|[_ G]]; [now apply None in G|auto].
        + destruct (Rle_dec M (dot r (row n) h + a n)) as [G|G].
          * exists M. split; [auto|]. intros t Ht. destruct (New t Ht) as [K|[_ K]]; [auto|lra].
          * exists (dot r (row n) h + a n). split; [auto|]. intros t Ht.
            destruct (New t Ht) as [K|[_ K]]; [apply Low in K; lra|auto]. }
    destruct (Q c) as [None|]; [|auto]. exfalso.
    apply (None (logit r W b low y - logit r W b low i)). exists i, low.
    repeat split; auto; try lra.
Qed.

(** ** Means of pixels: x k i is the value i of the set B_k, in an image of r sets of N values *)

(** Feature k is the mean of the values of B_k. *)
Definition means (N : nat) (x : nat -> vec) : vec := fun k => sum N (x k) / INR N.
(** z_k less its lower end, and its upper end less z_k. *)
Definition fall (N : nat) (eps : R) (x : nat -> vec) : vec :=
  fun k => sum N (fun i => Rmin eps (x k i)) / INR N.
Definition rise (N : nat) (eps : R) (x : nat -> vec) : vec :=
  fun k => sum N (fun i => Rmin eps (1 - x k i)) / INR N.
Definition means_low (N : nat) (eps : R) (x : nat -> vec) : vec :=
  fun k => means N x k - fall N eps x k.
Definition means_up (N : nat) (eps : R) (x : nat -> vec) : vec :=
  fun k => means N x k + rise N eps x k.
(** All values are in [0, 1]. *)
Definition image (r N : nat) (x : nat -> vec) : Prop :=
  forall k i, (k < r)%nat -> (i < N)%nat -> 0 <= x k i <= 1.
(** x' = x + delta is an image, and delta is at most eps in l_inf, in l_2. *)
Definition moves_linf (r N : nat) (eps : R) (x x' : nat -> vec) : Prop :=
  image r N x' /\ forall k i, (k < r)%nat -> (i < N)%nat -> Rabs (x' k i - x k i) <= eps.
Definition length_l2 (r N : nat) (x x' : nat -> vec) : R :=
  sqrt (sum r (fun k => dot N (sub (x' k) (x k)) (sub (x' k) (x k)))).
Definition moves_l2 (r N : nat) (eps : R) (x x' : nat -> vec) : Prop :=
  image r N x' /\ length_l2 r N x x' <= eps.
(** The margins logit_y - logit_j at all perturbations. *)
Definition perturbed_margins (c r : nat) (W : nat -> vec) (b : vec) (X : Type) (f : X -> vec)
  (reach : X -> X -> Prop) (x : X) (y : nat) (t : R) : Prop :=
  exists j x', (j < c)%nat /\ j <> y /\ reach x x' /\
  t = logit r W b (f x') y - logit r W b (f x') j.

Section Means.
Variables (c r N : nat) (W : nat -> vec) (b : vec) (eps : R) (x : nat -> vec).
Hypothesis some_values : (0 < N)%nat.
Hypothesis radius_not_negative : 0 <= eps.
Hypothesis x_is_image : image r N x.
Notation z := (means N x).
Notation low := (means_low N eps x).
Notation up := (means_up N eps x).
Notation v := (largest_move low up z).
Notation shifts_linf := (shifts r (nat -> vec) (means N) (moves_linf r N eps)).
Notation shifts_l2 := (shifts r (nat -> vec) (means N) (moves_l2 r N eps)).
Notation directions_linf :=
  (directional_shifts c r W (nat -> vec) (means N) (moves_linf r N eps)).
Notation projected_linf := (projected_shifts r (nat -> vec) (means N) (moves_linf r N eps)).
Notation margins_linf :=
  (perturbed_margins c r W b (nat -> vec) (means N) (moves_linf r N eps)).

Lemma N_pos : 0 < INR N.
Proof. apply (lt_INR 0). exact some_values. Qed.

Lemma mean_le u w : (forall i, (i < N)%nat -> u i <= w i) -> sum N u / INR N <= sum N w / INR N.
Proof.
  intros H. apply Rmult_le_compat_r; [left; apply Rinv_0_lt_compat, N_pos|now apply sum_le].
Qed.

(** [certified-means] The two sides give a box of the features. Idea: value by value. *)
Theorem certified_means_box x' : moves_linf r N eps x x' -> in_box r low up (means N x').
Proof.
  intros [I M] k Hk. unfold means_low, means_up, fall, rise, means.
  replace (sum N (x k) / INR N - sum N (fun i => Rmin eps (x k i)) / INR N) with
    (sum N (fun i => x k i - Rmin eps (x k i)) / INR N) by (rewrite sum_sub; unfold Rdiv; ring).
  replace (sum N (x k) / INR N + sum N (fun i => Rmin eps (1 - x k i)) / INR N) with
    (sum N (fun i => x k i + Rmin eps (1 - x k i)) / INR N)
    by (rewrite sum_add; unfold Rdiv; ring).
  split; apply mean_le; intros i Hi; specialize (I k i Hk Hi); specialize (M k i Hk Hi);
    apply abs_between in M; unfold Rmin; destruct Rle_dec; lra.
Qed.

Lemma fraction d s : 0 <= d <= s -> 0 <= d / s <= 1 /\ d / s * s = d.
Proof.
  intros H. destruct (Req_dec s 0) as [->|Hs].
  - assert (d = 0) as -> by lra. unfold Rdiv. rewrite Rmult_0_l. lra.
  - assert (E : d / s * s = d) by (field; auto). split; [|auto]. nra.
Qed.

(** [certified-means] The perturbed features fill the whole box. Idea: all values of B_k go the
    same share of the way that each of them has. *)
Theorem certified_means_fill z' : in_box r low up z' ->
  exists x', moves_linf r N eps x x' /\ forall k, (k < r)%nat -> means N x' k = z' k.
Proof.
  intros H. exists (fun k i => if Rle_dec (z k) (z' k)
    then x k i + (z' k - z k) / rise N eps x k * Rmin eps (1 - x k i)
    else x k i - (z k - z' k) / fall N eps x k * Rmin eps (x k i)).
  assert (F : forall k, (k < r)%nat -> z k <= z' k ->
    0 <= (z' k - z k) / rise N eps x k <= 1 /\
    (z' k - z k) / rise N eps x k * rise N eps x k = z' k - z k).
  { intros k Hk Hz. apply fraction. specialize (H k Hk). unfold means_up in H. lra. }
  assert (G : forall k, (k < r)%nat -> ~ z k <= z' k ->
    0 <= (z k - z' k) / fall N eps x k <= 1 /\
    (z k - z' k) / fall N eps x k * fall N eps x k = z k - z' k).
  { intros k Hk Hz. apply fraction. specialize (H k Hk). unfold means_low in H. lra. }
  assert (A : forall k i, (k < r)%nat -> (i < N)%nat ->
    0 <= Rmin eps (1 - x k i) <= eps /\ 0 <= Rmin eps (x k i) <= eps /\
    Rmin eps (1 - x k i) <= 1 - x k i /\ Rmin eps (x k i) <= x k i).
  { intros k i Hk Hi. specialize (x_is_image k i Hk Hi). unfold Rmin.
    repeat destruct Rle_dec; lra. }
  split; [split|].
  - intros k i Hk Hi. specialize (A k i Hk Hi). pose proof (x_is_image k i Hk Hi).
    destruct Rle_dec as [L|L]; [destruct (F k Hk L)|destruct (G k Hk L)]; nra.
  - intros k i Hk Hi. specialize (A k i Hk Hi). apply Rabs_le.
    destruct Rle_dec as [L|L]; [destruct (F k Hk L)|destruct (G k Hk L)]; nra.
  - intros k Hk. unfold means at 1. destruct Rle_dec as [L|L].
    + destruct (F k Hk L) as [_ E]. rewrite sum_add, sum_scal.
      set (s := (z' k - z k) / rise N eps x k) in *.
      transitivity (z k + s * rise N eps x k); [unfold rise, means, Rdiv; ring|lra].
    + destruct (G k Hk L) as [_ E]. rewrite sum_sub, sum_scal.
      set (s := (z k - z' k) / fall N eps x k) in *.
      transitivity (z k - s * fall N eps x k); [unfold fall, means, Rdiv; ring|lra].
Qed.

Lemma x_reached : moves_linf r N eps x x.
Proof. split; [auto|]. intros. rewrite Rminus_diag_eq, Rabs_R0; auto. Qed.

(** [certified-means] S(x) = ||v||_2. Idea: a corner of the box is that far away, and reached. *)
Theorem certified_means_shift : is_lub (shifts_linf x) (norm2 r v).
Proof.
  split; [apply certified_box_shift, certified_means_box|]. intros s Hs.
  pose proof (certified_means_box x x_reached) as Z.
  set (corner := fun k => if Rle_dec (up k - z k) (z k - low k) then low k else up k).
  destruct (certified_means_fill corner) as (x' & Hx & E).
  { intros k Hk. specialize (Z k Hk). unfold corner. destruct Rle_dec; lra. }
  eapply Rle_trans; [|apply Hs; exists x'; split; [exact Hx|reflexivity]].
  right. unfold norm2. f_equal. apply sum_eq. intros k Hk. unfold sub. rewrite E by auto.
  unfold corner, largest_move, Rmax. destruct Rle_dec; ring.
Qed.

Lemma logit_ext u w j : (forall k, (k < r)%nat -> u k = w k) -> logit r W b u j = logit r W b w j.
Proof. intros H. unfold logit. now rewrite (dot_ext r _ _ _ H). Qed.

(** [certified-means] M is exactly the worst margin. Idea: the features fill the box. *)
Theorem certified_means_margin y M :
  least (box_margins c r W b low up y) M -> least (margins_linf x y) M.
Proof.
  intros [(j & z' & Hj & N' & Hz & ->) Low]. split.
  - destruct (certified_means_fill z' Hz) as (x' & Hx & E). exists j, x'.
    rewrite !(logit_ext _ _ _ E). auto.
  - intros t (i & x' & Hi & Ni & Hx & ->). apply Low. exists i, (means N x').
    pose proof (certified_means_box x' Hx). auto.
Qed.

(** [certified-means] D(x) is that of the box: the largest <W_j - W_y, z' - z> / ||W_j - W_y||
    over the box and the classes whose row differs, and at least 0. Idea: the features fill it. *)
Theorem certified_means_directional y D :
  is_lub (directional_shifts c r W vec (fun u => u) (fun _ u => in_box r low up u) z y) D ->
  is_lub (directions_linf x y) D.
Proof.
  assert (E : forall t, directions_linf x y t <->
    directional_shifts c r W vec (fun u => u) (fun _ u => in_box r low up u) z y t).
  { intros t. split; (intros [->|(w & j & Hw & Hj & Hd & ->)]; [now left|right]).
    - exists (means N w), j. pose proof (certified_means_box w Hw). auto.
    - destruct (certified_means_fill w Hw) as (x' & Hx & E). exists x', j.
      split; [auto|split; [auto|split; [auto|]]]. f_equal. apply dot_ext. intros k Hk. unfold sub.
      now rewrite E. }
  intros [U L]. split; [intros t Ht; apply U; now apply E|].
  intros s Hs. apply L. intros t Ht. apply Hs. now apply E.
Qed.

(** [certified-means] D <= S_P <= v_P. Idea: [slack_subspace_order], [certified_box_subspace]. *)
Theorem certified_means_subspace q B T y D S_P : orthonormal r q B ->
  spans_differences c r W q B -> (y < c)%nat ->
  (forall i, (i < q)%nat -> greatest (squared_moves r low up z (B i)) (T i)) ->
  is_lub (directions_linf x y) D -> is_lub (projected_linf (projector q B) x) S_P ->
  D <= S_P <= subspace_move r q low up z T.
Proof.
  intros O Sp Hy HT HD HS. split.
  - apply (slack_subspace_order c r W (nat -> vec) (means N) (moves_linf r N eps)
      (projector q B) x y D S_P (norm2 r v)); auto.
    + apply projector_symmetric.
    + now apply projector_idempotent.
    + now apply projector_fixes.
    + apply x_reached.
    + apply certified_means_shift.
  - apply HS. apply certified_box_subspace; [apply certified_means_box|auto|].
    intros i Hi t Ht. now apply (HT i Hi).
Qed.

(** [certified-means] With two classes, S_P = v_P: the difference of two rows spans at most one
    dimension, so q <= 1. Idea: the largest move along b_1 is reached. *)
Theorem certified_means_two_classes q B T S_P : (q <= 1)%nat -> orthonormal r q B ->
  (forall i, (i < q)%nat -> greatest (squared_moves r low up z (B i)) (T i)) ->
  is_lub (projected_linf (projector q B) x) S_P -> S_P = subspace_move r q low up z T.
Proof.
  intros Hq O HT HS. apply Rle_antisym.
  - apply HS. apply certified_box_subspace; [apply certified_means_box|auto|].
    intros i Hi t Ht. now apply (HT i Hi).
  - eapply Rle_trans; [apply Rmin_r|]. destruct q as [|[|q]]; [| |lia].
    + simpl. rewrite sqrt_0. eapply Rle_trans; [apply norm2_nonneg|]. apply HS. exists x.
      split; [apply x_reached|reflexivity].
    + destruct (HT 0%nat ltac:(lia)) as [(z' & Hz & E) _].
      destruct (certified_means_fill z' Hz) as (x' & Hx & M).
      apply HS. exists x'. split; [exact Hx|]. rewrite projector_norm by auto. f_equal. simpl.
      f_equal. rewrite E. assert (D : dot r (B 0%nat) (sub z' z)
        = dot r (B 0%nat) (sub (means N x') z)); [|now rewrite D].
      apply dot_ext. intros k Hk. unfold sub. now rewrite M.
Qed.

(** [certified-means] On a grey image S(x) = eps sqrt(r) for eps <= 1/2. Idea: one of the two sides
    has room for eps. *)
Theorem certified_means_grey g : eps <= 1 / 2 ->
  (forall k i, (k < r)%nat -> (i < N)%nat -> x k i = g k) ->
  is_lub (shifts_linf x) (eps * sqrt (INR r)).
Proof.
  intros He Hg. replace (eps * sqrt (INR r)) with (norm2 r v); [apply certified_means_shift|].
  assert (C : forall t, sum N (fun _ : nat => t) / INR N = t).
  { intros t. rewrite sum_const. field. pose proof N_pos. lra. }
  rewrite (norm2_ext r _ (fun _ => eps * 1)).
  - rewrite norm2_scal, Rabs_pos_eq by auto. f_equal. unfold norm2, dot. f_equal.
    rewrite sum_const. ring.
  - intros k Hk. unfold largest_move, means_up, means_low.
    replace (rise N eps x k) with (Rmin eps (1 - g k)).
    2: { unfold rise. rewrite (sum_eq N _ (fun _ => Rmin eps (1 - g k))); [now rewrite C|].
      intros i Hi. now rewrite Hg. }
    replace (fall N eps x k) with (Rmin eps (g k)).
    2: { unfold fall. rewrite (sum_eq N _ (fun _ => Rmin eps (g k))); [now rewrite C|].
      intros i Hi. now rewrite Hg. }
    pose proof (x_is_image k 0%nat Hk some_values) as I. rewrite Hg in I by auto.
    unfold Rmax, Rmin. repeat destruct Rle_dec; lra.
Qed.

(** Jensen's inequality for one set, with what it leaves out: the values' distances from their
    mean, squared. *)
Lemma jensen d (m := sum N d / INR N) :
  m * m * INR N + dot N (fun i => d i - m) (fun i => d i - m) = dot N d d.
Proof.
  pose proof N_pos. unfold dot.
  rewrite (sum_eq N _ (fun i => d i * d i - 2 * m * d i + m * m)) by (intros; ring).
  rewrite sum_add, sum_sub, sum_scal, sum_const. unfold m. field. lra.
Qed.

Lemma move_of_means x' k : sub (means N x') z k = sum N (sub (x' k) (x k)) / INR N.
Proof. unfold sub, means. rewrite sum_sub. unfold Rdiv. ring. Qed.

(** ||z' - z||^2 N and what Jensen leaves out make ||delta||^2. *)
Lemma jensen_all x' (d := fun k => sub (x' k) (x k)) (m := sub (means N x') z) :
  norm2 r m * norm2 r m * INR N
  + sum r (fun k => dot N (fun i => d k i - m k) (fun i => d k i - m k))
  = length_l2 r N x x' * length_l2 r N x x'.
Proof.
  unfold length_l2. rewrite sqrt_sqrt by (apply sum_nonneg; intros; apply dot_self_nonneg).
  rewrite norm2_sqr, Rmult_comm. unfold dot at 1. rewrite <- sum_scal, <- sum_add.
  apply sum_eq. intros k Hk. subst m d. cbv beta. rewrite !move_of_means.
  rewrite <- (jensen (sub (x' k) (x k))). ring.
Qed.

Lemma length_nonneg x' : 0 <= length_l2 r N x x'.
Proof. apply sqrt_pos. Qed.

Lemma root_N : 0 < sqrt (INR N) /\ sqrt (INR N) * sqrt (INR N) = INR N.
Proof. pose proof N_pos. split; [now apply sqrt_lt_R0|apply sqrt_sqrt; lra]. Qed.

Lemma left_out_nonneg x' :
  0 <= sum r (fun k => dot N (fun i => sub (x' k) (x k) i - sub (means N x') z k)
    (fun i => sub (x' k) (x k) i - sub (means N x') z k)).
Proof. apply sum_nonneg. intros. apply dot_self_nonneg. Qed.

(** [certified-means] In l_2, S(x) <= eps / sqrt(N). Idea: Jensen's inequality for each set. *)
Theorem certified_means_l2 : is_upper_bound (shifts_l2 x) (eps / sqrt (INR N)).
Proof.
  intros t (x' & [_ Hl] & ->). pose proof (jensen_all x') as J. pose proof (left_out_nonneg x').
  destruct root_N as [P Q]. pose proof (length_nonneg x').
  pose proof (norm2_nonneg r (sub (means N x') z)) as M.
  apply (Rmult_le_reg_r (sqrt (INR N))); [auto|].
  replace (eps / sqrt (INR N) * sqrt (INR N)) with eps by (field; lra).
  apply sqr_le; [auto|]. cbv zeta in J. rewrite <- Q in J. nra.
Qed.

(** [certified-means] A perturbation moves the features by eps / sqrt(N) exactly if it has length
    eps and is constant on each B_k. Idea: equality in Jensen's inequality. *)
Theorem certified_means_l2_equality x' : moves_l2 r N eps x x' ->
  (norm2 r (sub (means N x') z) = eps / sqrt (INR N) <->
   length_l2 r N x x' = eps /\
   forall k, (k < r)%nat -> exists d, forall i, (i < N)%nat -> x' k i - x k i = d).
Proof.
  intros [_ Hl]. pose proof (jensen_all x') as J. pose proof (left_out_nonneg x') as L.
  destruct root_N as [P Q]. set (root := sqrt (INR N)) in *.
  pose proof (length_nonneg x') as H0.
  set (m := sub (means N x') z) in *. pose proof (norm2_nonneg r m) as M. cbv zeta in J.
  set (rest := fun k => dot N (fun i => sub (x' k) (x k) i - m k)
    (fun i => sub (x' k) (x k) i - m k)) in *.
  change (norm2 r m * norm2 r m * INR N + sum r rest
    = length_l2 r N x x' * length_l2 r N x x') in J.
  change (0 <= sum r rest) in L. split.
  - intros E. assert (E' : norm2 r m * norm2 r m * INR N = eps * eps).
    { rewrite E, <- Q. field. lra. }
    assert (R0 : sum r rest = 0) by nra.
    split; [apply Rle_antisym; [auto|]; apply sqr_le; [auto|lra]|].
    intros k Hk. exists (m k). intros i Hi.
    assert (T : rest k <= sum r rest) by (apply sum_term; auto; intros; apply dot_self_nonneg).
    assert (Z : norm2 N (fun i => sub (x' k) (x k) i - m k) = 0).
    { unfold norm2. fold (rest k). replace (rest k) with 0; [apply sqrt_0|].
      pose proof (dot_self_nonneg N (fun i => sub (x' k) (x k) i - m k)) as K.
      fold (rest k) in K. lra. }
    pose proof (proj1 (norm2_zero N _) Z i Hi) as K. unfold sub at 1 in K. simpl in K. lra.
  - intros [E C]. assert (R0 : sum r rest = 0).
    { rewrite <- (sum_zero r). apply sum_eq. intros k Hk. destruct (C k Hk) as [d Hd].
      unfold rest, dot. rewrite <- (sum_zero N). apply sum_eq. intros i Hi. unfold m.
      rewrite move_of_means. rewrite (sum_eq N (sub (x' k) (x k)) (fun _ => d)) by auto.
      unfold sub. rewrite Hd, sum_const by auto. pose proof N_pos. field. lra. }
    rewrite R0, E, <- Q in J.
    apply (Rmult_eq_reg_r (root)); [|lra].
    replace (eps / root * root) with eps by (field; lra).
    apply Rle_antisym; apply sqr_le; try nra.
Qed.

(** [certified-means] So S(x) = eps / sqrt(N) if such a perturbation is allowed. Idea: the bound
    is reached. *)
Theorem certified_means_l2_attained x' : moves_l2 r N eps x x' -> length_l2 r N x x' = eps ->
  (forall k, (k < r)%nat -> exists d, forall i, (i < N)%nat -> x' k i - x k i = d) ->
  is_lub (shifts_l2 x) (eps / sqrt (INR N)).
Proof.
  intros H E C. split; [apply certified_means_l2|]. intros s Hs. apply Hs. exists x'.
  split; [auto|]. symmetry. now apply certified_means_l2_equality.
Qed.

(** [certified-means] In l_2 no margin falls below
    logit_y - logit_j - eps ||W_y - W_j|| / sqrt(N). Idea: Cauchy-Schwarz. *)
Theorem certified_means_l2_margin x' y j : moves_l2 r N eps x x' ->
  logit r W b z y - logit r W b z j - eps * dist r W y j / sqrt (INR N)
  <= logit r W b (means N x') y - logit r W b (means N x') j.
Proof.
  intros H. rewrite (logit_diff r W b z (means N x')).
  pose proof (cauchy_schwarz r (sub (W y) (W j)) (sub (means N x') z)) as C.
  apply abs_between in C. fold (dist r W y j) in C.
  assert (S : norm2 r (sub (means N x') z) <= eps / sqrt (INR N))
    by (apply certified_means_l2; now exists x').
  assert (D : 0 <= dist r W y j) by apply norm2_nonneg.
  apply (Rmult_le_compat_l (dist r W y j)) in S; [|auto].
  replace (eps * dist r W y j / sqrt (INR N)) with (dist r W y j * (eps / sqrt (INR N)))
    by (unfold Rdiv; ring). lra.
Qed.

(** How far the whole set B_k can move, up or down. *)
Definition room (k : nat) : R :=
  Rmax (1 - bigmax N (x k)) (1 - bigmax N (fun i => 1 - x k i)).

Lemma bigmax_reached n a : (0 < n)%nat -> (forall i, (i < n)%nat -> 0 <= a i) ->
  exists i, (i < n)%nat /\ bigmax n a = a i.
Proof.
  intros Hn. induction n as [|n IH]; [lia|]. intros H. simpl.
  destruct (Nat.eq_dec n 0) as [->|N0].
  - exists 0%nat. split; [lia|]. apply Rmax_right. apply H. lia.
  - destruct IH as (i & Hi & E); [lia|auto|]. unfold Rmax. destruct Rle_dec;
      [exists n; auto|exists i; auto].
Qed.

Lemma room_nonneg k : (k < r)%nat -> 0 <= room k.
Proof.
  intros Hk. assert (bigmax N (x k) <= 1)
    by (apply bigmax_le; [lra|]; intros; now apply x_is_image).
  unfold room. pose proof (Rmax_l (1 - bigmax N (x k)) (1 - bigmax N (fun i => 1 - x k i))). lra.
Qed.

(** A mean beyond the room leaves some value of B_k behind. *)
Lemma beyond_the_room x' k (m := sub (means N x') z k) : image r N x' -> (k < r)%nat ->
  Rmax 0 (Rabs m - room k) * Rmax 0 (Rabs m - room k)
  <= dot N (fun i => sub (x' k) (x k) i - m) (fun i => sub (x' k) (x k) i - m).
Proof.
  intros I Hk. unfold Rmax at 1 2. destruct Rle_dec as [L|L].
  2: { rewrite Rmult_0_l. apply dot_self_nonneg. }
  assert (Q : exists i, (i < N)%nat /\ Rabs m - room k <= Rabs (sub (x' k) (x k) i - m)).
  { pose proof (Rmax_l (1 - bigmax N (x k)) (1 - bigmax N (fun i => 1 - x k i))) as A.
    pose proof (Rmax_r (1 - bigmax N (x k)) (1 - bigmax N (fun i => 1 - x k i))) as B.
    fold (room k) in A, B. destruct (Rle_dec 0 m) as [P|P].
    - destruct (bigmax_reached N (x k)) as (i & Hi & E);
        [auto|intros; now apply x_is_image|]. exists i. split; [auto|].
      specialize (I k i Hk Hi). rewrite E in A. rewrite (Rabs_pos_eq m) in * by lra.
      unfold sub at 1. rewrite Rabs_left1; lra.
    - destruct (bigmax_reached N (fun i => 1 - x k i)) as (i & Hi & E);
        [auto|intros i Hi; specialize (x_is_image k i Hk Hi); lra|]. exists i. split; [auto|].
      specialize (I k i Hk Hi). rewrite E in B. rewrite (Rabs_left m) in * by lra.
      unfold sub at 1. rewrite Rabs_pos_eq; lra. }
  destruct Q as (i & Hi & Q).
  eapply Rle_trans; [|apply (sum_term N (fun i => (sub (x' k) (x k) i - m)
    * (sub (x' k) (x k) i - m)) i); auto; intros; apply Rle_0_sqr]. cbv beta.
  replace ((sub (x' k) (x k) i - m) * (sub (x' k) (x k) i - m)) with
    (Rabs (sub (x' k) (x k) i - m) * Rabs (sub (x' k) (x k) i - m))
    by (rewrite <- Rabs_mult; apply Rabs_pos_eq, Rle_0_sqr). now apply Rmult_le_compat.
Qed.

(** Far enough from eps: y <= a + s p and y^2 + p^2 <= eps^2 with a < eps and s >= 1. *)
Lemma away_from a s : 0 <= a < eps -> 1 <= s -> exists eta, 0 < eta /\
  forall y p, 0 <= y -> 0 <= p -> y <= a + s * p -> y * y + p * p <= eps * eps -> y <= eps - eta.
Proof.
  intros Ha Hs. set (tau := (eps - a) / 2). set (q := tau / s).
  assert (Q : q * s = tau) by (unfold q; field; lra).
  assert (T : 0 < tau <= eps / 2) by (unfold tau; lra).
  assert (0 < q) by (apply Rdiv_lt_0_compat; lra).
  assert (q <= tau) by nra.
  set (w := q * q / (2 * eps)). assert (Ew : w * (2 * eps) = q * q) by (unfold w; field; lra).
  assert (0 < w) by (apply Rdiv_lt_0_compat; nra).
  assert (w <= eps) by nra.
  exists (Rmin tau w). split; [now apply Rmin_glb_lt|]. intros y p Hy Hp U1 U2.
  destruct (Rle_dec (s * p) tau) as [L|L].
  - pose proof (Rmin_l tau w). unfold tau in *. lra.
  - assert (q < p) by nra. assert (y <= eps - w) by (apply sqr_le; nra).
    pose proof (Rmin_r tau w). lra.
Qed.

(** [certified-means] And S(x) = eps / sqrt(N) only if such a perturbation is allowed. Idea: if the
    sets' own room is too small for it, every perturbation that goes beyond leaves values behind,
    and then Jensen's inequality loses a fixed amount. *)
Theorem certified_means_l2_only : is_lub (shifts_l2 x) (eps / sqrt (INR N)) ->
  exists x', moves_l2 r N eps x x' /\ length_l2 r N x x' = eps /\
  forall k, (k < r)%nat -> exists d, forall i, (i < N)%nat -> x' k i - x k i = d.
Proof.
  intros [_ Low]. destruct root_N as [P Q]. set (root := sqrt (INR N)) in *.
  pose proof (norm2_nonneg r room) as R0. set (a := root * norm2 r room).
  assert (A0 : 0 <= a) by (unfold a; nra).
  destruct (Rle_dec eps a) as [L|L].
  - destruct (fraction eps a) as [T E]; [lra|]. set (t := eps / a) in *.
    set (side := fun k => if Rle_dec (1 - bigmax N (x k)) (1 - bigmax N (fun i => 1 - x k i))
      then - (t * room k) else t * room k).
    assert (El : length_l2 r N x (fun k i => x k i + side k) = eps).
    { unfold length_l2. rewrite <- (sqrt_square eps) by auto. f_equal. rewrite <- E.
      transitivity (t * t * (root * root) * (norm2 r room * norm2 r room)); [|unfold a; ring].
      rewrite Q, norm2_sqr. unfold dot. rewrite <- sum_scal. apply sum_eq. intros k _.
      rewrite (sum_eq N _ (fun _ => t * room k * (t * room k))).
      - rewrite sum_const. ring.
      - intros i _. unfold sub, side. destruct Rle_dec; ring. }
    exists (fun k i => x k i + side k). split; [split; [|lra]|split; [exact El|]].
    + intros k i Hk Hi. pose proof (x_is_image k i Hk Hi). pose proof (room_nonneg k Hk) as G.
      pose proof (bigmax_ge N (x k) i Hi). pose proof (bigmax_ge N (fun i => 1 - x k i) i Hi) as K.
      cbv beta in K. unfold side. revert G. unfold room, Rmax. destruct Rle_dec; intros; nra.
    + intros k _. exists (side k). intros. ring.
  - exfalso. assert (S1 : 1 <= root).
    { unfold root. rewrite <- sqrt_1. apply sqrt_le_1_alt. apply (le_INR 1). lia. }
    destruct (away_from a root) as (eta & He & Far); [lra|auto|].
    assert (B : eps / root <= (eps - eta) / root).
    { apply Low. intros s (x' & [I Hl] & ->). pose proof (jensen_all x') as J. cbv zeta in J.
      set (m := sub (means N x') z) in *. set (e := fun k => Rmax 0 (Rabs (m k) - room k)).
      assert (H1 : norm2 r m <= norm2 r room + norm2 r e).
      { eapply Rle_trans; [|apply norm2_triangle]. apply norm2_mono. intros k Hk. unfold e.
        pose proof (Rmax_r 0 (Rabs (m k) - room k)). lra. }
      assert (H2 : norm2 r e * norm2 r e <= sum r (fun k => dot N
        (fun i => sub (x' k) (x k) i - m k) (fun i => sub (x' k) (x k) i - m k))).
      { rewrite norm2_sqr. apply sum_le. intros k Hk. now apply beyond_the_room. }
      pose proof (norm2_nonneg r m). pose proof (norm2_nonneg r e). pose proof (length_nonneg x').
      assert (Y : root * norm2 r m <= eps - eta).
      { rewrite <- Q in J. apply (Far _ (norm2 r e)); unfold a; nra. }
      apply (Rmult_le_reg_l root); [auto|].
      replace (root * ((eps - eta) / root)) with (eps - eta) by (field; lra). auto. }
    apply (Rmult_le_compat_l root) in B; [|lra].
    replace (root * (eps / root)) with eps in B by (field; lra).
    replace (root * ((eps - eta) / root)) with (eps - eta) in B by (field; lra). lra.
Qed.

End Means.
