(** * The simplex exists, by explicit coordinates

    Unit coordinates need square roots, so the final statements are over a real
    closed field ([rcfType]), such as the real numbers or the real algebraic
    numbers.  With them [K / (4 (K - 1))] is not only a bound but the optimum. *)

From Coq Require Import Ring Field.
From mathcomp Require Import all_ssreflect all_algebra.
From nctheory Require Import vectors simplex decoder.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

(** ** Coordinates in dimension [m = K - 1]

    [alpha e_k + gamma (1, ..., 1)] for [k < m], and [- s (1, ..., 1)]. *)

Section Coordinates.

Variables (F : realFieldType) (m q : nat).
Variables (s alpha gamma : F).

Add Field F_field : (field_laws F).
Ltac algebra := normalize_operations F; ring.

Definition simplex_coordinates (i : 'I_m.+1) : 'rV[F]_m :=
  if unlift ord_max i is Some k
  then alpha *: delta_mx 0 k + gamma *: const_mx 1
  else - s *: const_mx 1.

(** In higher dimension the other coordinates are 0. *)
Definition padded_coordinates (i : 'I_m.+1) : 'rV[F]_(m + q) :=
  row_mx (simplex_coordinates i) 0.

Lemma dot_delta (d : nat) (k l : 'I_d) :
  dot (delta_mx 0 k : 'rV[F]_d) (delta_mx 0 l) = (k == l)%:R.
Proof.
rewrite dotE (bigD1 k) //= big1 ?addr0 => [|n /negPf nk].
  by rewrite !mxE !eqxx mul1r.
by rewrite !mxE nk mul0r.
Qed.

Lemma dot_delta_one (d : nat) (k : 'I_d) :
  dot (delta_mx 0 k : 'rV[F]_d) (const_mx 1) = 1.
Proof.
rewrite dotE (bigD1 k) //= big1 ?addr0 => [|n /negPf nk].
  by rewrite !mxE !eqxx mul1r.
by rewrite !mxE nk mul0r.
Qed.

Lemma dot_one_one (d : nat) :
  dot (const_mx 1 : 'rV[F]_d) (const_mx 1) = d%:R.
Proof.
rewrite dotE (eq_bigr (fun=> 1)) => [|k _]; last by rewrite !mxE mulr1.
by rewrite sumr_const card_ord.
Qed.

Lemma dot_padded (d e : nat) (u v : 'rV[F]_d) :
  dot (row_mx u (0 : 'rV[F]_e)) (row_mx v 0) = dot u v.
Proof.
rewrite !dotE big_split_ord /= [X in _ + X]big1 ?addr0 => [|k _].
  by apply: eq_bigr => k _; rewrite !row_mxEl.
by rewrite !row_mxEr mxE mul0r.
Qed.

(** These are the coordinates of a unit simplex as soon as [s^2 m = 1],
    [alpha^2 m = m + 1] and [gamma m = s - alpha]. *)
Lemma simplex_coordinates_etf :
  (0 < m)%N -> s ^+ 2 * m%:R = 1 -> alpha ^+ 2 * m%:R = m%:R + 1 ->
  gamma * m%:R = s - alpha -> is_simplex_etf 1 padded_coordinates.
Proof.
move=> m_gt0 s_sq alpha_sq gamma_eq i j; rewrite dot_padded.
have m_neq0 : m%:R != 0 :> F by rewrite pnatr_eq0 -lt0n.
have K1 : m.+1%:R - 1 = m%:R :> F by rewrite mulrSr addrK.
have m1 : m%:R / m%:R = 1 :> F by rewrite divff.
have s_inv : s ^+ 2 = m%:R^-1.
  by apply: (mulIf m_neq0); rewrite s_sq mulVf.
rewrite /simplex_gram K1 /simplex_coordinates.
case: unliftP => [k ->|->]; case: unliftP => [l ->|->]; last first.
- by rewrite eqxx dotZl dotZr dot_one_one; apply: etrans s_sq; algebra.
- rewrite eq_liftF dotZl dotDr !dotZr (dotC (const_mx 1)) dot_delta_one.
  rewrite dot_one_one gamma_eq mulN1r -s_inv; algebra.
- rewrite eq_sym eq_liftF dotZr dotDl !dotZl dot_delta_one.
  rewrite dot_one_one gamma_eq mulN1r -s_inv; algebra.
rewrite (inj_eq lift_inj) dotDl !dotDr !dotZl !dotZr dot_delta dot_delta_one.
rewrite dotC dot_delta_one dot_one_one.
have cross : alpha * (gamma * 1) + (gamma * (alpha * 1) + gamma * (gamma * m%:R))
    = - 1 / m%:R.
  rewrite gamma_eq; transitivity (gamma * m%:R / m%:R * (s + alpha)).
    rewrite -[gamma * _ / _]mulrA m1; algebra.
  rewrite gamma_eq; transitivity ((s ^+ 2 - alpha ^+ 2) / m%:R); first by algebra.
  congr (_ / _); apply: (mulIf m_neq0).
  by rewrite mulrBl s_sq alpha_sq; algebra.
rewrite -addrA cross; case: eqP => _; last by rewrite !mulr0 add0r.
apply: (mulIf m_neq0); rewrite mulr1 mulrDl -expr2 alpha_sq.
by rewrite -(mulrA _ m%:R^-1) (mulrC m%:R^-1) m1; algebra.
Qed.

End Coordinates.

(** ** Over a real closed field *)

Section Existence.

Variable R : rcfType.

Add Field R_field : (field_laws R).
Ltac algebra := normalize_operations R; ring.

(** The explicit unit simplex of [m + 1] points in dimension [m + q]. *)
Definition unit_simplex (m q : nat) : 'I_m.+1 -> 'rV[R]_(m + q) :=
  let s := (Num.sqrt m%:R)^-1 in
  let alpha := Num.sqrt (m.+1%:R / m%:R) in
  padded_coordinates q s alpha ((s - alpha) / m%:R).

Theorem unit_simplex_etf (m q : nat) :
  (0 < m)%N -> is_simplex_etf (1 : R) (@unit_simplex m q).
Proof.
move=> m_gt0; have m_neq0 : m%:R != 0 :> R by rewrite pnatr_eq0 -lt0n.
apply: simplex_coordinates_etf => //.
- by rewrite exprVn sqr_sqrtr ?ler0n // mulVf.
- by rewrite sqr_sqrtr ?divr_ge0 ?ler0n // divfK // mulrSr.
- by rewrite divfK.
Qed.

(** Scaling all points by [r] scales the inner products by [r^2]. *)
Lemma scaled_simplex_etf (F : realFieldType) (K d : nat) (r : F)
    (means : 'I_K -> 'rV[F]_d) :
  is_simplex_etf 1 means -> is_simplex_etf (r ^+ 2) (fun i => r *: means i).
Proof.
move=> etf i j; rewrite dotZl dotZr etf /simplex_gram.
by case: eqP => _; rewrite ?mulr1 -?expr2 // mulrA -expr2 mulN1r mulrN mulNr.
Qed.

(** [K] points of a simplex of squared norm [E] exist in every dimension from
    [K - 1] on; together with [simplex_dimension], in no other. *)
Theorem simplex_exists (K d : nat) (E : R) :
  (1 < K)%N -> (K.-1 <= d)%N -> 0 <= E ->
  exists means : 'I_K -> 'rV[R]_d, is_simplex_etf E means.
Proof.
case: K => [|m] // K_gt1 /= le_d E_ge0.
have [q ->] : exists q, d = (m + q)%N by exists (d - m)%N; rewrite subnKC.
have etf := @unit_simplex_etf m q K_gt1.
exists (fun i => Num.sqrt E *: @unit_simplex m q i).
have := scaled_simplex_etf (Num.sqrt E) etf.
by rewrite sqr_sqrtr.
Qed.

Theorem simplex_exists_iff (K d : nat) (E : R) :
  (1 < K)%N -> 0 < E ->
  (exists means : 'I_K -> 'rV[R]_d, is_simplex_etf E means)
  <-> (K.-1 <= d)%N.
Proof.
move=> K_gt1 E_gt0; split=> [[means]|le_d]; first exact: simplex_dimension.
by apply: simplex_exists; rewrite // ltW.
Qed.

(** ** The channel's optimum is exactly [K E / (4 (K - 1))] for [d >= K - 1]

    The points of the simplex, as their own weights and with bias 0, have this
    exponent and squared norms of exactly [E]; nothing with squared norms of at
    most [E] on average has a larger one. *)
Theorem optimum_exact (K d : nat) (E : R) :
  (1 < K)%N -> (K.-1 <= d)%N -> 0 < E ->
  (exists means : 'I_K -> 'rV[R]_d,
     (forall i, squared_norm (means i) = E) /\
     exponent means means (fun=> 0) = Some (K%:R * E / (4%:R * (K%:R - 1)))) /\
  (forall (means weights : 'I_K -> 'rV[R]_d) bias,
     average_energy_at_most E means ->
     exists2 beta, exponent means weights bias = Some beta
                 & beta <= K%:R * E / (4%:R * (K%:R - 1))).
Proof.
move=> K_gt1 le_d E_gt0; split=> [|means weights bias energy].
  have [means etf] := simplex_exists K_gt1 le_d (ltW E_gt0).
  have norms i : squared_norm (means i) = E.
    by rewrite /squared_norm etf /simplex_gram eqxx.
  exists means; split=> //; apply/unique_optimum_exponent => //.
    by apply: bounded_is_average => i; rewrite norms.
  split=> //; exists 1, 0, 0; split=> // [|i]; first exact: ltr01.
  by rewrite scale1r addr0.
have [beta eq] := exponent_finite means weights bias K_gt1; exists beta => //.
rewrite ler_pdivl_mulr ?mulr_gt0 ?ltr0n ?K_minus_1_gt0 // mulrC.
by apply: (optimal_exponent (weights := weights) (bias := bias) K_gt1 energy);
  rewrite eq /=.
Qed.

End Existence.
