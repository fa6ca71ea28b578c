(** * The definitions that have to be trusted

    A machine checks that each statement follows from these definitions. That they say what the
    book means, only a reader can check. Each has the book's symbol and a sentence. Classes are
    numbered from 0, as in the code; a real number here is a real number and no float. *)

From Coq Require Export Reals Lra Lia List.
Export ListNotations.
Open Scope R_scope.

(** ** 1. Vectors and norms *)

(** A vector of R^n is a function of which only the entries 0, ..., n-1 count. *)
Definition vec := nat -> R.

(** sum n a is a_0 + ... + a_(n-1). *)
Fixpoint sum (n : nat) (a : vec) : R := match n with O => 0 | S k => sum k a + a k end.

(** bigmax n a is the maximum of 0, a_0, ..., a_(n-1): for numbers that are not negative. *)
Fixpoint bigmax (n : nat) (a : vec) : R := match n with O => 0 | S k => Rmax (bigmax k a) (a k) end.

(** u - v. *)
Definition sub (u v : vec) : vec := fun i => u i - v i.
(** The inner product <u, v>. *)
Definition dot (n : nat) (u v : vec) : R := sum n (fun i => u i * v i).
(** The unit vector e_y. *)
Definition unit (y : nat) : vec := fun i => if Nat.eq_dec i y then 1 else 0.

(** The norm l_1. *)
Definition norm1 (n : nat) (v : vec) : R := sum n (fun i => Rabs (v i)).
(** The norm l_2. *)
Definition norm2 (n : nat) (v : vec) : R := sqrt (dot n v v).
(** The norm l_inf. *)
Definition norminf (n : nat) (v : vec) : R := bigmax n (fun i => Rabs (v i)).

