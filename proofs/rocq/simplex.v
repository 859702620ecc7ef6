(** * The simplex: how far apart [K] points of bounded length can be

    [K] is the number of points (classes), [d] the dimension; [E] bounds the
    squared lengths, each of them or only their average.  The catalogue's
    [stability_identity], [unique_optimum] (its part on configurations) and
    the geometric part of [optimal_exponent] are here. *)

From Coq Require Import Ring Field.
From mathcomp Require Import all_ssreflect all_algebra.
From nctheory Require Import vectors.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

Section Simplex.

Variables (F : realFieldType) (K d : nat).
Implicit Types (means : 'I_K -> 'rV[F]_d) (D E : F).

Add Field F_field : (field_laws F).
Ltac algebra := normalize_operations F; ring.

(** The average of the squared lengths is at most [E], without division. *)
Definition average_energy_at_most E means : Prop :=
  \sum_i squared_norm (means i) <= K%:R * E.

(** Every squared length is at most [E]. *)
Definition bounded_energy_at_most E means : Prop :=
  forall i, squared_norm (means i) <= E.

(** Any two different points are at squared distance [D] or more. *)
Definition separated D means : Prop :=
  forall i j, i != j -> D <= squared_distance (means i) (means j).

(** The inner products of a simplex equiangular tight frame: [E] on the
    diagonal and [- E / (K - 1)] off it. *)
