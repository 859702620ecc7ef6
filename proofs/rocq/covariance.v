(** * Noise covariances and Gram matrices: positive semidefinite by a check

    The kernel shows in two ways that a symmetric matrix is positive
    semidefinite: by a factor [L] with a diagonally dominant rest, and by
    symmetric elimination, which also bounds the rank. *)

From Coq Require Import Ring Field.
From mathcomp Require Import all_ssreflect all_algebra.
From nctheory Require Import vectors simplex decoder.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

Section Covariance.

Variables (F : realFieldType) (d : nat).
Implicit Types (S R : 'M[F]_d) (x : 'rV[F]_d).

Add Field F_field : (field_laws F).
Ltac algebra := normalize_operations F; ring.

(** [<x, S x>]. *)
Definition quadratic_form S x : F := dot (x *m S) x.

Definition positive_semidefinite S : Prop :=
  forall x, 0 <= quadratic_form S x.

Lemma quadratic_formE S x :
  quadratic_form S x = \sum_i \sum_j S i j * (x 0 i * x 0 j).
Proof.
rewrite /quadratic_form dotE exchange_big; apply: eq_bigr => j _ /=.
by rewrite mxE mulr_suml; apply: eq_bigr => i _; rewrite -mulrA mulrCA.
Qed.

Lemma quadratic_form1 x : quadratic_form 1%:M x = squared_norm x.
Proof. by rewrite /quadratic_form mulmx1. Qed.

