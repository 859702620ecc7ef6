(** * Points on a line

    For [d = 1] the bounds are sharper: [K] points with gaps of at least [g]
    span [(K - 1) g], and spread at least as much as equally spaced ones. *)

From Coq Require Import Ring Field.
From mathcomp Require Import all_ssreflect all_algebra.
From nctheory Require Import vectors simplex decoder.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

Section Order.

Variables (F : realFieldType) (K : nat) (x : 'I_K -> F) (g : F).
Hypothesis g_gt0 : 0 < g.
Hypothesis gaps : forall i j, i != j -> g <= `|x i - x j|.

Add Field F_field : (field_laws F).
Ltac algebra := normalize_operations F; ring.

(** The rank of a point: how many points are to its left. *)
Definition rank_on_line (i : 'I_K) : nat := #|[pred j | x j < x i]|.

Lemma rank_bound i : (rank_on_line i < K)%N.
Proof.
rewrite -[X in (_ < X)%N]card_ord; apply: proper_card.
apply/properP; split; first by apply/subsetP.
by exists i; rewrite ?inE ?ltxx.
Qed.

Lemma rank_mono i j : x i < x j -> (rank_on_line i < rank_on_line j)%N.
Proof.
move=> ij; apply: proper_card; apply/properP; split.
  by apply/subsetP => k; rewrite !inE => /lt_trans; apply.
by exists i; rewrite !inE ?ltxx.
Qed.

Lemma points_differ i j : i != j -> x i != x j.
Proof.
move=> /gaps; apply: contraTneq => ->.
by rewrite subrr normr0 -ltNge.
Qed.

Definition rank_ordinal i : 'I_K := Ordinal (rank_bound i).

Lemma rank_injective : injective rank_ordinal.
Proof.
move=> i j /(congr1 val) /= eq; apply/eqP; apply: contraT => ij.
have := points_differ ij; rewrite neq_lt => /orP[] /rank_mono.
  by rewrite eq ltnn.
by rewrite eq ltnn.
Qed.

Lemma rank_surjective (n : nat) : (n < K)%N -> exists i, rank_on_line i = n.
Proof.
move=> n_K; have [inv _ can] := injF_bij rank_injective.
by exists (inv (Ordinal n_K)); have /(congr1 val) := can (Ordinal n_K).
Qed.

(** Ranks that differ by [n] are at a distance of at least [n g]. *)
Lemma rank_distance (n : nat) i j :
  rank_on_line j = (rank_on_line i + n)%N -> x i + n%:R * g <= x j.
Proof.
elim: n j => [|n IH] j eq.
  have -> : j = i by apply: rank_injective; apply: val_inj; rewrite /= eq addn0.
  by rewrite mul0r addr0.
have lt : (rank_on_line i + n < K)%N.
  by apply: leq_trans (rank_bound j); rewrite eq addnS ltnW.
have [k k_eq] := rank_surjective lt.
have kj : x k < x j.
  rewrite ltNge le_eqVlt; apply/negP => /orP[/eqP x_eq|/rank_mono].
    have : j != k by apply: contra_eq_neq eq => ->; rewrite k_eq addnS ltn_eqF.
    by move=> /points_differ; rewrite x_eq eqxx.
  by rewrite k_eq eq addnS ltnNge leqnSn.
apply: le_trans (_ : x k + g <= _).
  by rewrite mulrSr mulrDl mul1r addrA ler_add2r IH.
have := gaps (_ : j != k); rewrite gtr0_norm ?subr_gt0 // => le.
rewrite addrC -ler_subr_addr le //.
by apply: contraTneq kj => ->; rewrite ltxx.
Qed.

(** The outermost points are at a distance of at least [(K - 1) g]. *)
Lemma span_on_line : (0 < K)%N -> exists i j, x i + K.-1%:R * g <= x j.
Proof.
move=> K_gt0; have [i i0] := rank_surjective K_gt0.
have lt : (K.-1 < K)%N by rewrite prednK.
have [j jK] := rank_surjective lt; exists i, j.
by apply: rank_distance; rewrite i0 jK.
Qed.

Lemma square_sub_swap (a b : F) : (a - b) ^+ 2 = (b - a) ^+ 2.
Proof. by algebra. Qed.

(** Any two points are at least as far apart as the equally spaced ones. *)
Lemma equally_spaced_closer i j :
  g ^+ 2 * ((rank_on_line i)%:R - (rank_on_line j)%:R) ^+ 2 <= (x i - x j) ^+ 2.
Proof.
have half k l : (rank_on_line k <= rank_on_line l)%N ->
    g ^+ 2 * ((rank_on_line k)%:R - (rank_on_line l)%:R) ^+ 2
    <= (x k - x l) ^+ 2.
  move=> kl; rewrite (square_sub_swap (rank_on_line k)%:R) (square_sub_swap (x k)).
  rewrite -exprMn.
  apply: square_le; first by rewrite mulr_ge0 ?subr_ge0 ?ler_nat // ltW.
  rewrite -natrB // mulrC ler_subr_addl; apply: rank_distance.
  by rewrite subnKC.
case: (leqP (rank_on_line i) (rank_on_line j)) => [|/ltnW] /half //.
by rewrite (square_sub_swap (rank_on_line i)%:R) (square_sub_swap (x i)).
Qed.

End Order.

Section Line.

Variables (F : realFieldType) (K : nat).
Implicit Types (means weights : 'I_K -> 'rV[F]_1) (bias : 'I_K -> F).
Implicit Types (beta D E : F).

Add Field F_field : (field_laws F).
Ltac algebra := normalize_operations F; ring.

Lemma squared_norm_line (u : 'rV[F]_1) : squared_norm u = u 0 0 ^+ 2.
Proof. by rewrite /squared_norm dotE big_ord1. Qed.

(** The smallest gap [g] of separated points has [g^2 >= D]. *)
Lemma smallest_gap means D :
  (1 < K)%N -> 0 < D -> separated D means ->
  exists g, [/\ 0 < g, D <= g ^+ 2 &
    forall i j, i != j -> g <= `|means i 0 0 - means j 0 0|].
