(** * Two images that no linear head can tell apart with Theorem 2's criterion *)

From Book Require Import definitions linear_algebra theorem_2_criterion.

(** [audit-pairs] If S(x_1) + S(x_2) >= ||z_1 - z_2||, no head that predicts different classes at
    x_1 and x_2 fulfils the criterion at both. Idea: the signed distance from the hyperplane between
    the two classes is 1-Lipschitz, at least S(x_1) above 0 at z_1, and S(x_2) below 0 at z_2. *)
Theorem audit_pairs c r W b z1 z2 y1 y2 S1 S2 : y1 <> y2 -> 0 <= S1 -> 0 <= S2 ->
  norm2 r (sub z1 z2) <= S1 + S2 -> predicts c r W b z1 y1 -> predicts c r W b z2 y2 ->
  ~ (lt_ext S1 (margin_ratio c r W b z1 y1) /\ lt_ext S2 (margin_ratio c r W b z2 y2)).
Proof.
  intros Hne H1 H2 Hd [Hy1 P1] [Hy2 P2] [M1 M2].
  pose proof (proj1 (lt_margin c r W b S1 z1 y1) M1 y2 Hy2 ltac:(auto)) as A.
  pose proof (proj1 (lt_margin c r W b S2 z2 y2) M2 y1 Hy1 ltac:(auto)) as B.
  specialize (P1 y2 Hy2). specialize (P2 y1 Hy1). unfold ratio in A, B.
  assert (Sym : dist r W y2 y1 = dist r W y1 y2) by apply norm2_sub_sym. rewrite Sym in B.
  pose proof (logit_diff r W b z2 z1 y1 y2) as L.
  pose proof (cauchy_schwarz_le r (sub (W y1) (W y2)) (sub z1 z2)) as C.
  fold (dist r W y1 y2) in C. destruct (Req_EM_T (dist r W y1 y2) 0) as [E|N].
  - rewrite E in C. destruct (Rlt_dec (logit r W b z1 y2) (logit r W b z1 y1)); simpl in A; [|lra].
    lra.
  - pose proof (dist_pos r W y1 y2 N) as D. simpl in A, B. rewrite Rabs_pos_eq in A, B by lra.
    apply (Rmult_lt_compat_l (dist r W y1 y2)) in A; [|lra].
    apply (Rmult_lt_compat_l (dist r W y1 y2)) in B; [|lra].
    replace (dist r W y1 y2 * ((logit r W b z1 y1 - logit r W b z1 y2) / dist r W y1 y2))
      with (logit r W b z1 y1 - logit r W b z1 y2) in A by (field; lra).
    replace (dist r W y1 y2 * ((logit r W b z2 y2 - logit r W b z2 y1) / dist r W y1 y2))
      with (logit r W b z2 y2 - logit r W b z2 y1) in B by (field; lra). nra.
Qed.