(** [<x, L L^T x> = |x L|^2]. *)
Lemma quadratic_form_factor (p : nat) (L : 'M[F]_(d, p)) x :
  quadratic_form (L *m L^T) x = squared_norm (x *m L).
Proof.
rewrite /quadratic_form /squared_norm !dotE.
rewrite (eq_bigr (fun k => \sum_i (x *m L) 0 i * (L k i * x 0 k))).
  rewrite exchange_big /=; apply: eq_bigr => i _.
  rewrite -mulr_sumr; congr (_ * _); rewrite mxE.
  by apply: eq_bigr => k _; rewrite mulrC.
move=> k _; rewrite mulmxA mxE mulr_suml; apply: eq_bigr => i _.
by rewrite !mxE mulrA.
Qed.

(** Diagonal dominance (Gershgorin), as the kernel checks it: the absolute
    values of a row, its diagonal entry among them, add up to at most twice the
    diagonal entry. *)
Lemma diagonally_dominant R :
  R^T = R -> (forall i, \sum_j `|R i j| <= 2%:R * R i i) ->
  positive_semidefinite R.
Proof.
move=> sym dom x; rewrite quadratic_formE.
have two_gt0 : 0 < 2%:R :> F by rewrite ltr0n.
rewrite -(pmulr_rge0 _ two_gt0) mulr_sumr.
have lower i j : - (`|R i j| * (x 0 i ^+ 2 + x 0 j ^+ 2))
    <= 2%:R * (R i j * (x 0 i * x 0 j)).
  move: (R i j) (x 0 i) (x 0 j) => r a b; case: (leP 0 r) => r0.
    rewrite ger0_norm // -subr_ge0.
    rewrite (_ : _ - _ = r * (a + b) ^+ 2); last by algebra.
    by rewrite mulr_ge0 ?sqr_ge0.
  rewrite ltr0_norm // -subr_ge0.
  rewrite (_ : _ - _ = - r * (a - b) ^+ 2); last by algebra.
  by rewrite mulr_ge0 ?sqr_ge0 // oppr_ge0 ltW.
have off i : 2%:R * (R i i * (x 0 i * x 0 i))
      - \sum_(j | j != i) `|R i j| * (x 0 i ^+ 2 + x 0 j ^+ 2)
    <= 2%:R * (\sum_j R i j * (x 0 i * x 0 j)).
  rewrite mulr_sumr [X in _ <= X](bigD1 i) //= ler_add2l -sumrN.
  by apply: ler_sum => j _.
apply: le_trans (ler_sum _ (fun i _ => off i)).
rewrite sumrB; have swap :
    \sum_i \sum_(j | j != i) `|R i j| * (x 0 i ^+ 2 + x 0 j ^+ 2)
    = \sum_i 2%:R * (x 0 i ^+ 2 * (\sum_(j | j != i) `|R i j|)).
  have split i : \sum_(j | j != i) `|R i j| * (x 0 i ^+ 2 + x 0 j ^+ 2)
      = x 0 i ^+ 2 * (\sum_(j | j != i) `|R i j|)
        + \sum_(j | j != i) `|R i j| * x 0 j ^+ 2.
    rewrite mulr_sumr -big_split; apply: eq_bigr => j _ /=.
    by rewrite mulrDr (mulrC (_ ^+ 2)).
  rewrite (eq_bigr _ (fun i _ => split i)) big_split /=.
  rewrite [X in _ + X](exchange_big_dep xpredT) //= -big_split.
  apply: eq_bigr => i _ /=; rewrite mulr_sumr.
  rewrite (_ : \sum_(j | i != j) _ = \sum_(j | j != i) x 0 i ^+ 2 * `|R i j|).
    by rewrite -mulr2n mulr_natl.
  apply: eq_big => [j|j _]; first by rewrite eq_sym.
  by rewrite -[in LHS]sym mxE mulrC.
rewrite swap -sumrB; apply: sumr_ge0 => i _.
rewrite (_ : _ - _ = x 0 i ^+ 2 * (2%:R * R i i
                - 2%:R * (\sum_(j | j != i) `|R i j|))); last by algebra.
rewrite mulr_ge0 ?sqr_ge0 // subr_ge0 ler_pmul2l //.
have := dom i; rewrite (bigD1 i) //=.
have R_ge0 : 0 <= R i i.
  rewrite -(pmulr_rge0 _ two_gt0); apply: le_trans (dom i).
  by apply: sumr_ge0 => j _; apply: normr_ge0.
by rewrite ger0_norm // -ler_subr_addl mulr2n mulrDl mul1r addrK.
Qed.

(** The kernel's check of a factor: [R = r S - L L^T] is symmetric and
    diagonally dominant and [r > 0]; then [S] is positive semidefinite. *)
Theorem factor_check S (L : 'M[F]_d) (r : F) :
  0 < r -> S^T = S ->
  let R := r *: S - L *m L^T in
  (forall i, \sum_j `|R i j| <= 2%:R * R i i) -> positive_semidefinite S.
Proof.
move=> r_gt0 sym R dom x; rewrite -(pmulr_rge0 _ r_gt0).
have -> : r * quadratic_form S x
    = quadratic_form R x + quadratic_form (L *m L^T) x.
  rewrite /quadratic_form -dotDl -mulmxDr /R subrK -scalemxAr dotZl.
  by [].
rewrite addr_ge0 ?quadratic_form_factor ?squared_norm_ge0 //.
apply: diagonally_dominant => //.
by rewrite /R linearB linearZ /= trmx_mul trmxK sym.
Qed.

End Covariance.

(** ** Symmetric elimination *)

Section Elimination.

Variable F : realFieldType.

(** Eliminate the first row and column: a negative pivot, or a zero pivot whose
    row is not 0, is a fault ([None]); otherwise the number of positive pivots
    is the result. *)
Fixpoint elimination (n : nat) : 'M[F]_n -> option nat :=
  match n return 'M[F]_n -> option nat with
  | 0 => fun _ => Some 0%N
  | n'.+1 => fun G : 'M[F]_(1 + n') =>
      let a := G 0 0 in
      let u := ursubmx G in
      if a < 0 then None
      else if a == 0 then if u == 0 then elimination (drsubmx G) else None
      else omap S (elimination (drsubmx G - a^-1 *: (u^T *m u)))
  end.

(** The kernel's form, which stays within the integers: the rest is multiplied by
    the pivot and divided by the one before it. *)
Fixpoint fraction_free (n : nat) (previous : F) : 'M[F]_n -> option nat :=
  match n return 'M[F]_n -> option nat with
  | 0 => fun _ => Some 0%N
  | n'.+1 => fun G : 'M[F]_(1 + n') =>
      let a := G 0 0 in
      let u := ursubmx G in
      if a < 0 then None
      else if a == 0
        then if u == 0 then fraction_free previous (drsubmx G) else None
      else omap S (fraction_free a
                     (previous^-1 *: (a *: drsubmx G - u^T *m u)))
  end.

(** A positive factor changes nothing, *)
Lemma elimination_scale (n : nat) (c : F) (G : 'M[F]_n) :
  0 < c -> elimination (c *: G) = elimination G.
Proof.
elim: n c G => [//|n IH] c G c_gt0 /=.
have c_neq0 : c != 0 by rewrite gt_eqF.
have -> : ursubmx (c *: (G : 'M_(1 + n))) = c *: ursubmx (G : 'M_(1 + n)).
  by apply/matrixP => i j; rewrite !mxE.
have -> : drsubmx (c *: (G : 'M_(1 + n))) = c *: drsubmx (G : 'M_(1 + n)).
  by apply/matrixP => i j; rewrite !mxE.
rewrite !mxE pmulr_rlt0 // mulf_eq0 (negPf c_neq0) /=.
rewrite scaler_eq0 (negPf c_neq0) /= IH //.
case: ltP => // _; case: eqP => // /eqP a_neq0; congr (omap S _).
rewrite -[RHS](IH c) // scalerBr; congr (elimination (_ - _)).
set u := ursubmx _; have -> : (c *: u)^T = c *: u^T by rewrite linearZ.
rewrite -scalemxAl -scalemxAr !scalerA; congr (_ *: _).
by rewrite invfM (mulrC c^-1) divfK // mulrC.
Qed.

(** so both forms find the same. *)
Theorem fraction_free_elimination (n : nat) (previous : F) (G : 'M[F]_n) :
  0 < previous -> fraction_free previous G = elimination G.
Proof.
elim: n previous G => [//|n IH] previous G previous_gt0 /=.
case: ltP => // a_ge0; case: eqP => [_|/eqP a_neq0]; first by rewrite IH.
have a_gt0 : 0 < G 0 0 by rewrite lt_def a_neq0.
rewrite IH // elimination_scale ?invr_gt0 //; congr (omap S _).
rewrite -[RHS](@elimination_scale _ (G 0 0)) //; congr (elimination _).
by rewrite scalerBr scalerA divff ?scale1r.
Qed.

End Elimination.

Section Gram.

Variable R : rcfType.

(** A symmetric matrix that passes with at most [d] positive pivots is the
    matrix of inner products of points in dimension [d]. *)
Theorem elimination_gram (n d r : nat) (G : 'M[R]_n) :
  G^T = G -> elimination G = Some r -> (r <= d)%N ->
  exists M : 'M[R]_(n, d), G = M *m M^T.
Proof.
elim: n d r G => [|n IH] d r G sym.
  by move=> _ _; exists 0; apply/matrixP => -[].
rewrite /=; set a := G 0 0; set u := ursubmx (G : 'M_(1 + n)).
set C := drsubmx (G : 'M_(1 + n)).
have C_sym : C^T = C by rewrite /C trmx_drsub sym.
have G_eq : (G : 'M_(1 + n)) = block_mx a%:M u u^T C.
  rewrite -[LHS](@submxK _ 1 n 1 n); congr block_mx.
    apply/matrixP => i j; rewrite !ord1 !mxE eqxx mulr1n.
    by congr (G _ _); apply: val_inj.
  by rewrite /u trmx_ursub sym.
case: ltP => // a_ge0; case: eqP => [a0|/eqP a_neq0].
  case: eqP => // u0 /(IH d) H /H [//|M M_eq].
  pose N : 'M[R]_(1 + n, d) := col_mx 0 M.
  have N_eq : N *m N^T = block_mx a%:M u u^T C.
    rewrite /N tr_col_mx mul_col_row -M_eq a0 u0 !trmx0 !mul0mx !mulmx0.
    by rewrite raddf0.
  by exists N; rewrite -[RHS]/(N *m N^T) N_eq.
case eq: (elimination _) => [r'|] //= -[<-]; case: d => // d lt.
have [|M M_eq] := IH d r' _ _ eq lt.
  by rewrite linearB linearZ /= trmx_mul trmxK C_sym.
pose s := Num.sqrt a; have s_sq : s * s = a by rewrite -expr2 sqr_sqrtr.
have s_neq0 : s != 0 by apply: contra_neq a_neq0 => s0; rewrite -s_sq s0 mul0r.
pose N : 'M[R]_(1 + n, 1 + d) := block_mx s%:M 0 (s^-1 *: u^T) M.
have N_eq : N *m N^T = block_mx a%:M u u^T C.
  rewrite /N tr_block_mx mulmx_block.
  rewrite !trmx0 !mul0mx !mulmx0 !addr0 tr_scalar_mx linearZ /= trmxK -M_eq.
  rewrite -scalar_mxM s_sq mul_scalar_mx scalerA divff // scale1r.
  rewrite mul_mx_scalar scalerA divff // scale1r.
  rewrite -scalemxAl -scalemxAr scalerA -invfM s_sq.
  by rewrite [X in block_mx _ _ _ X]addrC subrK.
by exists N; rewrite -[RHS]/(N *m N^T) N_eq.
Qed.

(** In terms of points: the inner products are the entries. *)
Corollary gram_points (n d r : nat) (G : 'M[R]_n) :
  G^T = G -> elimination G = Some r -> (r <= d)%N ->
  exists means : 'I_n -> 'rV[R]_d,
    forall i j, dot (means i) (means j) = G i j.
Proof.
move=> sym passes le; have [M ->] := elimination_gram sym passes le.
exists (fun i => row i M) => i j; rewrite mxE dotE.
by apply: eq_bigr => k _; rewrite !mxE.
Qed.

(** A covariance that passes is positive semidefinite. *)
Corollary elimination_positive_semidefinite (d r : nat) (S : 'M[R]_d) :
  S^T = S -> elimination S = Some r -> positive_semidefinite S.
Proof.
move=> sym passes x; have [M ->] := elimination_gram sym passes (leqnn r).
by rewrite quadratic_form_factor squared_norm_ge0.
Qed.

End Gram.
