(** * Linear decoders and their error exponent

    [K] classes with class means [mu_i] in dimension [d] and the decoder
    [argmax_c <w_c, h> + b_c].  With [a_ij = w_i - w_j] the margin of the
    ordered pair [(i, j)] is [m_ij = <a_ij, mu_i> + b_i - b_j], and the pair's
    exponent is [e_ij = max(0, m_ij)^2 / (2 |a_ij|^2)].  The exponent of the
    configuration is the smallest of them.  The catalogue's [best_decoder],
    [optimal_exponent] and [unique_optimum] are here. *)

From Coq Require Import Ring Field.
From mathcomp Require Import all_ssreflect all_algebra.
From nctheory Require Import vectors simplex.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

(** ** Exponents: elements of the field, or infinity

    [None] stands for infinity, as in the kernel. *)

Section HalfSpace.

Variable F : realFieldType.
Implicit Types (m q beta : F) (e : option F).

(** The exponent of a half-space: mean [m] and variance [q] (in units of
    [sigma^2]) of the lead of one class over another.  Where [q = 0] it is
    infinite for a positive margin, and 0 otherwise: a tie is an error. *)
Definition half_space_exponent m q : option F :=
  if q == 0 then if 0 < m then None else Some 0
  else Some (Num.max 0 m ^+ 2 / (2%:R * q)).

Definition at_least beta e : bool := if e is Some x then beta <= x else true.

Definition smaller e1 e2 : option F :=
  match e1, e2 with
  | None, e | e, None => e
  | Some x, Some y => Some (Num.min x y)
  end.

(** Without division: for [beta > 0], the exponent is at least [beta] exactly
    if the margin is positive and [2 beta q <= m^2]. *)
Lemma half_space_exponentP beta m q :
  0 < beta -> 0 <= q ->
  at_least beta (half_space_exponent m q)
  <-> 0 < m /\ 2%:R * beta * q <= m ^+ 2.
Proof.
move=> beta_gt0 q_ge0; rewrite /half_space_exponent.
case: eqP => [->|/eqP q_neq0].
  rewrite mulr0 sqr_ge0; case: ltP => m0; split=> //.
    by move=> /= /(lt_le_trans beta_gt0); rewrite ltxx.
  by case.
have q_gt0 : 0 < q by rewrite lt_def q_neq0.
have q2 : 0 < 2%:R * q by rewrite mulr_gt0 ?ltr0n.
rewrite /= ler_pdivl_mulr // mulrCA mulrA.
case: (ltP 0 m) => m0; first by split=> // -[].
rewrite expr0n /= leNgt !mulr_gt0 ?ltr0n //.
by split=> // -[].
Qed.

Lemma at_least_smaller beta e1 e2 :
  at_least beta (smaller e1 e2) = at_least beta e1 && at_least beta e2.
Proof. by case: e1 e2 => [x|] [y|] //=; rewrite ?andbT ?le_minr. Qed.

End HalfSpace.

Section Decoder.