Proof.
move=> K_gt1 D_gt0 sep.
pose i0 := Ordinal (ltnW K_gt1); pose i1 := Ordinal K_gt1.
pose pairs := [pred ij : 'I_K * 'I_K | ij.1 != ij.2].
have pair0 : pairs (i0, i1) by [].
case: (arg_minP (fun p => `|means p.1 0 0 - means p.2 0 0|) pair0).
move=> [i j] /= ij least; exists `|means i 0 0 - means j 0 0|.
have D_le : D <= `|means i 0 0 - means j 0 0| ^+ 2.
  have := sep i j ij; rewrite /squared_distance squared_norm_line !mxE.
  by rewrite real_normK ?num_real.
split=> // [|k l kl]; last exact: (least (k, l)).
rewrite lt_def normr_ge0 andbT; apply: contraTneq D_gt0 => zero.
by move: D_le; rewrite zero expr0n /= leNgt => /negPf ->.
Qed.

(** *** Bounded energy: [(K - 1)^2 D <= 4 E] *)
Theorem line_bounded means D E :
  (1 < K)%N -> bounded_energy_at_most E means -> separated D means ->
  (K%:R - 1) ^+ 2 * D <= 4%:R * E.
Proof.
move=> K_gt1 bounded sep; have K_pos : (0 < K)%N := ltnW K_gt1.
have E_ge0 : 0 <= E.
  by apply: le_trans (bounded (Ordinal K_gt1)); apply: squared_norm_ge0.
case: (leP D 0) => [D_le0|D_gt0].
  apply: (@le_trans _ _ 0); last by rewrite mulr_ge0 ?ler0n.
  by rewrite mulr_ge0_le0 // sqr_ge0.
have [g [g_gt0 D_le gaps]] := smallest_gap K_gt1 D_gt0 sep.
have [i [j span]] := span_on_line g_gt0 gaps K_pos.
apply: (@le_trans _ _ ((K%:R - 1) ^+ 2 * g ^+ 2)).
  by rewrite ler_wpmul2l ?sqr_ge0.
rewrite -exprMn; have K1 : K%:R - 1 = K.-1%:R :> F.
  by rewrite -{1}(ltn_predK K_gt1) mulrSr addrK.
apply: (@le_trans _ _ ((means j 0 0 - means i 0 0) ^+ 2)).
  apply: square_le; rewrite K1; first by rewrite mulr_ge0 ?ler0n // ltW.
  by rewrite ler_subr_addl.
have xi := bounded i; have xj := bounded j.
rewrite !squared_norm_line in xi xj.
move: (means i 0 0) (means j 0 0) xi xj => a b a_E b_E.
apply: (@le_trans _ _ (2%:R * (a ^+ 2 + b ^+ 2))).
  rewrite -subr_ge0 (_ : _ - _ = (a + b) ^+ 2); last by algebra.
  exact: sqr_ge0.
rewrite (_ : 4%:R * E = 2%:R * (E + E)); last by algebra.
by rewrite ler_pmul2l ?ltr0n // ler_add.
Qed.

(** *** Average energy: [(K^2 - 1) D <= 12 E] *)

(** Sums of the first integers and of their squares. *)
Lemma sum_integers (n : nat) :
  2%:R * (\sum_(a < n) a%:R) = n%:R * (n%:R - 1) :> F.
Proof.
elim: n => [|n IH]; first by rewrite big_ord0 mul0r mulr0.
have step : n.+1%:R = n%:R + 1 :> F by rewrite mulrSr.
by rewrite big_ord_recr /= mulrDr IH step; algebra.
Qed.

Lemma sum_squares (n : nat) :
  (2%:R * 3%:R) * (\sum_(a < n) a%:R ^+ 2)
  = n%:R * (n%:R - 1) * (2%:R * n%:R - 1) :> F.
Proof.
elim: n => [|n IH]; first by rewrite big_ord0 !mul0r mulr0.
have step : n.+1%:R = n%:R + 1 :> F by rewrite mulrSr.
by rewrite big_ord_recr /= mulrDr IH step; algebra.
Qed.

(** The squared distances of the points [0, 1, ..., n - 1]. *)
Lemma sum_square_differences (n : nat) :
  (2%:R * 3%:R) * (\sum_(a < n) \sum_(b < n) (a%:R - b%:R) ^+ 2)
  = n%:R ^+ 2 * (n%:R ^+ 2 - 1) :> F.
Proof.
set S1 := \sum_(a < n) (a%:R : F); set S2 := \sum_(a < n) (a%:R : F) ^+ 2.
have -> : \sum_(a < n) \sum_(b < n) (a%:R - b%:R) ^+ 2
    = 2%:R * n%:R * S2 - 2%:R * (S1 * S1) :> F.
  have inner (a : 'I_n) : \sum_(b < n) (a%:R - b%:R) ^+ 2
      = n%:R * a%:R ^+ 2 + S2 - 2%:R * (a%:R * S1) :> F.
    rewrite /S1 mulr_sumr mulr_sumr /S2 -(sum_constant n) -big_split -sumrB.
    by apply: eq_bigr => b _ /=; algebra.
  rewrite (eq_bigr _ (fun a _ => inner a)) sumrB big_split /= -!mulr_sumr.
  rewrite -mulr_suml sum_constant -/S1 -/S2; move: (S1) (S2) => s t; algebra.
have e1 := sum_integers n; have e2 := sum_squares n.
rewrite -/S1 in e1; rewrite -/S2 in e2.
transitivity (2%:R * n%:R * ((2%:R * 3%:R) * S2)
              - 3%:R * ((2%:R * S1) * (2%:R * S1))).
  by move: (S1) (S2) => s t; algebra.
by rewrite e1 e2; algebra.
Qed.

Theorem line_average means D E :
  (1 < K)%N -> average_energy_at_most E means -> separated D means ->
  (K%:R ^+ 2 - 1) * D <= 12%:R * E.
Proof.
move=> K_gt1 energy sep; have K_pos : (0 < K)%N := ltnW K_gt1.
have K_gt0 : 0 < K%:R :> F by rewrite ltr0n.
have E_ge0 : 0 <= E.
  rewrite -(pmulr_rge0 _ K_gt0); apply: le_trans energy.
  by apply: sumr_ge0 => i _; apply: squared_norm_ge0.
have K2_ge0 : 0 <= K%:R ^+ 2 - 1 :> F.
  by rewrite subr_ge0 -natrX ler1n expn_gt0 K_pos.
case: (leP D 0) => [D_le0|D_gt0].
  apply: (@le_trans _ _ 0); last by rewrite mulr_ge0 ?ler0n.
  by rewrite mulr_ge0_le0.
have [g [g_gt0 D_le gaps]] := smallest_gap K_gt1 D_gt0 sep.
apply: (@le_trans _ _ ((K%:R ^+ 2 - 1) * g ^+ 2)); first exact: ler_wpmul2l.
have total := sum_squared_distance means.
have spread : g ^+ 2 * (\sum_(a < K) \sum_(b < K) (a%:R - b%:R) ^+ 2)
    <= \sum_i \sum_j squared_distance (means i) (means j).
  rewrite (reindex_inj (rank_injective g_gt0 gaps)) /= mulr_sumr.
  apply: ler_sum => i _.
  rewrite (reindex_inj (rank_injective g_gt0 gaps)) /= mulr_sumr.
  apply: ler_sum => j _.
  rewrite /squared_distance squared_norm_line !mxE.
  exact: equally_spaced_closer.
have upper : \sum_i \sum_j squared_distance (means i) (means j)
    <= 2%:R * K%:R * (K%:R * E).
  rewrite total ler_subl_addr; apply: (@le_trans _ _ (2%:R * K%:R * (K%:R * E))).
    by rewrite ler_wpmul2l // mulr_ge0 ?ler0n.
  by rewrite ler_addl mulr_ge0 ?ler0n ?squared_norm_ge0.
have K2_gt0 : 0 < K%:R ^+ 2 :> F by rewrite exprn_gt0.
rewrite -(ler_pmul2l K2_gt0).
have := le_trans spread upper.
have six_gt0 : 0 < 2%:R * 3%:R :> F by rewrite mulr_gt0 ?ltr0n.
rewrite -(ler_pmul2l six_gt0) mulrCA sum_square_differences.
congr (_ <= _); first by algebra.
have -> : 12%:R = 4%:R * 3%:R :> F by rewrite -natrM.
algebra.
Qed.

(** *** Equal energy: three points of equal norm do not differ *)
Theorem line_equal means E :
  (2 < K)%N -> (forall i, squared_norm (means i) = E) ->
  exists i j, i != j /\ means i = means j.
Proof.
move=> K_gt2 norm.
pose i0 := Ordinal (ltnW (ltnW K_gt2)); pose i1 := Ordinal (ltnW K_gt2).
pose i2 := Ordinal K_gt2.
have pm i j : means i = means j \/ means i = - means j.
  have := norm i; rewrite -(norm j) !squared_norm_line => /eqP.
  rewrite eqf_sqr => /orP[] /eqP eq; [left|right].
    by apply/rowP => k; rewrite ord1.
  by apply/rowP => k; rewrite ord1 !mxE.
case: (pm i0 i1) => [e01|e01]; first by exists i0, i1.
case: (pm i0 i2) => [e02|e02]; first by exists i0, i2.
exists i1, i2; split=> //.
by apply: oppr_inj; rewrite -e01.
Qed.

(** ** Every linear decoder on a line *)

Lemma eight_beta_separated means weights bias beta :
  0 < beta -> at_least beta (exponent means weights bias) ->
  separated (8%:R * beta) means.
Proof. by move=> beta_gt0 /(exponent_at_leastP _ _ _ beta_gt0) /best_decoder. Qed.

(** [beta <= E / (2 (K - 1)^2)] for squared norms of at most [E]. *)
Theorem line_bounded_decoder means weights bias beta E :
  (1 < K)%N -> bounded_energy_at_most E means ->
  at_least beta (exponent means weights bias) ->
  2%:R * (K%:R - 1) ^+ 2 * beta <= E.
Proof.
move=> K_gt1 bounded least; case: (leP beta 0) => [beta_le0|beta_gt0].
  apply: (@le_trans _ _ 0).
    by rewrite mulr_ge0_le0 // mulr_ge0 ?ler0n ?sqr_ge0.
  by apply: le_trans (bounded (Ordinal K_gt1)); apply: squared_norm_ge0.
have := line_bounded K_gt1 bounded (eight_beta_separated beta_gt0 least).
have four_gt0 : 0 < 4%:R :> F by rewrite ltr0n.
by move=> le; rewrite -(ler_pmul2l four_gt0); move: le; congr (_ <= _); algebra.
Qed.

(** [beta <= 3 E / (2 (K^2 - 1))] for squared norms of at most [E] on
    average. *)
Theorem line_average_decoder means weights bias beta E :
  (1 < K)%N -> average_energy_at_most E means ->
  at_least beta (exponent means weights bias) ->
  2%:R * (K%:R ^+ 2 - 1) * beta <= 3%:R * E.
Proof.
move=> K_gt1 energy least; have K_pos : (0 < K)%N := ltnW K_gt1.
case: (leP beta 0) => [beta_le0|beta_gt0].
  apply: (@le_trans _ _ 0).
    rewrite mulr_ge0_le0 // mulr_ge0 ?ler0n //.
    by rewrite subr_ge0 -natrX ler1n expn_gt0 K_pos.
  rewrite mulr_ge0 ?ler0n //; have K_gt0 : 0 < K%:R :> F by rewrite ltr0n.
  rewrite -(pmulr_rge0 _ K_gt0); apply: le_trans energy.
  by apply: sumr_ge0 => i _; apply: squared_norm_ge0.
have := line_average K_gt1 energy (eight_beta_separated beta_gt0 least).
have four_gt0 : 0 < 4%:R :> F by rewrite ltr0n.
have -> : 12%:R = 4%:R * 3%:R :> F by rewrite -natrM.
by move=> le; rewrite -(ler_pmul2l four_gt0); move: le; congr (_ <= _); algebra.
Qed.

(** [beta <= 0] for three or more classes of equal norm. *)
Theorem line_equal_decoder means weights bias beta E :
  (2 < K)%N -> (forall i, squared_norm (means i) = E) ->
  at_least beta (exponent means weights bias) -> beta <= 0.
Proof.
move=> K_gt2 norm least; case: (leP beta 0) => // beta_gt0.
have [i [j [ij same]]] := line_equal K_gt2 norm.
have := eight_beta_separated beta_gt0 least ij.
by rewrite same squared_distancexx pmulr_rle0 ?ltr0n // leNgt beta_gt0.
Qed.

End Line.

(** ** Equally spaced points attain the bounds on a line *)

Section EquallySpaced.

Variables (F : realFieldType) (K : nat) (g : F).

Add Field F_field : (field_laws F).
Ltac algebra := normalize_operations F; ring.

(** The points [g (i - (K - 1) / 2)]. *)
Definition equally_spaced (i : 'I_K) : 'rV[F]_1 :=
  const_mx (g * (i%:R - (K%:R - 1) / 2%:R)).

Lemma equally_spaced_distance (i j : 'I_K) :
  squared_distance (equally_spaced i) (equally_spaced j)
  = g ^+ 2 * (i%:R - j%:R) ^+ 2.
Proof. by rewrite /squared_distance squared_norm_line !mxE; algebra. Qed.

Lemma equally_spaced_norm (i : 'I_K) :
  squared_norm (equally_spaced i)
  = g ^+ 2 * (i%:R - (K%:R - 1) / 2%:R) ^+ 2.
Proof. by rewrite squared_norm_line !mxE; algebra. Qed.

(** Nearest mean has exponent [g^2 / 8]. *)
Theorem equally_spaced_exponent :
  (1 < K)%N ->
  exponent equally_spaced equally_spaced (nearest_mean_bias equally_spaced)
  = Some (g ^+ 2 / 8%:R).
Proof.
move=> K_gt1; pose i0 := Ordinal (ltnW K_gt1); pose i1 := Ordinal K_gt1.
have [beta eq] := exponent_finite equally_spaced equally_spaced
                    (nearest_mean_bias equally_spaced) K_gt1.
rewrite eq; congr Some; apply/eqP; rewrite eq_le; apply/andP; split.
  apply: (least_at_most (i := i0) (j := i1) eq) => //.
  rewrite nearest_mean_exponent equally_spaced_distance /=.
  by rewrite sub0r sqrrN expr1n mulr1.
have [i [j [ij]]] := least_attained eq.
rewrite nearest_mean_exponent equally_spaced_distance => -[<-].
rewrite ler_wpmul2r ?invr_ge0 ?ler0n // ler_pemulr ?sqr_ge0 //.
have half (a b : nat) : (a < b)%N -> 1 <= (b%:R - a%:R : F) ^+ 2.
  move=> ab; rewrite -natrB; last exact: ltnW.
  by rewrite -natrX ler1n expn_gt0 subn_gt0 ab.
move: ij; rewrite -val_eqE neq_ltn => /orP[|] /half //.
by rewrite square_sub_swap.
Qed.

(** Their mean squared norm is [g^2 (K^2 - 1) / 12]. *)
Lemma equally_spaced_average :
  12%:R * (\sum_i squared_norm (equally_spaced i))
  = K%:R * (g ^+ 2 * (K%:R ^+ 2 - 1)).
Proof.
have n2 : 2%:R / 2%:R = 1 :> F by rewrite divff // pnatr_eq0.
pose c : F := (K%:R - 1) / 2%:R.
have c_eq : 2%:R * c = K%:R - 1.
  by rewrite mulrC divfK // pnatr_eq0.
have e1 := sum_integers F K; have e2 := sum_squares F K.
set S1 := \sum_(a < K) _ in e1; set S2 := \sum_(a < K) _ in e2.
have -> : \sum_i squared_norm (equally_spaced i)
    = g ^+ 2 * (S2 + K%:R * c ^+ 2 - 2%:R * c * S1).
  rewrite -(sum_constant K) /S1 mulr_sumr -big_split -sumrB mulr_sumr.
  by apply: eq_bigr => i _; rewrite equally_spaced_norm -/c /=; algebra.
have -> : 12%:R = 4%:R * 3%:R :> F by rewrite -natrM.
transitivity (g ^+ 2 * (2%:R * ((2%:R * 3%:R) * S2)
  + 3%:R * K%:R * (2%:R * c) ^+ 2 - (2%:R * 3%:R) * (2%:R * c) * (2%:R * S1))).
  by move: (S1) (S2) => s t; algebra.
by rewrite e1 e2 c_eq; algebra.
Qed.

(** Their largest squared norm is [g^2 (K - 1)^2 / 4]. *)
Lemma equally_spaced_bounded :
  bounded_energy_at_most (g ^+ 2 * ((K%:R - 1) / 2%:R) ^+ 2) equally_spaced.
Proof.
move=> i; rewrite equally_spaced_norm ler_wpmul2l ?sqr_ge0 //.
set c := (K%:R - 1) / 2%:R.
have i_le : i%:R <= 2%:R * c :> F.
  rewrite mulrC divfK ?pnatr_eq0 // ler_subr_addr -[1]/(1%:R) -natrD ler_nat.
  by rewrite addn1.
rewrite -subr_ge0 (_ : c ^+ 2 - _ = i%:R * (2%:R * c - i%:R)); last by algebra.
by rewrite mulr_ge0 ?ler0n // subr_ge0.
Qed.

End EquallySpaced.
