(** * Vectors over an ordered field: inner products, squared lengths, Cauchy-Schwarz

    Everything in this folder is proved over an arbitrary [realFieldType]: an
    ordered field such as the rational numbers or the real numbers.  A point of
    dimension [d] is a row vector ['rV[F]_d].  Lengths appear only squared,
    because a general ordered field has no square roots. *)

From Coq Require Import Ring Field.
From mathcomp Require Import all_ssreflect all_algebra.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

(** ** Coq's [ring] tactic for the field operations of mathcomp

    mathcomp reaches the same operation by several paths through its hierarchy
    of structures.  The definitions below give each operation one name, so that
    Coq's tactics [ring] and [field] recognize it.  This is plumbing: no
    statement below depends on it. *)

Section Operations.

Variable F : realFieldType.

Definition addF (a b : F) : F := a + b.
Definition mulF (a b : F) : F := a * b.
Definition oppF (a : F) : F := - a.
Definition subF (a b : F) : F := a - b.
Definition invF (a : F) : F := a^-1.
Definition divF (a b : F) : F := a / b.
Definition natF (a : F) (n : nat) : F := a *+ n.
Definition zeroF : F := 0.
Definition oneF : F := 1.

Lemma field_laws :
  field_theory zeroF oneF addF mulF subF oppF divF invF eq.
Proof.
split; [split | | | ] => //.
- exact: add0r.
- exact: addrC.
- exact: addrA.
- exact: mul1r.
- exact: mulrC.
- exact: mulrA.
- exact: mulrDl.
- exact: subrr.
- by apply/eqP; rewrite oner_neq0.
- by move=> a /eqP; apply: mulVf.
Qed.

End Operations.

Ltac normalize_operations F :=
  match goal with
  | |- @eq _ ?a ?b => change (@eq (Num.RealField.sort F) a b)
  end;
  repeat match goal with
  | |- context [@GRing.exp ?V ?a 2] =>
      change (@GRing.exp V a 2) with (@mulF F a a)
  | |- context [@GRing.natmul ?V ?a 2] =>
      change (@GRing.natmul V a 2) with (@addF F a a)
  | |- context [@GRing.natmul ?V ?a 3] =>
      change (@GRing.natmul V a 3) with (@addF F a (@addF F a a))
  | |- context [@GRing.natmul ?V ?a 4] =>
      change (@GRing.natmul V a 4)
        with (@addF F a (@addF F a (@addF F a a)))
  | |- context [@GRing.natmul ?V ?a 8] =>
      change (@GRing.natmul V a 8)
        with (@addF F a (@addF F a (@addF F a (@addF F a
                (@addF F a (@addF F a (@addF F a a)))))))
  | |- context [@GRing.natmul ?V ?a ?n] =>
      change (@GRing.natmul V a n) with (@natF F a n)
  | |- context [@GRing.one ?V] => change (@GRing.one V) with (@oneF F)
  | |- context [@GRing.zero ?V] => change (@GRing.zero V) with (@zeroF F)
  | |- context [@GRing.add ?V ?a ?b] =>
      change (@GRing.add V a b) with (@addF F a b)
  | |- context [@GRing.mul ?V ?a ?b] =>
      change (@GRing.mul V a b) with (@mulF F a b)
  | |- context [@GRing.opp ?V ?a] =>
      change (@GRing.opp V a) with (@oppF F a)
  | |- context [@GRing.inv ?V ?a] =>
      change (@GRing.inv V a) with (@invF F a)
  end.

(** ** The inner product *)

Section Vectors.

Variables (F : realFieldType) (d : nat).
Implicit Types (u v x : 'rV[F]_d) (a b : F).

Add Field F_field : (field_laws F).
Ltac algebra := normalize_operations F; ring.

(** [dot u v] is the sum of the products of the coordinates.  ([locked]
    changes nothing but keeps Coq from unfolding the sum by itself.) *)
Definition dot u v : F := locked (\sum_k u 0 k * v 0 k).

Lemma dotE u v : dot u v = \sum_k u 0 k * v 0 k.
Proof. by rewrite /dot -lock. Qed.

(** [squared_norm u] is [|u|^2], [squared_distance u v] is [|u - v|^2]. *)
Definition squared_norm u : F := dot u u.
Definition squared_distance u v : F := squared_norm (u - v).

Lemma dotC u v : dot u v = dot v u.
Proof. by rewrite !dotE; apply: eq_bigr => k _; rewrite mulrC. Qed.

Lemma dotDl u v x : dot (u + v) x = dot u x + dot v x.
Proof.
rewrite !dotE -big_split; apply: eq_bigr => k _.
by rewrite !mxE mulrDl.
Qed.

Lemma dotZl a u v : dot (a *: u) v = a * dot u v.
Proof.
rewrite !dotE mulr_sumr; apply: eq_bigr => k _.
by rewrite !mxE mulrA.
Qed.

Lemma dotDr u v x : dot u (v + x) = dot u v + dot u x.
Proof. by rewrite ![dot u _]dotC dotDl. Qed.

Lemma dotZr a u v : dot u (a *: v) = a * dot u v.
Proof. by rewrite ![dot u _]dotC dotZl. Qed.

Lemma dotNl u v : dot (- u) v = - dot u v.
Proof. by rewrite -scaleN1r dotZl mulN1r. Qed.

Lemma dotNr u v : dot u (- v) = - dot u v.
Proof. by rewrite ![dot u _]dotC dotNl. Qed.

Lemma dotBl u v x : dot (u - v) x = dot u x - dot v x.
Proof. by rewrite dotDl dotNl. Qed.

Lemma dotBr u v x : dot u (v - x) = dot u v - dot u x.
Proof. by rewrite dotDr dotNr. Qed.

Lemma dot0l v : dot 0 v = 0.
Proof. by rewrite -[0](scale0r v) dotZl mul0r. Qed.

Lemma dot0r v : dot v 0 = 0.
Proof. by rewrite dotC dot0l. Qed.

Lemma dot_suml (I : finType) (P : pred I) (u : I -> 'rV[F]_d) v :
  dot (\sum_(i | P i) u i) v = \sum_(i | P i) dot (u i) v.
Proof.
elim/big_rec2: _ => [|i a x _ <-]; first exact: dot0l.
exact: dotDl.
Qed.

Lemma dot_sumr (I : finType) (P : pred I) (u : I -> 'rV[F]_d) v :
  dot v (\sum_(i | P i) u i) = \sum_(i | P i) dot v (u i).
Proof. by rewrite dotC dot_suml; apply: eq_bigr => i _; rewrite dotC. Qed.

(** Squares are ordered as their nonnegative roots are. *)
Lemma square_le a b : 0 <= a -> a <= b -> a ^+ 2 <= b ^+ 2.
Proof.
by move=> a_ge0 le; rewrite ler_sqr ?nnegrE //; apply: le_trans le.
Qed.

Lemma le_of_square a b : 0 <= b -> a ^+ 2 <= b ^+ 2 -> a <= b.
Proof.
move=> b_ge0 le; case: (leP a 0) => [a_le0|/ltW a_ge0].
  exact: le_trans b_ge0.
by move: le; rewrite ler_sqr ?nnegrE.
Qed.

(** A sum without negative terms that is 0 has no terms but 0. *)
Lemma sum_of_nonneg_eq0 (I : finType) (P : pred I) (f : I -> F) :
  (forall i, P i -> 0 <= f i) -> \sum_(i | P i) f i = 0 ->
  forall i, P i -> f i = 0.
Proof. by move=> nonneg sum0 i Pi; apply: (psumr_eq0P nonneg sum0). Qed.

Lemma squared_norm_ge0 u : 0 <= squared_norm u.
Proof.
by rewrite /squared_norm dotE; apply: sumr_ge0 => k _; rewrite -expr2 sqr_ge0.
Qed.

Lemma squared_norm_eq0 u : squared_norm u = 0 -> u = 0.
Proof.
rewrite /squared_norm dotE => u0; apply/rowP => k; rewrite mxE.
have nonneg l : true -> 0 <= u 0 l * u 0 l by rewrite -expr2 sqr_ge0.
have zero := sum_of_nonneg_eq0 nonneg u0.
by move/eqP: (zero k isT); rewrite mulf_eq0 orbb => /eqP.
Qed.

Lemma squared_norm0 : squared_norm 0 = 0.
Proof. exact: dot0l. Qed.

Lemma squared_normN u : squared_norm (- u) = squared_norm u.
Proof. by rewrite /squared_norm dotNl dotNr opprK. Qed.

Lemma squared_normZ a u : squared_norm (a *: u) = a ^+ 2 * squared_norm u.
Proof. by rewrite /squared_norm dotZl dotZr mulrA. Qed.

(** [|u - v|^2 = |u|^2 + |v|^2 - 2 <u, v>]. *)
Lemma squared_distanceE u v :
  squared_distance u v = squared_norm u + squared_norm v - 2%:R * dot u v.
Proof.
rewrite /squared_distance /squared_norm !dotBl !dotBr (dotC v u).
algebra.
Qed.

Lemma squared_distanceC u v : squared_distance u v = squared_distance v u.
Proof. by rewrite /squared_distance -squared_normN opprB. Qed.

Lemma squared_distancexx u : squared_distance u u = 0.
Proof. by rewrite /squared_distance subrr squared_norm0. Qed.

Lemma squared_distance_ge0 u v : 0 <= squared_distance u v.
Proof. exact: squared_norm_ge0. Qed.

(** The squared length of the component of [|v|^2 u] orthogonal to [v]. *)
Lemma squared_norm_residual u v :
  squared_norm (squared_norm v *: u - dot u v *: v)
  = squared_norm v * (squared_norm v * squared_norm u - dot u v ^+ 2).
Proof.
rewrite {1}/squared_norm !dotBl !dotBr !dotZl !dotZr -!/(squared_norm _).
rewrite (dotC v u).
algebra.
Qed.

(** Cauchy-Schwarz, squared: [<u, v>^2 <= |u|^2 |v|^2]. *)
Lemma cauchy_schwarz u v :
  dot u v ^+ 2 <= squared_norm u * squared_norm v.
Proof.
have := squared_norm_ge0 v; rewrite le_eqVlt => /orP[/eqP v0|v_gt0].
  by rewrite -v0 mulr0 (squared_norm_eq0 (esym v0)) dot0r expr0n.
rewrite -subr_ge0 mulrC -(pmulr_rge0 _ v_gt0) -squared_norm_residual.
exact: squared_norm_ge0.
Qed.

(** Equality in Cauchy-Schwarz: the two vectors are parallel. *)
Lemma cauchy_schwarz_eq u v :
  squared_norm u * squared_norm v <= dot u v ^+ 2 ->
  squared_norm v *: u = dot u v *: v.
Proof.
move=> le; apply/eqP; rewrite -subr_eq0; apply/eqP; apply: squared_norm_eq0.
have eq : squared_norm u * squared_norm v = dot u v ^+ 2.
  by apply/eqP; rewrite eq_le le cauchy_schwarz.
by rewrite squared_norm_residual mulrC [_ * squared_norm u]mulrC eq subrr mul0r.
Qed.

End Vectors.