Variables (F : realFieldType) (K d : nat).
Implicit Types (means weights : 'I_K -> 'rV[F]_d) (bias : 'I_K -> F).
Implicit Types (beta D E : F).

Add Field F_field : (field_laws F).
Ltac algebra := normalize_operations F; ring.

(** ** Margins and exponents of a decoder *)

Definition margin means weights bias (i j : 'I_K) : F :=
  dot (weights i - weights j) (means i) + bias i - bias j.

Definition pair_exponent means weights bias (i j : 'I_K) : option F :=
  half_space_exponent (margin means weights bias i j)
                      (squared_distance (weights i) (weights j)).

(** All ordered pairs of two different classes. *)
Definition ordered_pairs : seq ('I_K * 'I_K) :=
  [seq ij <- enum {: 'I_K * 'I_K} | ij.1 != ij.2].

(** The smallest of a family of exponents, one for each ordered pair. *)
Definition least (e : 'I_K -> 'I_K -> option F) : option F :=
  foldr (@smaller F) None [seq e ij.1 ij.2 | ij <- ordered_pairs].

(** The exponent of the configuration: the smallest over ordered pairs. *)
Definition exponent means weights bias : option F :=
  least (pair_exponent means weights bias).

(** "The exponent is at least beta", without division. *)
Definition margins_at_least beta means weights bias : Prop :=
  forall i j, i != j ->
    0 < margin means weights bias i j /\
    2%:R * beta * squared_distance (weights i) (weights j)
    <= margin means weights bias i j ^+ 2.

Lemma ordered_pairsP (i j : 'I_K) : ((i, j) \in ordered_pairs) = (i != j).
Proof. by rewrite mem_filter mem_enum andbT. Qed.

(** [least e] is the greatest lower bound ... *)
Lemma at_least_least beta (e : 'I_K -> 'I_K -> option F) :
  at_least beta (least e) <-> forall i j, i != j -> at_least beta (e i j).
Proof.
rewrite /least; have -> s : at_least beta (foldr (@smaller F) None s)
    = all (at_least beta) s.
  by elim: s => //= x s IH; rewrite at_least_smaller IH.
split=> [/allP all i j i_neq_j|all]; last first.
  apply/allP => x /mapP[[i j] ij ->]; apply: all.
  by rewrite -ordered_pairsP.
by apply: all; apply/mapP; exists (i, j); rewrite ?ordered_pairsP.
Qed.

(** ... and it is attained by some ordered pair, where it is finite; *)
Lemma least_attained (e : 'I_K -> 'I_K -> option F) beta :
  least e = Some beta -> exists i j, i != j /\ e i j = Some beta.
Proof.
rewrite /least => eq.
suff /mapP[[i j] ij eij] :
    Some beta \in [seq e ij.1 ij.2 | ij <- ordered_pairs].
  by exists i, j; rewrite -ordered_pairsP.
elim: [seq _ | _ <- _] eq => //= x s IH; rewrite inE.
case: (foldr _ _ _) IH => [y|] IH; last first.
  by case: x => [x|//] /= [->]; rewrite eqxx.
case: x => [x|] /=; last by move/IH ->; rewrite ?orbT.
by case: leP => _ [eq]; rewrite ?eq ?eqxx // IH ?eq ?orbT.
Qed.

(** where it is infinite, all of them are. *)
Lemma least_infinite (e : 'I_K -> 'I_K -> option F) :
  least e = None -> forall i j, i != j -> e i j = None.
Proof.
rewrite /least => eq i j i_neq_j.
have : e i j \in [seq e ij.1 ij.2 | ij <- ordered_pairs].
  by apply/mapP; exists (i, j); rewrite ?ordered_pairsP.
elim: [seq _ | _ <- _] eq => //= x s IH.
case: x => [x|]; first by case: (foldr _ _ _).
by rewrite inE => /IH H /orP[/eqP|].
Qed.

Lemma least_at_most beta (e : 'I_K -> 'I_K -> option F) i j x :
  least e = Some beta -> i != j -> e i j = Some x -> beta <= x.
Proof.
move=> eq i_neq_j eij.
have /at_least_least /(_ i j i_neq_j) : at_least beta (least e).
  by rewrite eq /=.
by rewrite eij.
Qed.

(** The two ways of saying "at least beta" agree for positive [beta]. *)
Theorem exponent_at_leastP beta means weights bias :
  0 < beta ->
  at_least beta (exponent means weights bias)
  <-> margins_at_least beta means weights bias.
Proof.
move=> beta_gt0; rewrite /exponent at_least_least.
by split=> H i j /H /half_space_exponentP; apply; rewrite ?squared_distance_ge0.
Qed.

(** ** Two opposite margins *)

(** The two margins of a pair add up to [<w_i - w_j, mu_i - mu_j>]. *)
Lemma margin_sum means weights bias i j :
  margin means weights bias i j + margin means weights bias j i
  = dot (weights i - weights j) (means i - means j).
Proof. by rewrite /margin dotBr !dotBl; algebra. Qed.

(** Where all exponents are infinite there are no two classes. *)
Lemma exponent_finite means weights bias :
  (1 < K)%N -> exists beta, exponent means weights bias = Some beta.
Proof.
move=> K_gt1; case eq: (exponent _ _ _) => [beta|]; first by exists beta.
pose i0 := Ordinal (ltnW K_gt1); pose i1 := Ordinal K_gt1.
have infinite i j : i != j -> weights i - weights j = 0 /\
    0 < margin means weights bias i j.
  move=> /(least_infinite eq); rewrite /pair_exponent /half_space_exponent.
  case: eqP => // /squared_norm_eq0 ->; by case: ltP.
have [a0 m01] := infinite i0 i1 isT; have [_ m10] := infinite i1 i0 isT.
have := addr_gt0 m01 m10; by rewrite margin_sum a0 dot0l ltxx.
Qed.

(** The second inequality of [unique_optimum]:
    [8 beta |w_i - w_j|^2 <= <w_i - w_j, mu_i - mu_j>^2]. *)
Lemma slope_bound beta means weights bias i j :
  margins_at_least beta means weights bias -> i != j ->
  0 < dot (weights i - weights j) (means i - means j) /\
  8%:R * beta * squared_distance (weights i) (weights j)
  <= dot (weights i - weights j) (means i - means j) ^+ 2.
Proof.
move=> sep i_neq_j; rewrite -(margin_sum means weights bias).
have [m_gt0 m_sq] := sep i j i_neq_j.
have j_neq_i : j != i by rewrite eq_sym.
have [m'_gt0] := sep j i j_neq_i.
rewrite squared_distanceC => m'_sq; split; first exact: addr_gt0.
set q := squared_distance _ _ in m_sq m'_sq *.
set m := margin _ _ _ i j in m_gt0 m_sq *.
set m' := margin _ _ _ j i in m'_gt0 m'_sq *.
have bound (x y : F) : 0 < x -> 0 < y -> x <= y ->
    2%:R * beta * q <= x ^+ 2 -> 8%:R * beta * q <= (x + y) ^+ 2.
  move=> x_gt0 y_gt0 x_le_y x_sq; apply: (@le_trans _ _ (4%:R * x ^+ 2)).
    rewrite (_ : 8%:R * _ * _ = 4%:R * (2%:R * beta * q)); last by algebra.
    by rewrite ler_pmul2l ?ltr0n.
  rewrite (_ : 4%:R * _ = (x + x) ^+ 2); last by algebra.
  by apply: square_le; [apply: addr_ge0; apply: ltW | rewrite ler_add2l].
case: (leP m m') => [le|/ltW le]; first exact: bound.
by rewrite addrC; apply: bound.
Qed.

(** ** best_decoder: no linear decoder beats nearest mean

    Where a linear decoder has exponent at least [beta], any two class means
    are at squared distance [8 beta] or more. *)
Theorem best_decoder beta means weights bias :
  margins_at_least beta means weights bias -> separated (8%:R * beta) means.
Proof.
move=> sep i j i_neq_j; have [s_gt0 s_sq] := slope_bound sep i_neq_j.
have := le_trans s_sq (cauchy_schwarz _ _).
rewrite -/(squared_distance _ _) -[squared_norm _]/(squared_distance _ _).
rewrite mulrC ler_pmul2l // lt_def squared_distance_ge0 andbT.
apply: contraTneq s_gt0 => /squared_norm_eq0 ->.
by rewrite dot0l ltxx.
Qed.

(** Nearest mean: [w = mu], [b = - |mu|^2 / 2]. *)
Definition nearest_mean_bias means (i : 'I_K) : F :=
  - (squared_norm (means i) / 2%:R).

(** Its margins are half the squared distances, *)
Lemma nearest_mean_margin means i j :
  margin means means (nearest_mean_bias means) i j
  = squared_distance (means i) (means j) / 2%:R.
Proof.
rewrite /margin /nearest_mean_bias squared_distanceE dotBl (dotC (means j)).
rewrite -/(squared_norm (means i)).
have two : 2%:R / 2%:R = 1 :> F by rewrite divff // pnatr_eq0.
move: (squared_norm _) (squared_norm _) (dot _ _) => y x g.
transitivity (2%:R / 2%:R * (x - g) - x / 2%:R + y / 2%:R).
  by rewrite two; algebra.
algebra.
Qed.

(** so all pair exponents are [|mu_i - mu_j|^2 / 8]. *)
Theorem nearest_mean_exponent means i j :
  pair_exponent means means (nearest_mean_bias means) i j
  = Some (squared_distance (means i) (means j) / 8%:R).
Proof.
rewrite /pair_exponent nearest_mean_margin /half_space_exponent.
have := squared_distance_ge0 (means i) (means j).
case: eqP => [-> _|/eqP neq ge0]; first by rewrite !mul0r ltxx.
rewrite max_r ?divr_ge0 ?ler0n //; congr Some.
have n2 : 2%:R / 2%:R = 1 :> F by rewrite divff // pnatr_eq0.
have n8 : (8%:R : F)^-1 = 2%:R^-1 * 2%:R^-1 * 2%:R^-1.
  by rewrite -!invfM -!natrM.
rewrite n8 invfM; move: neq; set x := squared_distance _ _ => neq.
transitivity (x * 2%:R^-1 * 2%:R^-1 * 2%:R^-1 * (x / x)); first by algebra.
by rewrite divff // mulr1 !mulrA.
Qed.

(** So nearest mean is the best linear decoder of every configuration. *)
Theorem nearest_mean_is_best means weights bias beta best :
  exponent means weights bias = Some beta ->
  exponent means means (nearest_mean_bias means) = Some best ->
  beta <= best.
Proof.
move=> eq /least_attained [i [j [ij]]]; rewrite nearest_mean_exponent => -[<-].
case: (leP beta 0) => [beta_le0|beta_gt0].
  apply: le_trans beta_le0 _.
  by rewrite divr_ge0 ?squared_distance_ge0 ?ler0n.
have least : at_least beta (exponent means weights bias) by rewrite eq /=.
move: least => /(exponent_at_leastP _ _ _ beta_gt0) /best_decoder.
by move=> /(_ i j ij); rewrite ler_pdivl_mulr ?ltr0n // mulrC.
Qed.

(** ** optimal_exponent

    With any linear decoder, [K] class means of mean squared norm at most [E]
    have an exponent of at most [E K / (4 (K - 1))], in every dimension.
    First without division. *)
Theorem optimal_exponent_margins means weights bias beta E :
  (1 < K)%N -> average_energy_at_most E means ->
  margins_at_least beta means weights bias ->
  4%:R * (K%:R - 1) * beta <= K%:R * E.
Proof.
move=> K_gt1 energy /best_decoder sep.
have two_gt0 : 0 < 2%:R :> F by rewrite ltr0n.
have := simplex_bound K_gt1 energy sep.
rewrite (_ : _ * (8%:R * beta) = 2%:R * (4%:R * (K%:R - 1) * beta));
  last by algebra.
by rewrite -(mulrA _ K%:R E) ler_pmul2l.
Qed.

Theorem optimal_exponent means weights bias beta E :
  (1 < K)%N -> average_energy_at_most E means ->
  at_least beta (exponent means weights bias) ->
  4%:R * (K%:R - 1) * beta <= K%:R * E.
Proof.
move=> K_gt1 energy; have K1 := K_minus_1_gt0 F K_gt1.
case: (leP beta 0) => [beta_le0 _|beta_gt0].
  apply: (@le_trans _ _ 0); last first.
    by apply: le_trans energy; apply: sumr_ge0 => i _; apply: squared_norm_ge0.
  by rewrite mulr_ge0_le0 // mulr_ge0 ?ler0n ?ltW.
move=> /(exponent_at_leastP _ _ _ beta_gt0).
exact: optimal_exponent_margins.
Qed.

(** The same as a statement on one ordered pair: some [e_ij] is finite and at
    most [E K / (4 (K - 1))]. *)
Theorem weakest_pair means weights bias E :
  (1 < K)%N -> average_energy_at_most E means ->
  exists i j e, [/\ i != j, pair_exponent means weights bias i j = Some e
                  & e <= K%:R * E / (4%:R * (K%:R - 1))].
Proof.
move=> K_gt1 energy; have [e eq] := exponent_finite means weights bias K_gt1.
have [i [j [i_neq_j eij]]] := least_attained eq; exists i, j, e; split=> //.
rewrite ler_pdivl_mulr ?mulr_gt0 ?ltr0n ?K_minus_1_gt0 // mulrC.
by apply: (optimal_exponent (weights := weights) (bias := bias) K_gt1 energy);
  rewrite eq /=.
Qed.

(** ** unique_optimum: what attains the bound *)

(** In an equilateral simplex the factors [t_ij] of
    [w_i - w_j = t_ij (mu_i - mu_j)] of any three classes agree. *)
Lemma common_factor means weights D (t : 'I_K -> 'I_K -> F) i j k :
  0 < D ->
  (forall a b, a != b -> squared_distance (means a) (means b) = D) ->
  (forall a b, t a b = t b a) ->
  (forall a b, a != b ->
     weights a - weights b = t a b *: (means a - means b)) ->
  i != j -> i != k -> j != k -> t i j = t i k.
Proof.
move=> D_gt0 dist sym factor ij ik jk.
have two_neq0 : 2%:R != 0 :> F by rewrite pnatr_eq0.
(* inner products of two edges that meet, times two *)
have edge a b c : a != b -> a != c -> b != c ->
    2%:R * dot (means a - means c) (means a - means b) = D.
  move=> ab ac bc; have := dist b c bc; have := dist a b ab.
  have := dist a c ac; rewrite !squared_distanceE !dotBl !dotBr.
  rewrite -/(squared_norm (means a)) (dotC (means c) (means a)).
  rewrite (dotC (means c) (means b)).
  move: (squared_norm _) (squared_norm _) (squared_norm _).
  move: (dot _ _) (dot _ _) (dot _ _) => ac' ab' bc' x y z e1 e2 e3.
  transitivity (D + D - D); last by algebra.
  by rewrite -{1}e1 -{1}e2 -e3; algebra.
(* 2 t_ab = t_ac + t_bc for any three *)
have mean a b c : a != b -> a != c -> b != c -> 2%:R * t a b = t a c + t b c.
  move=> ab ac bc; have ba : b != a by rewrite eq_sym.
  have split : weights a - weights b + (weights b - weights c)
      = weights a - weights c by rewrite addrA addrNK.
  have := congr1 (fun u => 2%:R * dot u (means a - means b)) split.
  rewrite !factor // dotDl !dotZl -/(squared_norm _) -/(squared_distance _ _).
  rewrite (dist a b ab); have := edge a b c ab ac bc; have := edge b a c ba bc ac.
  rewrite -[means a - means b]opprB !dotNr.
  move: (dot _ _) (dot _ _) => y x x_eq y_eq eq.
  apply: (mulIf (lt0r_neq0 D_gt0)).
  transitivity (2%:R * (t a b * D + t b c * - x) + t b c * (2%:R * x)).
    by algebra.
  rewrite eq x_eq; transitivity (t a c * (2%:R * - y) + t b c * D).
    by algebra.
  by rewrite y_eq; algebra.
have e1 := mean i j k ij ik jk.
have e2 : 2%:R * t i k = t i j + t j k.
  by rewrite (sym j k); apply: mean; rewrite // eq_sym.
have three_neq0 : 3%:R != 0 :> F by rewrite pnatr_eq0.
apply: (mulfI three_neq0).
transitivity (2%:R * t i j + t i j); first by algebra.
rewrite e1; transitivity (t i k + (t i j + t j k)); first by algebra.
by rewrite -e2; algebra.
Qed.

(** The optimum forces the simplex, [w_i = t mu_i + v] with [t > 0], and equal
    biases; and all of these attain it. *)
Theorem unique_optimum means weights bias E :
  (1 < K)%N -> 0 < E -> average_energy_at_most E means ->
  margins_at_least (K%:R * E / (4%:R * (K%:R - 1))) means weights bias
  <-> is_simplex_etf E means /\
      exists (t : F) (v : 'rV[F]_d) (b : F),
        [/\ 0 < t, forall i, weights i = t *: means i + v
         & forall i, bias i = b].
Proof.
move=> K_gt1 E_gt0 energy; have K1 := K_minus_1_gt0 F K_gt1.
have K_pos : (0 < K)%N := ltnW K_gt1.
have K_gt0 : 0 < K%:R :> F by rewrite ltr0n.
set beta := _ / _; pose D := 2%:R * K%:R * E / (K%:R - 1).
have n1 : (K%:R - 1) / (K%:R - 1) = 1 :> F by rewrite divff // gt_eqF.
have D_gt0 : 0 < D by rewrite divr_gt0 ?mulr_gt0 ?ltr0n.
have D_beta : 8%:R * beta = D.
  have n4 : 4%:R / 4%:R = 1 :> F by rewrite divff // pnatr_eq0.
  rewrite /beta /D invfM.
  transitivity (2%:R * (4%:R / 4%:R) * (K%:R * E / (K%:R - 1))).
    by algebra.
  by rewrite n4; algebra.
have beta_gt0 : 0 < beta by rewrite divr_gt0 ?mulr_gt0 ?ltr0n.
have half : 2%:R / 2%:R = 1 :> F by rewrite divff // pnatr_eq0.
(* in the simplex: <mu_i - mu_j, mu_i> = D / 2 and |mu_i - mu_j|^2 = D *)
have own i j : is_simplex_etf E means -> i != j ->
    2%:R * dot (means i - means j) (means i) = D /\
    squared_distance (means i) (means j) = D.
  move=> etf ij; rewrite squared_distanceE /squared_norm dotBl.
  rewrite (dotC (means j)) !etf /simplex_gram !eqxx (negPf ij) /D.
  have key : E + E / (K%:R - 1) = K%:R * E / (K%:R - 1).
    transitivity (E * ((K%:R - 1) / (K%:R - 1)) + E / (K%:R - 1)).
      by rewrite n1 mulr1.
    by algebra.
  rewrite (_ : 2%:R * K%:R * E / _ = 2%:R * (E + E / (K%:R - 1))).
    by split; algebra.
  by rewrite key; algebra.
have dist i j : is_simplex_etf E means -> i != j ->
    squared_distance (means i) (means j) = D.
  by move=> etf /(own _ _ etf) [].
split=> [sep|[etf [t [v [b [t_gt0 w_eq b_eq]]]]] i j ij]; last first.
  have [own_ij dist_ij] := own i j etf ij.
  have a_eq : weights i - weights j = t *: (means i - means j).
    by rewrite !w_eq scalerBr opprD addrACA subrr addr0.
  rewrite /margin /squared_distance a_eq dotZl squared_normZ.
  rewrite -/(squared_distance _ _) dist_ij !b_eq addrK -D_beta in own_ij *.
  have -> : dot (means i - means j) (means i) = 4%:R * beta.
    apply: (mulfI (_ : 2%:R != 0)); first by rewrite pnatr_eq0.
    by rewrite own_ij; algebra.
  split; first by rewrite mulr_gt0 // mulr_gt0 // ltr0n.
  by rewrite le_eqVlt; apply/orP; left; apply/eqP; algebra.
have etf : is_simplex_etf E means.
  apply/(simplex_bound_equality K_gt1 energy).
  by rewrite -/D -D_beta; apply: best_decoder sep.
split=> //.
pose t i j := dot (weights i - weights j) (means i - means j) / D.
have t_sym i j : t i j = t j i.
  rewrite /t -[weights i - _]opprB -[means i - _]opprB.
  by rewrite dotNl dotNr opprK.
have t_gt0 i j : i != j -> 0 < t i j.
  by move=> ij; rewrite divr_gt0 //; have [] := slope_bound sep ij.
have factor i j : i != j ->
    weights i - weights j = t i j *: (means i - means j).
  move=> ij; have [_ s_sq] := slope_bound sep ij.
  have /cauchy_schwarz_eq : squared_norm (weights i - weights j)
      * squared_norm (means i - means j)
      <= dot (weights i - weights j) (means i - means j) ^+ 2.
    rewrite -/(squared_distance (means i) _) dist // -D_beta mulrC.
    exact: s_sq.
  rewrite -/(squared_distance (means i) _) dist // => eq.
  rewrite /t mulrC -scalerA -eq scalerA mulVf ?scale1r //.
  exact: lt0r_neq0.
have common := common_factor D_gt0 (fun i j => dist i j etf) t_sym factor.
pose i0 := Ordinal (ltnW K_gt1); pose i1 := Ordinal K_gt1.
pose t0 := t i0 i1.
have t_eq i j : i != j -> t i j = t0.
  have from0 k : k != i0 -> t i0 k = t0.
    move=> k0; have [->//|k1] := eqVneq k i1.
    by apply: common; rewrite // eq_sym.
  move=> ij; have [i_0|i_0] := eqVneq i i0.
    by rewrite i_0 from0 // -i_0 eq_sym.
  have [j_0|j_0] := eqVneq j i0; first by rewrite j_0 t_sym from0.
  by rewrite (common i j i0) // t_sym from0.
have t0_gt0 : 0 < t0 by apply: t_gt0.
pose v := weights i0 - t0 *: means i0.
have w_eq i : weights i = t0 *: means i + v.
  have [->|i_0] := eqVneq i i0; first by rewrite /v addrC subrK.
  rewrite /v addrCA -scalerBr; have := factor i i0 i_0; rewrite t_eq // => <-.
  by rewrite addrC subrK.
exists t0, v, (bias i0); split=> //.
have bias_le i j : bias j <= bias i.
  have [->//|ij] := eqVneq i j.
  have [own_ij dist_ij] := own i j etf ij.
  have [m_gt0] := sep i j ij; rewrite /margin.
  have a_eq : weights i - weights j = t0 *: (means i - means j).
    by rewrite factor // t_eq.
  move: m_gt0; rewrite /margin a_eq dotZl /squared_distance a_eq squared_normZ.
  rewrite -/(squared_distance _ _) dist_ij -D_beta in own_ij *.
  have -> : dot (means i - means j) (means i) = 4%:R * beta.
    apply: (mulfI (_ : 2%:R != 0)); first by rewrite pnatr_eq0.
    by rewrite own_ij; algebra.
  rewrite -addrA => m_gt0.
  have -> : 2%:R * beta * (t0 ^+ 2 * (8%:R * beta))
      = (t0 * (4%:R * beta)) ^+ 2 by algebra.
  by move=> /(le_of_square (ltW m_gt0)); rewrite ler_addl subr_ge0.
by move=> i; apply/eqP; rewrite eq_le !bias_le.
Qed.

(** The same with the exponent itself. *)
Corollary unique_optimum_exponent means weights bias E :
  (1 < K)%N -> 0 < E -> average_energy_at_most E means ->
  exponent means weights bias = Some (K%:R * E / (4%:R * (K%:R - 1)))
  <-> is_simplex_etf E means /\
      exists (t : F) (v : 'rV[F]_d) (b : F),
        [/\ 0 < t, forall i, weights i = t *: means i + v
         & forall i, bias i = b].
Proof.
move=> K_gt1 E_gt0 energy; rewrite -unique_optimum //.
have K1 := K_minus_1_gt0 F K_gt1.
have beta_gt0 : 0 < K%:R * E / (4%:R * (K%:R - 1)).
  by rewrite divr_gt0 ?mulr_gt0 ?ltr0n // (ltnW K_gt1).
rewrite -exponent_at_leastP //; split=> [->|least]; first exact: lexx.
have [beta eq] := exponent_finite means weights bias K_gt1.
rewrite eq; congr Some; apply/eqP; rewrite eq_le.
move: (least); rewrite eq /= => ->; rewrite andbT.
rewrite ler_pdivl_mulr ?mulr_gt0 ?ltr0n // mulrC.
by apply: (optimal_exponent (weights := weights) (bias := bias) K_gt1 energy);
  rewrite eq /=.
Qed.

(** In fewer than [K - 1] dimensions the bound is strict. *)
Corollary strict_below_simplex_dimension means weights bias beta E :
  (1 < K)%N -> 0 < E -> average_energy_at_most E means -> (d < K.-1)%N ->
  exponent means weights bias = Some beta ->
  4%:R * (K%:R - 1) * beta < K%:R * E.
Proof.
move=> K_gt1 E_gt0 energy small eq; have K1 := K_minus_1_gt0 F K_gt1.
rewrite lt_neqAle; apply/andP; split; last first.
  by apply: (optimal_exponent (weights := weights) (bias := bias) K_gt1 energy);
    rewrite eq /=.
apply/negP => /eqP attained.
have /(unique_optimum_exponent _ _ K_gt1 E_gt0 energy) [etf _] :
    exponent means weights bias = Some (K%:R * E / (4%:R * (K%:R - 1))).
  rewrite eq -attained mulrAC mulfV ?mul1r //.
  by rewrite gt_eqF // mulr_gt0 ?ltr0n.
have := simplex_dimension K_gt1 E_gt0 etf.
by rewrite leqNgt small.
Qed.

End Decoder.
