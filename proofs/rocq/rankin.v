(** * Rankin's bound: more than [d + 1] points in dimension [d]

    The catalogue's [rankin]: [K >= d + 2] points of the unit ball have two at
    squared distance at most 2, so that every linear decoder's exponent is at
    most 1/4; the points [+- e_k] attain it for [K <= 2 d]. *)

From Coq Require Import Ring Field.
From mathcomp Require Import all_ssreflect all_algebra.
From nctheory Require Import vectors simplex decoder.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

Section Rankin.

Variables (F : realFieldType) (K d : nat).
Implicit Types (means weights : 'I_K -> 'rV[F]_d) (bias : 'I_K -> F).
Implicit Types (beta E : F).

Add Field F_field : (field_laws F).
Ltac algebra := normalize_operations F; ring.

(** [d + 2] points have an affine dependency: coefficients, not all 0, whose
    sum is 0 and with which the points add up to 0. *)
Lemma affine_dependency means :
  (d + 2 <= K)%N ->
  exists c : 'I_K -> F,
    [/\ \sum_i c i *: means i = 0, \sum_i c i = 0 & exists i, c i != 0].
Proof.
move=> many; pose A := row_mx (means_matrix means) (const_mx 1 : 'cV[F]_K).
have : kermx A != 0.
  rewrite kermx_eq0 /row_free neq_ltn; apply/orP; left.
  apply: leq_ltn_trans (rank_leq_col A) _.
  by move: many; rewrite addn2 addn1.
case/rowV0Pn => c /sub_kermxP cA c_neq0.
move: cA => /eqP; rewrite mul_mx_row row_mx_eq0 => /andP[/eqP cM /eqP c1].
exists (c 0); split.
- apply/rowP => k; rewrite summxE !mxE.
  transitivity ((c *m means_matrix means) 0 k); last by rewrite cM mxE.
  by rewrite mxE; apply: eq_bigr => i _; rewrite !mxE.
- transitivity ((c *m (const_mx 1 : 'cV[F]_K)) 0 0); last by rewrite c1 mxE.
  by rewrite mxE; apply: eq_bigr => i _; rewrite !mxE mulr1.
case: (pickP (fun i => c 0 i != 0)) => [i ci|c0]; first by exists i.
case/eqP: c_neq0; apply/rowP => i; rewrite mxE.
by have /negbFE/eqP := c0 i.
Qed.

(** So some two points are at an angle of at most 90 degrees. *)
Theorem rankin_inner_product means :
  (d + 2 <= K)%N ->
  exists i j, i != j /\ 0 <= dot (means i) (means j).
Proof.
move=> many; have [c [c_mu c_sum [k ck]]] := affine_dependency means many.
case: (pickP (fun p : 'I_K * 'I_K =>
  (p.1 != p.2) && (0 <= dot (means p.1) (means p.2)))) => [[i j]|none].
  by move=> /andP[]; exists i, j.
have obtuse i j : i != j -> dot (means i) (means j) < 0.
  by move=> ij; have := none (i, j); rewrite /= ij /= leNgt => /negbFE.
have some_pos (e : 'I_K -> F) : \sum_i e i = 0 -> e k != 0 ->
    exists i, 0 < e i.
  move=> sum0 ek; case: (pickP (fun i => 0 < e i)) => [i|neg].
    by exists i.
  have nonneg i : true -> 0 <= - e i.
    by move=> _; rewrite oppr_ge0 leNgt neg.
  have sum0' : \sum_i - e i = 0 by rewrite sumrN sum0 oppr0.
  have := sum_of_nonneg_eq0 nonneg sum0' (i := k) isT.
  by move/eqP; rewrite oppr_eq0 (negPf ek).
have [i ci] := some_pos c c_sum ck.
have [j cj] : exists j, 0 < - c j.
  by apply: some_pos; rewrite ?sumrN ?c_sum ?oppr0 ?oppr_eq0.
pose pos l := Num.max 0 (c l); pose neg l := Num.max 0 (- c l).
have pos_ge0 l : 0 <= pos l by rewrite le_maxr lexx.
have neg_ge0 l : 0 <= neg l by rewrite le_maxr lexx.
have c_split l : pos l - neg l = c l.
  rewrite /pos /neg; case: (leP 0 (c l)) => c0.
    by rewrite max_l ?oppr_le0 // subr0.
  by rewrite max_r ?oppr_ge0 ?ltW // sub0r opprK.
have disjoint l : pos l * neg l = 0.
  rewrite /pos /neg; case: (leP 0 (c l)) => c0.
    by rewrite max_l ?oppr_le0 // mulr0.
  by rewrite mul0r.
pose v := \sum_l pos l *: means l.
have v_neg : v = \sum_l neg l *: means l.
  apply/eqP; rewrite -subr_eq0 -sumrB -[X in _ == X]c_mu; apply/eqP.
  by apply: eq_bigr => l _; rewrite -scalerBl c_split.
pose f (p : 'I_K * 'I_K) := - (pos p.1 * (neg p.2 * dot (means p.1) (means p.2))).
have f_ge0 p : true -> 0 <= f p.
  case: p => a b _; rewrite /f /= oppr_ge0.
  have [->|ab] := eqVneq a b; first by rewrite mulrA disjoint mul0r.
  by rewrite mulr_ge0_le0 // mulr_ge0_le0 // ltW // obtuse.
have f_sum : \sum_p f p = - squared_norm v.
  rewrite /squared_norm {2}v_neg /v dot_suml -sumrN.
  rewrite -(pair_bigA _ (fun a b => f (a, b))) /=; apply: eq_bigr => a _.
  rewrite dotZl dot_sumr mulr_sumr -sumrN; apply: eq_bigr => b _.
  by rewrite dotZr.
have f_zero : \sum_p f p = 0.
  apply/eqP; rewrite eq_le sumr_ge0 ?andbT // f_sum oppr_le0.
  exact: squared_norm_ge0.
have := sum_of_nonneg_eq0 f_ge0 f_zero (i := (i, j)) isT.
have ij : i != j.
  by apply: contraTneq ci => ->; rewrite -leNgt -oppr_ge0 ltW.
have pos_gt0 : 0 < pos i by rewrite /pos max_r // ltW.
have neg_gt0 : 0 < neg j by rewrite /neg max_r // ltW.
move=> /eqP; rewrite /f /= oppr_eq0 mulf_eq0 gt_eqF //= mulf_eq0 gt_eqF //=.
by rewrite lt_eqF // obtuse.
Qed.

(** *** rankin

    Squared norms of at most [E] then give a squared distance of at most
    [2 E]. *)
Theorem rankin means E :
  (d + 2 <= K)%N -> bounded_energy_at_most E means ->
  exists i j, i != j /\ squared_distance (means i) (means j) <= 2%:R * E.
Proof.
move=> many bounded; have [i [j [ij acute]]] := rankin_inner_product means many.
exists i, j; split=> //; rewrite squared_distanceE ler_subl_addr.
apply: (@le_trans _ _ (E + E)); first exact: ler_add.
rewrite (_ : E + E = 2%:R * E); last by algebra.
by rewrite ler_addl mulr_ge0 ?ler0n.
Qed.

(** With any linear decoder the exponent is at most [E / 4]. *)
Theorem rankin_decoder means weights bias beta E :
  (d + 2 <= K)%N -> bounded_energy_at_most E means ->
  at_least beta (exponent means weights bias) -> 4%:R * beta <= E.
Proof.
move=> many bounded least; have [i [j [ij close]]] := rankin many bounded.
case: (leP beta 0) => [beta_le0|beta_gt0].
  apply: (@le_trans _ _ 0); first by rewrite mulr_ge0_le0 ?ler0n.
  by apply: le_trans (bounded i); apply: squared_norm_ge0.
move: least => /(exponent_at_leastP _ _ _ beta_gt0) /best_decoder.
move=> /(_ i j ij) far; have two_gt0 : 0 < 2%:R :> F by rewrite ltr0n.
rewrite -(ler_pmul2l two_gt0); apply: le_trans close; apply: le_trans far.
by rewrite le_eqVlt; apply/orP; left; apply/eqP; algebra.
Qed.

(** ** The points [+- e_k] *)

(** The first [d] points are [e_0, ..., e_(d-1)], the next ones
    [- e_0, ..., - e_(d-1)]. *)
Definition orthoplex (i : 'I_K) : 'rV[F]_d :=
  \row_k ((k == i :> nat)%:R - ((k + d)%N == i :> nat)%:R).

Lemma orthoplex_norm i : (K <= d + d)%N -> squared_norm (orthoplex i) = 1.
Proof.
move=> few; rewrite /squared_norm dotE.
have [k k_i] : exists k : 'I_d, (k == i :> nat) || ((k + d)%N == i :> nat).
  case: (ltnP i d) => [i_d|d_i]; first by exists (Ordinal i_d); rewrite /= eqxx.
  have i_d : (i - d < d)%N.
    by rewrite -(ltn_add2r d) subnK //; apply: leq_trans few.
  by exists (Ordinal i_d); rewrite /= subnK // eqxx orbT.
rewrite (bigD1 k) //= big1 ?addr0 => [|l l_k].
  rewrite !mxE; have d_gt0 : (0 < d)%N by apply: leq_ltn_trans (ltn_ord k).
  have [/eqP k_eq|k_neq] := boolP (k == i :> nat).
    rewrite -[in X in _ - X]k_eq -[X in (_ == X)]addn0 eqn_add2l.
    by rewrite gtn_eqF // subr0 mulr1.
  by move: k_i; rewrite (negPf k_neq) /= => ->; rewrite sub0r mulN1r opprK.
rewrite !mxE.
have k_lt := ltn_ord k; have l_lt := ltn_ord l.
have /negPf -> : l != i :> nat.
  apply: contraNneq l_k => l_i; case/orP: k_i => /eqP k_i.
    by rewrite -val_eqE /= l_i k_i.
  by move: l_lt; rewrite l_i -k_i ltnNge leq_addl.
have /negPf -> : (l + d)%N != i :> nat.
  apply: contraNneq l_k => l_i; case/orP: k_i => /eqP k_i.
    by move: k_lt; rewrite k_i -l_i ltnNge leq_addl.
  by rewrite -val_eqE /= -(eqn_add2r d) l_i k_i.
by rewrite subr0 mul0r.
Qed.

Lemma orthoplex_obtuse i j : i != j -> dot (orthoplex i) (orthoplex j) <= 0.
Proof.
move=> ij; rewrite dotE -oppr_ge0 -sumrN; apply: sumr_ge0 => k _.
rewrite oppr_ge0 !mxE.
have [/eqP ki|ki] := boolP (k == i :> nat).
  have /negPf -> : k != j :> nat by rewrite ki val_eqE.
  have /negPf -> : (k + d)%N != i :> nat.
    rewrite -ki -[X in _ != X]addn0 eqn_add2l.
    by rewrite -lt0n; apply: leq_ltn_trans (ltn_ord k).
  by rewrite subr0 mul1r sub0r oppr_le0 ler0n.
have [/eqP kdi|kdi] := boolP ((k + d)%N == i :> nat).
  have /negPf -> : (k + d)%N != j :> nat by rewrite kdi val_eqE.
  by rewrite subr0 sub0r mulN1r oppr_le0 ler0n.
by rewrite subr0 mul0r.
Qed.

(** For [d + 2 <= K <= 2 d] these unit vectors with nearest mean have exponent
    exactly 1/4, so that Rankin's bound is attained. *)
Theorem rankin_attained :
  (d + 2 <= K)%N -> (K <= d + d)%N ->
  (forall i, squared_norm (orthoplex i) = 1) /\
  exponent orthoplex orthoplex (nearest_mean_bias orthoplex)
  = Some (1 / 4%:R).
Proof.
move=> many few; have norm i := orthoplex_norm i few; split=> //.
have K_gt1 : (1 < K)%N by apply: leq_trans many; rewrite addn2.
have [beta eq] :=
  exponent_finite orthoplex orthoplex (nearest_mean_bias orthoplex) K_gt1.
rewrite eq; congr Some; apply/eqP; rewrite eq_le; apply/andP; split.
  rewrite ler_pdivl_mulr ?ltr0n // mulrC.
  apply: (rankin_decoder (means := orthoplex) (weights := orthoplex)
            (bias := nearest_mean_bias orthoplex) many).
    by move=> i; rewrite norm.
  by rewrite eq /=.
have [i [j [ij]]] := least_attained eq.
rewrite nearest_mean_exponent => -[<-].
rewrite squared_distanceE !norm ler_pdivl_mulr ?ltr0n //.
rewrite (_ : 1 / 4%:R * 8%:R = 2%:R :> F); last first.
  have -> : 8%:R = 4%:R * 2%:R :> F by rewrite -natrM.
  by rewrite mulrA divfK ?mul1r // pnatr_eq0.
rewrite -[1 + 1]/(2%:R) ler_subr_addr ger_addl.
by rewrite mulr_ge0_le0 ?ler0n // orthoplex_obtuse.
Qed.

(** ** ball_and_sphere: from the ball to the sphere

    Two points of the unit ball with norms [a] and [b], at squared distance of
    at least [D >= 1], have an inner product of at most [(1 - D / 2) a b]: after
    division by their norms they are still at squared distance [D] or more. *)
Theorem ball_and_sphere (x y : 'rV[F]_d) (a b D : F) :
  0 <= a <= 1 -> 0 <= b <= 1 ->
  squared_norm x = a ^+ 2 -> squared_norm y = b ^+ 2 ->
  1 <= D -> D <= squared_distance x y ->
  2%:R * dot x y <= (2%:R - D) * (a * b).
Proof.
move=> /andP[a_ge0 a_le1] /andP[b_ge0 b_le1] x_norm y_norm D_ge1.
rewrite squared_distanceE x_norm y_norm => far.
apply: (@le_trans _ _ (a ^+ 2 + b ^+ 2 - D)).
  by rewrite ler_subr_addl -ler_subr_addr.
have ab_le1 : a * b <= 1 by apply: mulr_ile1.
have norms : a ^+ 2 + b ^+ 2 - a * b <= 1.
  have half (s t : F) : 0 <= s -> s <= 1 -> 0 <= t -> t <= s ->
      s ^+ 2 + t ^+ 2 - s * t <= 1.
    move=> s_ge0 s_le1 t_ge0 ts; apply: (@le_trans _ _ (s ^+ 2)).
      rewrite -subr_ge0 (_ : s ^+ 2 - (_ - _) = t * (s - t)); last by algebra.
      by rewrite mulr_ge0 // subr_ge0.
    by rewrite -[1](expr1n _ 2); apply: square_le.
  case: (leP b a) => [ba|/ltW ab]; first exact: half.
  by rewrite addrC (addrC (a ^+ 2)) (mulrC a) addrC; apply: half.
rewrite -subr_ge0.
rewrite (_ : (2%:R - D) * _ - _ = (1 - (a ^+ 2 + b ^+ 2 - a * b))
                     + (D - 1) * (1 - a * b)); last by algebra.
by rewrite addr_ge0 ?mulr_ge0 // subr_ge0.
Qed.

End Rankin.