(** Which of the three norms: the book's alpha. *)
Inductive alpha := L1 | L2 | Linf.
(** The norm that alpha names. *)
Definition norm (a : alpha) (n : nat) (v : vec) : R :=
  match a with L1 => norm1 n v | L2 => norm2 n v | Linf => norminf n v end.
(** Its dual norm. *)
Definition dual_norm (a : alpha) (n : nat) (g : vec) : R :=
  match a with L1 => norminf n g | L2 => norm2 n g | Linf => norm1 n g end.

(** ** 2. The head: r features, c classes, rows W_j, bias b *)

(** The logit of class j at the features z: <W_j, z> + b_j. The page writes f(x)_j for it. *)
Definition logit (r : nat) (W : nat -> vec) (b z : vec) (j : nat) : R := dot r (W j) z + b j.

(** ||W_j||_2 *)
Definition row_norm (r : nat) (W : nat -> vec) (j : nat) : R := norm2 r (W j).
(** ||W_i - W_j||_2, which is 0 exactly if the two rows are equal. *)
Definition dist (r : nat) (W : nat -> vec) (i j : nat) : R := norm2 r (sub (W i) (W j)).

(** max_j ||W_y - W_j||_2 *)
Definition max_dist (c r : nat) (W : nat -> vec) (y : nat) : R := bigmax c (fun j => dist r W y j).

(** The sum of the rows' norms, the Frobenius norm, the longest row. For alpha = 1 and infinity that
    is L_alpha(W) of Lemma 2; for alpha = 2 it is at least L_2(W), which is the spectral norm. *)
Definition head_norm (c r : nat) (W : nat -> vec) (a : alpha) : R :=
  match a with
  | L1 => sum c (row_norm r W)
  | L2 => norm2 c (row_norm r W)
  | Linf => bigmax c (row_norm r W)
  end.

(** L bounds the head: ||W v||_alpha <= L ||v||_2 for every move v of the features. *)
Definition bounds_head (c r : nat) (W : nat -> vec) (a : alpha) (L : R) : Prop :=
  forall v, norm a c (fun j => dot r (W j) v) <= L * norm2 r v.

(** L is the spectral norm of W: the supremum of ||W v||_2 over ||v||_2 <= 1. *)
Definition spectral (c r : nat) (W : nat -> vec) (L : R) : Prop :=
  is_lub (fun t => exists v, norm2 r v <= 1 /\ t = norm2 c (fun j => dot r (W j) v)) L.

(** L is L_alpha(W) of Lemma 2: the sum of the rows' norms, the spectral norm, the longest row. *)
Definition is_head_constant (c r : nat) (W : nat -> vec) (a : alpha) (L : R) : Prop :=
  match a with L2 => spectral c r W L | _ => L = head_norm c r W a end.

(** ** 3. The predicted class *)

(** y has a largest logit. The book's c(x) is such a y; at a tie there are others, and a statement
    about every such y then holds for each of them. *)
Definition predicts (c r : nat) (W : nat -> vec) (b z : vec) (y : nat) : Prop :=
  (y < c)%nat /\ forall j, (j < c)%nat -> logit r W b z j <= logit r W b z y.

(** y alone has the largest logit, so that no rule for ties is needed. *)
Definition only_predicts (c r : nat) (W : nat -> vec) (b z : vec) (y : nat) : Prop :=
  (y < c)%nat /\ forall j, (j < c)%nat -> j <> y -> logit r W b z j < logit r W b z y.

(** ** 4. The margin ratio m(x): a real number, or +infinity, written [None] *)

(** s < q *)
Definition lt_ext (s : R) (q : option R) : Prop := match q with Some t => s < t | None => True end.
(** The smaller of p and q. *)
Definition min_ext (p q : option R) : option R :=
  match p, q with Some s, Some t => Some (Rmin s t) | None, _ => q | _, None => p end.

(** |logit_y - logit_j| / ||W_y - W_j||_2; for equal rows +infinity if logit_y > logit_j, and else
    0. If y has a largest logit, "else" is a tie; of other y the book's m(x) does not speak. *)
Definition ratio (r : nat) (W : nat -> vec) (b z : vec) (y j : nat) : option R :=
  if Req_EM_T (dist r W y j) 0
  then if Rlt_dec (logit r W b z j) (logit r W b z y) then None else Some 0
  else Some (Rabs (logit r W b z y - logit r W b z j) / dist r W y j).

(** The minimum of the ratios over the classes j < n other than y. *)
Fixpoint min_ratio (r : nat) (W : nat -> vec) (b : vec) (n : nat) (z : vec) (y : nat) : option R :=
  match n with
  | O => None
  | S j => if Nat.eq_dec j y then min_ratio r W b j z y
           else min_ext (min_ratio r W b j z y) (ratio r W b z y j)
  end.
(** m(x), the minimum over all c classes. *)
Definition margin_ratio (c r : nat) (W : nat -> vec) (b z : vec) (y : nat) : option R :=
  min_ratio r W b c z y.

(** g(z), the margin ratio with its sign, over the classes whose row differs from W_y. *)
Fixpoint min_signed (r : nat) (W : nat -> vec) (b : vec) (n : nat) (z : vec) (y : nat) : option R :=
  match n with
  | O => None
  | S j => if Req_EM_T (dist r W y j) 0 then min_signed r W b j z y
           else min_ext (min_signed r W b j z y)
                        (Some ((logit r W b z y - logit r W b z j) / dist r W y j))
  end.
Definition signed_margin (c r : nat) (W : nat -> vec) (b z : vec) (y : nat) : option R :=
  min_signed r W b c z y.

(** ** 5. The adversary: images X, an encoder f, and a relation [reach]

    [reach x x'] says that x' = x + delta for an allowed delta. Nothing is assumed of X, f and
    reach; where 0 must be allowed, a statement asks for [reach x x]. *)

(** S(x) is the supremum of this set: how far the features can move. *)
Definition shifts (r : nat) (X : Type) (f : X -> vec) (reach : X -> X -> Prop)
  (x : X) (t : R) : Prop := exists x', reach x x' /\ t = norm2 r (sub (f x') (f x)).

(** l_adv(x, y) is the supremum of this set: the loss at all allowed perturbations. *)
Definition losses (r : nat) (W : nat -> vec) (b : vec) (X : Type) (f : X -> vec)
  (reach : X -> X -> Prop) (loss : vec -> nat -> R) (x : X) (y : nat) (t : R) : Prop :=
  exists x', reach x x' /\ t = loss (logit r W b (f x')) y.

(** D(x) is the supremum of this set, which contains 0 as the book's does by 0 in Delta(x). *)
Definition directional_shifts (c r : nat) (W : nat -> vec) (X : Type) (f : X -> vec)
  (reach : X -> X -> Prop) (x : X) (y : nat) (t : R) : Prop :=
  t = 0 \/ exists x' j, reach x x' /\ (j < c)%nat /\ dist r W y j <> 0 /\
    t = dot r (sub (W j) (W y)) (sub (f x') (f x)) / dist r W y j.

(** ** 6. The head's own subspace: an r x r matrix P *)

(** The matrix A times the vector v. *)
Definition mul (r : nat) (A : nat -> vec) (v : vec) : vec := fun i => dot r (A i) v.
(** P is symmetric. *)
Definition symmetric (r : nat) (P : nat -> vec) : Prop :=
  forall i j, (i < r)%nat -> (j < r)%nat -> P i j = P j i.
(** P^2 = P *)
Definition idempotent (r : nat) (P : nat -> vec) : Prop :=
  forall v i, (i < r)%nat -> mul r P (mul r P v) i = mul r P v i.
(** P (W_i - W_j) = W_i - W_j *)
Definition fixes_row_differences (c r : nat) (W P : nat -> vec) : Prop :=
  forall i j k, (i < c)%nat -> (j < c)%nat -> (k < r)%nat ->
  mul r P (sub (W i) (W j)) k = sub (W i) (W j) k.

(** S_P(x) is the supremum of this set. *)
Definition projected_shifts (r : nat) (X : Type) (f : X -> vec) (reach : X -> X -> Prop)
  (P : nat -> vec) (x : X) (t : R) : Prop :=
  exists x', reach x x' /\ t = norm2 r (mul r P (sub (f x') (f x))).

(** ** 7. Lipschitz losses (Definition 1) *)

(** The loss is C-Lipschitz in the norm alpha on the domains Z_y, [dom y], with n outputs, for every
    label y. A label is a number: a class, or the number of a target, such as [target y] below. The
    book's C_1 >= 0 is not part of this: a statement that needs it says so. *)
Definition lipschitz_on (dom : nat -> vec -> Prop) (a : alpha) (n : nat) (C : R)
  (loss : vec -> nat -> R) : Prop :=
  forall u v y, dom y u -> dom y v ->
  Rabs (loss u y - loss v y) <= C * norm a n (sub u v).

(** Where no domain is named, every output is allowed, for every label. *)
Definition everywhere (y : nat) (u : vec) : Prop := True.
(** Every output is allowed, for the labels that are classes: 0, ..., c-1. *)
Definition classes (c : nat) (y : nat) (u : vec) : Prop := (y < c)%nat.
(** Lipschitz where every output is allowed, for every label. *)
Definition lipschitz := lipschitz_on everywhere.

(** g is a subgradient of the loss with label y at u, on the domain. *)
Definition subgradient (dom : nat -> vec -> Prop) (n : nat) (loss : vec -> nat -> R) (y : nat)
  (u g : vec) : Prop := forall v, dom y v -> loss u y + dot n g (sub v u) <= loss v y.

(** All logits that the adversary can reach from x lie in the domain of the loss with label y. *)
Definition stays_in_domain (r : nat) (W : nat -> vec) (b : vec) (X : Type) (f : X -> vec)
  (reach : X -> X -> Prop) (dom : nat -> vec -> Prop) (x : X) (y : nat) : Prop :=
  forall x', reach x x' -> dom y (logit r W b (f x')).

(** ** 8. The losses of Section 3.1 *)

(** The sum of the e^(u_j), the softmax q of the logits u, and the cross-entropy -log q_y. *)
Definition exp_sum (n : nat) (u : vec) : R := sum n (fun j => exp (u j)).
Definition softmax (n : nat) (u : vec) (j : nat) : R := exp (u j) / exp_sum n u.
Definition cross_entropy (n : nat) (u : vec) (y : nat) : R := - ln (exp (u y) / exp_sum n u).
(** q - e_y, the gradient of the cross-entropy. *)
Definition gradient (n : nat) (u : vec) (y : nat) : vec := sub (softmax n u) (unit y).
(** The two hinge losses of several classes. *)
Definition crammer_singer (n : nat) (u : vec) (y : nat) : R :=
  bigmax n (fun j => if Nat.eq_dec j y then 0 else 1 + u j - u y).
Definition weston_watkins (n : nat) (u : vec) (y : nat) : R :=
  sum n (fun j => if Nat.eq_dec j y then 0 else Rmax 0 (1 + u j - u y)).

(** Losses of one score u_0: [sign y] is the label +1 or -1, [target y] the regression target. *)
Definition logistic (sign : nat -> R) (u : vec) (y : nat) : R := ln (1 + exp (- (sign y * u O))).
Definition hinge (sign : nat -> R) (u : vec) (y : nat) : R := Rmax 0 (1 - sign y * u O).
Definition huber (kappa : R) (target : nat -> R) (u : vec) (y : nat) : R :=
  let xi := u O - target y in
  if Rle_dec (Rabs xi) kappa then xi * xi / 2 else kappa * Rabs xi - kappa * kappa / 2.
Definition quantile (tau : R) (target : nat -> R) (u : vec) (y : nat) : R :=
  let xi := u O - target y in Rmax (- tau * xi) ((1 - tau) * xi).

(** Losses of n values with the target [target y]. *)
Definition norm_loss (n : nat) (target : nat -> vec) (u : vec) (y : nat) : R :=
  norm2 n (sub u (target y)).
Definition squared_loss (n : nat) (target : nat -> vec) (u : vec) (y : nat) : R :=
  norm2 n (sub u (target y)) * norm2 n (sub u (target y)).

(** Their constants C_1, in the norms l_1, l_2 and l_inf. *)
Definition C_cross_entropy (a : alpha) : R :=
  match a with L1 => 1 | L2 => sqrt 2 | Linf => 2 end.
Definition C_weston_watkins (c : nat) (a : alpha) : R :=
  match a with L1 => INR c - 1 | L2 => sqrt (INR c * (INR c - 1)) | Linf => 2 * (INR c - 1) end.
Definition C_one_score (a : alpha) : R :=
  match a with L1 => 1 | L2 => 1 | Linf => 1 end.
Definition C_huber (kappa : R) (a : alpha) : R :=
  match a with L1 => kappa | L2 => kappa | Linf => kappa end.
Definition C_quantile (tau : R) (a : alpha) : R :=
  match a with L1 => Rmax tau (1 - tau) | L2 => Rmax tau (1 - tau) | Linf => Rmax tau (1 - tau) end.
Definition C_norm (c : nat) (a : alpha) : R :=
  match a with L1 => 1 | L2 => 1 | Linf => sqrt (INR c) end.
Definition C_squared (R_ : R) (c : nat) (a : alpha) : R :=
  match a with L1 => 2 * R_ | L2 => 2 * R_ | Linf => 2 * R_ * sqrt (INR c) end.

(** ** 9. Expectation and probability, for a distribution on finitely many points

    The points are 0, ..., K-1 with the weights p_k; a sample is a list of n independent draws. *)

(** The expectation of g at one draw. *)
Definition E (K : nat) (p : vec) (g : nat -> R) : R := sum K (fun k => p k * g k).

(** The expectation of a function of the sample: one draw after the other. *)
Fixpoint En (K : nat) (p : vec) (n : nat) (g : list nat -> R) : R :=
  match n with O => g [] | S m => E K p (fun k => En K p m (fun l => g (k :: l))) end.

(** The probability of an event about the sample; [dec] decides whether the event holds. *)
Definition Pr (K : nat) (p : vec) (n : nat) (A : list nat -> Prop)
  (dec : forall l, {A l} + {~ A l}) : R := En K p n (fun l => if dec l then 1 else 0).

(** The sum of g over the sample; over n it is the sample's mean. *)
Fixpoint lsum (g : nat -> R) (l : list nat) : R :=
  match l with [] => 0 | k :: l => g k + lsum g l end.