Definition simplex_gram E (i j : 'I_K) : F :=
  if i == j then E else - E / (K%:R - 1).

Definition is_simplex_etf E means : Prop :=
  forall i j, dot (means i) (means j) = simplex_gram E i j.

(** Bounded energy is the stronger of the two constraints. *)
Lemma bounded_is_average E means :
  bounded_energy_at_most E means -> average_energy_at_most E means.
Proof.
move=> bounded; rewrite /average_energy_at_most.
have -> : K%:R * E = \sum_(i < K) E by rewrite sumr_const card_ord mulr_natl.
exact: ler_sum.
Qed.

(** ** Sums over pairs *)

Lemma sum_constant (a : F) : \sum_(i < K) a = K%:R * a.
Proof. by rewrite sumr_const card_ord mulr_natl. Qed.

Lemma sum_off_diagonal (f : 'I_K -> 'I_K -> F) :
  \sum_i \sum_j f i j = \sum_i f i i + \sum_i \sum_(j | j != i) f i j.
Proof. by rewrite -big_split; apply: eq_bigr => i _; rewrite (bigD1 i). Qed.

(** Ordered pairs are twice the pairs with [i < j]. *)
Lemma sum_ordered_pairs (f : 'I_K -> 'I_K -> F) :
  (forall i j, f i j = f j i) ->
  \sum_i \sum_(j | j != i) f i j
  = 2%:R * (\sum_(i < K) \sum_(j < K | (i < j)%N) f i j).
Proof.
move=> sym; rewrite -[2%:R]/(1 + 1) mulrDl !mul1r.
rewrite [X in _ = _ + X](exchange_big_dep xpredT) //= -big_split.
apply: eq_bigr => i _; rewrite (bigID (fun j : 'I_K => (i < j)%N)) /=.
congr (_ + _); apply: eq_big => j.
- by rewrite -val_eqE /=; case: ltngtP.
- by [].
- by rewrite -val_eqE /= -leqNgt; case: ltngtP.
- by move=> _; rewrite sym.
Qed.

Lemma sum_over_others (a : F) (i : 'I_K) :
  \sum_(j < K | j != i) a = (K%:R - 1) * a.
Proof.
have := sum_constant a; rewrite (bigD1 i) //= => eq.
by apply: (addrI a); rewrite eq; algebra.
Qed.

Lemma sum_off_diagonal_constant (a : F) :
  \sum_(i < K) \sum_(j < K | j != i) a = K%:R * (K%:R - 1) * a.
Proof.
rewrite (eq_bigr _ (fun i _ => sum_over_others a i)) sum_constant; algebra.
Qed.

(** The squared distances from one point: [sum_j |mu_i - mu_j|^2]. *)
Lemma sum_squared_distance_from means i :
  \sum_j squared_distance (means i) (means j)
  = K%:R * squared_norm (means i) + \sum_j squared_norm (means j)
    - 2%:R * dot (means i) (\sum_j means j).
Proof.
rewrite dot_sumr mulr_sumr -[K%:R * _]sum_constant -big_split -sumrB.
by apply: eq_bigr => j _; rewrite squared_distanceE.
Qed.

(** All squared distances, over ordered pairs:
    [2 K sum |mu_i|^2 - 2 |sum mu_i|^2]. *)
Lemma sum_squared_distance means :
  \sum_i \sum_j squared_distance (means i) (means j)
  = 2%:R * K%:R * (\sum_i squared_norm (means i))
    - 2%:R * squared_norm (\sum_i means i).
Proof.
rewrite (eq_bigr _ (fun i _ => sum_squared_distance_from means i)).
rewrite sumrB big_split /= -!mulr_sumr -dot_suml sum_constant.
rewrite -/(squared_norm _).
by move: (\sum_i squared_norm _) (squared_norm _) => a b; algebra.
Qed.

(** *** stability_identity, for every [D] and every [E]

    Over ordered pairs: the slack of the energy, the squared length of the sum
    and the excess of the distances over [D] add up to [2 K^2 E - K (K-1) D]. *)
Lemma stability_identity_ordered means D E :
  2%:R * K%:R * (\sum_i (E - squared_norm (means i)))
  + 2%:R * squared_norm (\sum_i means i)
  + \sum_i \sum_(j | j != i) (squared_distance (means i) (means j) - D)
  = 2%:R * K%:R * (K%:R * E) - K%:R * (K%:R - 1) * D.
Proof.
rewrite sumrB sum_constant.
rewrite (eq_bigr _ (fun i _ => sumrB _ _ _ _)) sumrB.
rewrite sum_off_diagonal_constant.
have := sum_off_diagonal
          (fun i j => squared_distance (means i) (means j)).
rewrite sum_squared_distance [X in _ = X + _]big1 ?add0r; last first.
  by move=> i _; rewrite squared_distancexx.
move=> <-; algebra.
Qed.

Lemma K_minus_1_gt0 : (1 < K)%N -> 0 < K%:R - 1 :> F.
Proof. by move=> K_gt1; rewrite subr_gt0 ltr1n. Qed.

(** The catalogue's form: sums over [i < j], mean squared length at most 1,
    [gap = K / (4 (K-1)) - D / 8]. *)
Theorem stability_identity means D :
  (1 < K)%N ->
  K%:R * (\sum_i (1 - squared_norm (means i)))
  + squared_norm (\sum_i means i)
  + \sum_(i < K) \sum_(j < K | (i < j)%N)
      (squared_distance (means i) (means j) - D)
  = 4%:R * K%:R * (K%:R - 1) * (K%:R / (4%:R * (K%:R - 1)) - D / 8%:R).
Proof.
move=> K_gt1; have := stability_identity_ordered means D 1.
rewrite (sum_ordered_pairs (f := fun i j => _ - D)); last first.
  by move=> i j; rewrite squared_distanceC.
set A := \sum_i (_ - _); set B := squared_norm _; set C := \sum_i _.
move=> eq; have two_neq0 : 2%:R != 0 :> F by rewrite pnatr_eq0.
apply: (mulfI two_neq0); transitivity
  (2%:R * K%:R * A + 2%:R * B + 2%:R * C); first by algebra.
rewrite eq invfM; have n8 : 8%:R / 8%:R = 1 :> F by rewrite divff ?pnatr_eq0.
have n4 : 4%:R / 4%:R = 1 :> F by rewrite divff ?pnatr_eq0.
have n1 : (K%:R - 1) / (K%:R - 1) = 1 :> F.
  by rewrite divff // gt_eqF ?K_minus_1_gt0.
transitivity (2%:R * K%:R * K%:R * (4%:R / 4%:R) * ((K%:R - 1) / (K%:R - 1))
              - 8%:R / 8%:R * (K%:R * (K%:R - 1) * D)); last by algebra.
by rewrite n8 n4 n1; algebra.
Qed.

(** ** The bound

    [K] points whose squared lengths are at most [E] on average cannot all be
    farther apart than [2 K E / (K - 1)], squared. *)
Theorem simplex_bound means D E :
  (1 < K)%N -> average_energy_at_most E means -> separated D means ->
  (K%:R - 1) * D <= 2%:R * K%:R * E.
Proof.
move=> K_gt1 energy sep; have K_gt0 : 0 < K%:R :> F by rewrite ltr0n ltnW.
rewrite -subr_ge0 -(pmulr_rge0 _ K_gt0).
rewrite (_ : K%:R * _ = 2%:R * K%:R * (K%:R * E) - K%:R * (K%:R - 1) * D);
  last by algebra.
rewrite -(stability_identity_ordered means D E).
rewrite !addr_ge0 ?mulr_ge0 ?ler0n ?squared_norm_ge0 //.
  by rewrite sumrB sum_constant subr_ge0.
apply: sumr_ge0 => i _; apply: sumr_ge0 => j j_neq_i.
by rewrite subr_ge0 sep // eq_sym.
Qed.

(** The same as a statement on one pair: some two different points are at
    squared distance at most [2 K E / (K - 1)]. *)
Theorem closest_pair means E :
  (1 < K)%N -> average_energy_at_most E means ->
  exists i j, i != j /\
    squared_distance (means i) (means j) <= 2%:R * K%:R * E / (K%:R - 1).
Proof.
move=> K_gt1 energy; have K1 := K_minus_1_gt0 K_gt1.
pose i0 := Ordinal (ltnW K_gt1); pose i1 := Ordinal K_gt1.
pose pairs := [pred ij : 'I_K * 'I_K | ij.1 != ij.2].
have pair0 : pairs (i0, i1) by [].
case: (arg_minP (fun ij => squared_distance (means ij.1) (means ij.2)) pair0).
move=> [i j] /= i_neq_j least; exists i, j; split=> //.
rewrite ler_pdivl_mulr // mulrC; apply: simplex_bound energy _ => //.
by move=> k l k_neq_l; apply: (least (k, l)).
Qed.

(** ** The equality case

    All squared distances reach [2 K E / (K - 1)] exactly for the simplex
    equiangular tight frame. *)
Theorem simplex_bound_equality means E :
  (1 < K)%N -> average_energy_at_most E means ->
  separated (2%:R * K%:R * E / (K%:R - 1)) means <-> is_simplex_etf E means.
Proof.
move=> K_gt1 energy; have K1 := K_minus_1_gt0 K_gt1.
have K_gt0 : 0 < K%:R :> F by rewrite ltr0n ltnW.
have /eqP K1_neq0 : K%:R - 1 != 0 :> F by rewrite gt_eqF.
set D := _ / _; have D_eq : (K%:R - 1) * D = 2%:R * K%:R * E.
  by rewrite mulrC divfK // gt_eqF.
split=> [sep|etf i j i_neq_j]; last first.
  rewrite squared_distanceE /squared_norm !etf /simplex_gram !eqxx.
  rewrite (negPf i_neq_j) /D le_eqVlt; apply/orP; left; apply/eqP.
  by normalize_operations F; field.
have := stability_identity_ordered means D E.
rewrite (_ : _ - K%:R * _ * D = 0); last first.
  by rewrite -(mulrA K%:R (K%:R - 1)) D_eq; algebra.
set A := 2%:R * _ * _; set B := 2%:R * _; set C := \sum_i _ => sum0.
have A_ge0 : 0 <= A.
  rewrite mulr_ge0 // ?mulr_ge0 ?ler0n //.
  by rewrite sumrB sum_constant subr_ge0.
have B_ge0 : 0 <= B by rewrite mulr_ge0 ?ler0n ?squared_norm_ge0.
have c_ge0 i j : j != i -> 0 <= squared_distance (means i) (means j) - D.
  by move=> neq; rewrite subr_ge0 sep // eq_sym.
have c_sum_ge0 i : true ->
    0 <= \sum_(j | j != i) (squared_distance (means i) (means j) - D).
  by move=> _; apply: sumr_ge0 => j; apply: c_ge0.
have C_ge0 : 0 <= C by apply: sumr_ge0.
have /andP[/andP[/eqP A0 /eqP B0] /eqP C0] : (A == 0) && (B == 0) && (C == 0).
  by rewrite -!paddr_eq0 ?addr_ge0 // sum0.
have two_neq0 : 2%:R != 0 :> F by rewrite pnatr_eq0.
have center : \sum_i means i = 0.
  apply: squared_norm_eq0; apply/eqP.
  by move/eqP: B0; rewrite mulf_eq0 (negPf two_neq0).
have total : \sum_i squared_norm (means i) = K%:R * E.
  move/eqP: A0; rewrite mulf_eq0 mulf_eq0 (negPf two_neq0) gt_eqF //=.
  by rewrite sumrB sum_constant subr_eq0 => /eqP.
have dist i j : i != j -> squared_distance (means i) (means j) = D.
  move=> i_neq_j; apply/eqP; rewrite -subr_eq0; apply/eqP.
  have row0 : forall k, true ->
      \sum_(l | l != k) (squared_distance (means k) (means l) - D) = 0.
    move=> k _; apply: (sum_of_nonneg_eq0 (P := xpredT) _ C0) => //.
  have entry0 : forall l, l != i ->
      squared_distance (means i) (means l) - D = 0.
    exact: sum_of_nonneg_eq0 (c_ge0 i) (row0 i isT).
  by apply: entry0; rewrite eq_sym.
have norm i : squared_norm (means i) = E.
  have := sum_squared_distance_from means i.
  rewrite center dot0r mulr0 subr0 total (bigD1 i) //= squared_distancexx.
  rewrite add0r (eq_bigr (fun=> D)); last first.
    by move=> j neq; rewrite dist // eq_sym.
  rewrite sum_over_others D_eq.
  move=> eq; apply: (mulfI (lt0r_neq0 K_gt0)).
  apply: (addIr (K%:R * E)); rewrite -eq; algebra.
move=> i j; rewrite /simplex_gram; case: eqP => [->|/eqP neq].
  exact: norm.
apply: (mulfI two_neq0).
have := dist _ _ neq; rewrite squared_distanceE !norm => eq.
have -> : 2%:R * dot (means i) (means j) = E + E - D by rewrite -eq; algebra.
by rewrite /D; normalize_operations F; field.
Qed.

(** ** unique_optimum, quantitatively: nearly optimal means nearly the simplex *)

Theorem gram_stability means D :
  (1 < K)%N -> bounded_energy_at_most 1 means -> separated D means ->
  let gap := K%:R / (4%:R * (K%:R - 1)) - D / 8%:R in
  forall i j,
    `|dot (means i) (means j) - simplex_gram 1 i j|
    <= Num.max (4%:R * (K%:R - 1)) (2%:R * (K%:R - 2%:R) * (K%:R + 1)) * gap.
Proof.
move=> K_gt1 bounded sep gap i j.
have K1 := K_minus_1_gt0 K_gt1.
have K_gt0 : 0 < K%:R :> F by rewrite ltr0n ltnW.
pose t k := 1 - squared_norm (means k).
pose x k l := squared_distance (means k) (means l) - D.
have t_ge0 k : 0 <= t k by rewrite subr_ge0.
have x_ge0 (k l : 'I_K) : (k < l)%N -> 0 <= x k l.
  by move=> k_lt_l; rewrite subr_ge0 sep // -val_eqE neq_ltn k_lt_l.
have X_ge0 : 0 <= \sum_(k < K) \sum_(l < K | (k < l)%N) x k l.
  by apply: sumr_ge0 => k _; apply: sumr_ge0 => l; apply: x_ge0.
have := stability_identity means D K_gt1; rewrite -/gap.
set T := _ * gap => identity.
have S_ge0 := squared_norm_ge0 (\sum_i means i).
have le_t : K%:R * (\sum_k t k) <= T.
  by rewrite -identity -addrA ler_addl addr_ge0.
have le_tx : K%:R * (\sum_k t k) + \sum_(k < K) \sum_(l < K | (k < l)%N) x k l
    <= T.
  by rewrite -identity ler_add2r ler_addl.
have gap_ge0 : 0 <= gap.
  have : 0 <= T by apply: le_trans le_t; rewrite mulr_ge0 ?sumr_ge0 ?ltW.
  by rewrite pmulr_rge0 // !mulr_gt0 // ltr0n.
have max1 : 4%:R * (K%:R - 1) * gap <=
    Num.max (4%:R * (K%:R - 1)) (2%:R * (K%:R - 2%:R) * (K%:R + 1)) * gap.
  by rewrite ler_wpmul2r // le_maxr lexx.
have max2 : 2%:R * (K%:R - 2%:R) * (K%:R + 1) * gap <=
    Num.max (4%:R * (K%:R - 1)) (2%:R * (K%:R - 2%:R) * (K%:R + 1)) * gap.
  by rewrite ler_wpmul2r // le_maxr lexx orbT.
have [->|i_neq_j] := eqVneq i j.
  rewrite /simplex_gram eqxx -normrN opprB ger0_norm ?t_ge0 //.
  apply: le_trans max1; rewrite -(ler_pmul2l K_gt0).
  have -> : K%:R * (4%:R * (K%:R - 1) * gap) = T by rewrite /T; algebra.
  apply: le_trans le_t; rewrite ler_pmul2l // (bigD1 j) //= ler_addl.
  exact: sumr_ge0.
have two_pairs : t i + t j + x i j <= T.
  have pair (k l : 'I_K) : (k < l)%N -> t k + t l + x k l <= T.
    move=> k_lt_l; apply: le_trans le_tx; apply: ler_add.
      apply: (@le_trans _ _ (\sum_k t k)).
        rewrite (bigD1 k) //= (bigD1 l) /=; last first.
          by rewrite -val_eqE neq_ltn k_lt_l orbT.
        by rewrite ler_add2l ler_addl sumr_ge0.
      by rewrite ler_pemull ?sumr_ge0 // ler1n ltnW.
    rewrite (bigD1 k) //= (bigD1 l) //= -addrA ler_addl addr_ge0 //.
      by apply: sumr_ge0 => m /andP[k_lt_m _]; apply: x_ge0.
    by apply: sumr_ge0 => m _; apply: sumr_ge0 => q; apply: x_ge0.
  move: i_neq_j; rewrite -val_eqE neq_ltn => /orP[|j_lt_i]; first exact: pair.
  rewrite (addrC (t i)) /x squared_distanceC; exact: pair.
have s_ge0 : 0 <= t i + t j + x i j.
  by apply: addr_ge0; [apply: addr_ge0 | rewrite subr_ge0 sep].
set s := t i + t j + x i j in two_pairs s_ge0.
have two_gt0 : 0 < 2%:R :> F by rewrite ltr0n.
have deviation : 2%:R * (dot (means i) (means j) - simplex_gram 1 i j)
    = 8%:R * gap - s.
  have n8 : 8%:R / 8%:R = 1 :> F by rewrite divff ?pnatr_eq0.
  have n4 : 4%:R / 4%:R = 1 :> F by rewrite divff ?pnatr_eq0.
  have n1 : (K%:R - 1) / (K%:R - 1) = 1 :> F by rewrite divff // gt_eqF.
  rewrite /simplex_gram (negPf i_neq_j) /s /x /t squared_distanceE /gap invfM.
  move: (dot _ _) (squared_norm _) (squared_norm _) => g a b.
  transitivity (2%:R * g + 2%:R * ((K%:R - 1) / (K%:R - 1) - 1)
                + 2%:R / (K%:R - 1)); first by rewrite n1; algebra.
  transitivity (2%:R * (4%:R / 4%:R) * (K%:R / (K%:R - 1))
                - 8%:R / 8%:R * D - (2%:R - a - b + (a + b - 2%:R * g) + - D));
    last by algebra.
  rewrite n8 n4; algebra.
rewrite -(ler_pmul2l two_gt0) -[X in X * _](ger0_norm (ltW two_gt0)) -normrM.
rewrite deviation ler_norml; apply/andP; split.
  rewrite ler_oppl opprB; apply: (@le_trans _ _ (T - 8%:R * gap)).
    by rewrite ler_add2r.
  have -> : T - 8%:R * gap
      = 2%:R * (2%:R * (K%:R - 2%:R) * (K%:R + 1) * gap).
    by rewrite /T; algebra.
  by rewrite ler_pmul2l.
apply: (@le_trans _ _ (8%:R * gap)); first by rewrite ler_subl_addr ler_addl.
apply: (@le_trans _ _ (2%:R * (4%:R * (K%:R - 1) * gap))); last first.
  by rewrite ler_pmul2l.
have -> : 2%:R * (4%:R * (K%:R - 1) * gap) = 8%:R * gap * (K%:R - 1).
  by algebra.
rewrite ler_pemulr ?mulr_ge0 ?ler0n //.
by rewrite ler_subr_addr -[1 + 1]/(2%:R) ler_nat.
Qed.

(** ** The dimension: a simplex of positive size needs [d >= K - 1] *)

(** [means_matrix] has the points as rows, and [gram_matrix] all of their inner
    products. *)
Definition means_matrix means : 'M[F]_(K, d) := \matrix_(i, k) means i 0 k.

Definition gram_matrix means : 'M[F]_K :=
  means_matrix means *m (means_matrix means)^T.

Lemma gram_matrixE means i j :
  gram_matrix means i j = dot (means i) (means j).
Proof. by rewrite mxE dotE; apply: eq_bigr => k _; rewrite !mxE. Qed.

Theorem simplex_dimension means E :
  (1 < K)%N -> 0 < E -> is_simplex_etf E means -> (K.-1 <= d)%N.
Proof.
move=> K_gt1 E_gt0 etf; have K1 := K_minus_1_gt0 K_gt1.
pose c := E / (K%:R - 1); have c_gt0 : 0 < c by rewrite divr_gt0.
have sum_rank : (E + c)%:M
    = gram_matrix means + (const_mx c : 'M[F]_(K, 1)) *m const_mx 1.
  apply/matrixP => i j; rewrite [RHS]mxE gram_matrixE etf !mxE big_ord1 !mxE.
  rewrite /simplex_gram; case: eqP => _; first by rewrite mulr1n mulr1.
  by rewrite mulr0n mulr1 mulNr addNr.
have full : \rank ((E + c)%:M : 'M[F]_K) = K.
  by rewrite -scalemx1 mxrank_scale_nz ?mxrank1 // gt_eqF // addr_gt0.
rewrite -ltnS (ltn_predK K_gt1) -[X in (X <= _)%N]full sum_rank -(addn1 d).
apply: leq_trans (mxrank_add _ _) _; apply: leq_add.
  by apply: leq_trans (mxrankM_maxl _ _) _; apply: rank_leq_col.
by apply: leq_trans (mxrankM_maxl _ _) _; apply: rank_leq_col.
Qed.

End Simplex.
