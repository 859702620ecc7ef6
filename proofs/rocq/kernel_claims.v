(** * What the kernel's claims mean

    One section for each kind of claim of [nctheory/kernel.py] about
    configurations: [exponent], [universal_bound], [gap], [improvement] and
    [simplex_etf].  Each states what the claim asserts and proves that the
    kernel's arithmetic check implies it. *)

From Coq Require Import Ring Field.
From mathcomp Require Import all_ssreflect all_algebra.
From nctheory Require Import vectors simplex decoder existence rankin line.
From nctheory Require Import covariance.

Set Implicit Arguments.
Unset Strict Implicit.
Unset Printing Implicit Defensive.

Import GRing.Theory Num.Theory Order.TTheory.
Local Open Scope ring_scope.

(** ** exponent

    "The exponent, the minimum of all K(K-1) e_ij, is exactly q, attained by
    this pair."  The noise covariance is one matrix [S i] for each class. *)

Section ExponentClaim.

Variables (F : realFieldType) (K d : nat).
Implicit Types (means weights : 'I_K -> 'rV[F]_d) (bias : 'I_K -> F).
Implicit Types (S : 'I_K -> 'M[F]_d) (beta : F).

Add Field F_field : (field_laws F).
Ltac algebra := normalize_operations F; ring.

(** [e_ij] with noise: [max(0, m_ij)^2 / (2 <a_ij, S_i a_ij>)]. *)
Definition noisy_pair_exponent means weights bias S (i j : 'I_K) : option F :=
  half_space_exponent (margin means weights bias i j)
                      (quadratic_form (S i) (weights i - weights j)).

Definition noisy_exponent means weights bias S : option F :=
  least (noisy_pair_exponent means weights bias S).

(** With the identity it is the exponent of [decoder.v]. *)
Lemma identity_noise means weights bias :
  noisy_exponent means weights bias (fun=> 1%:M)
  = exponent means weights bias.
Proof.
rewrite /noisy_exponent /exponent /least; congr foldr; apply: eq_map.
by move=> [i j]; rewrite /noisy_pair_exponent quadratic_form1.
Qed.

(** The kernel's check is that the minimum over all ordered pairs is [beta] and
    that this pair has it.  It says: no ordered pair has less, and this one has
    exactly [beta]. *)
Theorem exponent_claim means weights bias S beta (i j : 'I_K) :
  i != j ->
  noisy_exponent means weights bias S = Some beta /\
  noisy_pair_exponent means weights bias S i j = Some beta
  <-> (forall k l, k != l ->
         at_least beta (noisy_pair_exponent means weights bias S k l)) /\
      noisy_pair_exponent means weights bias S i j = Some beta.
Proof.
move=> ij; split=> -[least_eq eij]; split=> //.
  by apply/at_least_least; move: least_eq; rewrite /noisy_exponent => ->; exact: lexx.
case eq: (noisy_exponent _ _ _ _) => [x|]; last first.
  by have := least_infinite eq ij; rewrite eij.
have [k [l [kl ekl]]] := least_attained eq.
congr Some; apply/eqP; rewrite eq_le (least_at_most eq ij eij).
by have := least_eq k l kl; rewrite ekl.
Qed.

(** The same without division, for positive [beta] and covariances that are
    positive semidefinite: all margins are positive, and
    [2 beta <a_kl, S_k a_kl> <= m_kl^2]. *)
Theorem exponent_claim_margins means weights bias S beta :
  0 < beta -> (forall k, positive_semidefinite (S k)) ->
  at_least beta (noisy_exponent means weights bias S)
  <-> forall k l, k != l ->
        0 < margin means weights bias k l /\
        2%:R * beta * quadratic_form (S k) (weights k - weights l)
        <= margin means weights bias k l ^+ 2.
Proof.
move=> beta_gt0 psd; rewrite /noisy_exponent at_least_least.
split=> H k l /H /half_space_exponentP; apply => //; exact: psd.
Qed.

(** "inf": where the minimum is infinite, so are all pairs; with the identity
    that needs fewer than two classes. *)
Theorem exponent_claim_infinite means weights bias S :
  noisy_exponent means weights bias S = None <->
  forall k l, k != l -> noisy_pair_exponent means weights bias S k l = None.
Proof.
split=> [|all]; first exact: least_infinite.
case eq: (noisy_exponent _ _ _ _) => [x|//].
by have [k [l [kl]]] := least_attained eq; rewrite all.
Qed.

(** The kernel's shortcut for nearest mean under noise: with
    [D = |mu_i - mu_j|^2], [e_ij = D^2 / (8 <a_ij, S_i a_ij>)]. *)
Theorem nearest_mean_noisy means S (i j : 'I_K) :
  quadratic_form (S i) (means i - means j) != 0 ->
  noisy_pair_exponent means means (nearest_mean_bias means) S i j
  = Some (squared_distance (means i) (means j) ^+ 2
          / (8%:R * quadratic_form (S i) (means i - means j))).
Proof.
rewrite /noisy_pair_exponent nearest_mean_margin /half_space_exponent.
move=> /negPf ->; rewrite max_r ?divr_ge0 ?squared_distance_ge0 ?ler0n //.
congr Some; have -> : 8%:R = 2%:R * (2%:R * 2%:R) :> F by rewrite -!natrM.
move: (squared_distance _ _) (quadratic_form _ _) => D q.
by rewrite exprMn exprVn expr2 [in RHS]invfM !invfM; algebra.
Qed.

(** A configuration given by a Gram matrix: [D = G_ii + G_jj - 2 G_ij]. *)
Theorem nearest_mean_gram means (G : 'M[F]_K) (i j : 'I_K) :
  (forall k l, dot (means k) (means l) = G k l) ->
  pair_exponent means means (nearest_mean_bias means) i j
  = Some ((G i i + G j j - 2%:R * G i j) / 8%:R).
Proof.
move=> gram; rewrite nearest_mean_exponent squared_distanceE.
by rewrite /squared_norm !gram.
Qed.

End ExponentClaim.

(** ** universal_bound

    "Every K points in dimension d with any linear decoder have normalized
    exponent <= q."  [E] is the energy of a configuration. *)

Inductive energy := bounded | equal | average.
Inductive bound_theorem := by_simplex | by_rankin | by_line.

Section UniversalBound.

Variable F : realFieldType.
Implicit Types (beta E u : F) (kind : energy) (theorem : bound_theorem).

(** The energy of a configuration: the largest squared norm ("bounded"), the
    common squared norm ("equal"), or the average of them ("average"). *)
Definition energy_is kind (K d : nat) E (means : 'I_K -> 'rV[F]_d) : Prop :=
  match kind with
  | bounded => (forall i, squared_norm (means i) <= E) /\
               (exists i, squared_norm (means i) = E)
  | equal => forall i, squared_norm (means i) = E
  | average => \sum_i squared_norm (means i) = K%:R * E
  end.

(** The kernel's table [_universal]; [None] where a theorem does not apply. *)
Definition universal theorem (K d : nat) kind : option F :=
  match theorem with
  | by_simplex => Some (K%:R / (4%:R * (K%:R - 1)))
  | by_rankin =>
      if kind is average then None
      else if (d + 2 <= K)%N then Some (1 / 4%:R) else None
  | by_line =>
      if d == 1%N then
        match kind with
        | average => Some (3%:R / (2%:R * (K%:R ^+ 2 - 1)))
        | bounded => Some (1 / (2%:R * (K%:R - 1) ^+ 2))
        | equal => Some (if K == 2%N then 1 / 2%:R else 0)
        end
      else None
  end.

(** Where the kernel says that the bound is attained. *)
Definition universal_attained theorem (K d : nat) : bool :=
  match theorem with
  | by_simplex => (K.-1 <= d)%N
  | by_rankin => (K <= d + d)%N
  | by_line => true
  end.

Lemma energy_bounded kind (K d : nat) E (means : 'I_K -> 'rV[F]_d) :
  kind <> average -> energy_is kind E means -> bounded_energy_at_most E means.
Proof.
by case: kind => // _; [case | move=> /= same i; rewrite same].
Qed.

Lemma energy_average kind (K d : nat) E (means : 'I_K -> 'rV[F]_d) :
  energy_is kind E means -> average_energy_at_most E means.
Proof.
case: kind => [energy|energy|/= energy].
- exact/bounded_is_average/(energy_bounded (kind := bounded)).
- exact/bounded_is_average/(energy_bounded (kind := equal)).
by rewrite /average_energy_at_most energy.
Qed.

(** Every bound of the table holds: [beta <= u E] for every configuration and
    every linear decoder. *)
Theorem universal_bound theorem kind (K d : nat) u E beta
    (means weights : 'I_K -> 'rV[F]_d) bias :
  (1 < K)%N -> universal theorem K d kind = Some u ->
  energy_is kind E means -> exponent means weights bias = Some beta ->
  beta <= u * E.
Proof.
move=> K_gt1 table energy eq; have K1 := K_minus_1_gt0 F K_gt1.
have least : at_least beta (exponent means weights bias) by rewrite eq /=.
case: theorem table => [[<-]||] /=.
- rewrite mulrAC ler_pdivl_mulr ?mulr_gt0 ?ltr0n // [X in X <= _]mulrC.
  exact: optimal_exponent K_gt1 (energy_average energy) least.
- case: ifP => [many|]; last by case: kind {energy}.
  case: kind energy => // energy [<-]; rewrite mulrAC mul1r;
    rewrite ler_pdivl_mulr ?ltr0n // [X in X <= _]mulrC;
    by apply: rankin_decoder many (energy_bounded _ energy) least.
case: eqP => // d1; subst d; case: kind energy => energy [<-].
- rewrite mulrAC mul1r ler_pdivl_mulr ?mulr_gt0 ?ltr0n ?exprn_gt0 //.
  rewrite [X in X <= _]mulrC.
  exact: line_bounded_decoder K_gt1 (energy_bounded _ energy) least.
- case: eqP => [K2|/eqP K2].
    subst K; have := optimal_exponent K_gt1 (energy_average energy) least.
    have -> : 2%:R - 1 = 1 :> F by rewrite -[2%:R]/(1 + 1) addrK.
    rewrite mulr1 => le; rewrite mulrAC mul1r ler_pdivl_mulr ?ltr0n //.
    have two_gt0 : 0 < 2%:R :> F by rewrite ltr0n.
    rewrite -(ler_pmul2l two_gt0); apply: le_trans le.
    by rewrite mulrCA -natrM mulrC.
  rewrite mul0r; apply: (line_equal_decoder (E := E) _ energy least).
  by rewrite ltn_neqAle eq_sym K2.
have K2_gt0 : 0 < K%:R ^+ 2 - 1 :> F.
  rewrite subr_gt0 -natrX ltr1n; apply: (leq_trans K_gt1).
  by rewrite -mulnn leq_pmulr // (ltnW K_gt1).
rewrite mulrAC ler_pdivl_mulr ?mulr_gt0 ?ltr0n // [X in X <= _]mulrC.
exact: line_average_decoder K_gt1 (energy_average energy) least.
Qed.

(** The claim: any [q >= u] bounds the normalized exponent [beta / E]. *)
Corollary universal_bound_claim theorem kind (K d : nat) u q E beta
    (means weights : 'I_K -> 'rV[F]_d) bias :
  (1 < K)%N -> universal theorem K d kind = Some u -> u <= q ->
  energy_is kind E means -> 0 < E ->
  exponent means weights bias = Some beta ->
  beta / E <= q.
Proof.
move=> K_gt1 table le energy E_gt0 eq; rewrite ler_pdivr_mulr //.
apply: le_trans (universal_bound K_gt1 table energy eq) _.
by rewrite ler_pmul2r.
Qed.

End UniversalBound.

(** With "attained": some configuration of energy 1 has exactly [u]. *)
Section Attained.

Variable R : rcfType.

Add Field R_field : (field_laws R).
Ltac algebra := normalize_operations R; ring.

Theorem universal_bound_attained theorem kind (K d : nat) (u : R) :
  (1 < K)%N -> universal R theorem K d kind = Some u ->
  universal_attained theorem K d ->
  exists (means weights : 'I_K -> 'rV[R]_d) (bias : 'I_K -> R),
    energy_is kind 1 means /\ exponent means weights bias = Some u.
Proof.
move=> K_gt1; have K1 := K_minus_1_gt0 R K_gt1.
pose i0 : 'I_K := Ordinal (ltnW K_gt1).
have simplex_case : (K.-1 <= d)%N ->
    exists (means weights : 'I_K -> 'rV[R]_d) (bias : 'I_K -> R),
      energy_is kind 1 means /\
      exponent means weights bias = Some (K%:R / (4%:R * (K%:R - 1))).
  move=> le_d.
  have [[means [norm eq]] _] := optimum_exact K_gt1 le_d (@ltr01 R).
  exists means, means, (fun=> 0); rewrite eq mulr1; split=> //.
  case: kind => /=; last by rewrite (eq_bigr _ (fun i _ => norm i)) sum_constant.
    by split=> [i|]; [rewrite norm | exists i0].
  by move=> i; rewrite norm.
case: theorem => [[<-]||] /=; first exact: simplex_case.
  case: ifP => [many|]; last by case: kind {simplex_case}.
  move=> table few; have [norm eq] := rankin_attained R many few.
  exists (@orthoplex R K d), (@orthoplex R K d),
    (nearest_mean_bias (@orthoplex R K d)).
  case: kind table {simplex_case} => // -[<-]; split=> //=.
  by split=> [i|]; [rewrite norm | exists i0].
case: eqP => // d1; subst d; case: kind simplex_case => simplex_case [<-] _.
- pose g : R := 2%:R / (K%:R - 1).
  exists (@equally_spaced R K g), (@equally_spaced R K g),
    (nearest_mean_bias (@equally_spaced R K g)).
  have n2 : 2%:R != 0 :> R by rewrite pnatr_eq0.
  have g_one : g * ((K%:R - 1) / 2%:R) = 1.
    by rewrite /g mulrA divfK ?gt_eqF // divff.
  have g_norm : g ^+ 2 * ((K%:R - 1) / 2%:R) ^+ 2 = 1.
    by rewrite -exprMn g_one expr1n.
  split; last first.
    rewrite equally_spaced_exponent // /g exprMn; congr Some.
    have n8 : (8%:R : R)^-1 = 2%:R^-1 * 2%:R^-1 * 2%:R^-1.
      by rewrite -!invfM -!natrM.
    rewrite n8 invfM -exprVn; move: ((K%:R - 1)^-1) => r.
    transitivity (2%:R / 2%:R * (2%:R / 2%:R) * (2%:R^-1 * r ^+ 2)).
      by algebra.
    by rewrite divff //; algebra.
  split=> [i|]; first by rewrite -[X in _ <= X]g_norm; apply: equally_spaced_bounded.
  exists i0; rewrite equally_spaced_norm /= -[RHS]g_norm.
  by rewrite sub0r sqrrN.
- case: eqP => [K2|/eqP K2].
    subst K; have [//|means [weights [bias [energy eq]]]] := simplex_case.
    exists means, weights, bias; rewrite eq; split=> //; congr Some.
    have -> : 2%:R - 1 = 1 :> R by rewrite -[2%:R]/(1 + 1) addrK.
    rewrite mulr1; have -> : 4%:R = 2%:R * 2%:R :> R by rewrite -natrM.
    by rewrite invfM mulrA divff ?pnatr_eq0.
  exists (fun=> const_mx 1), (fun=> 0), (fun=> 0); split.
    by move=> i; rewrite squared_norm_line mxE expr1n.
  have [beta eq] := exponent_finite (fun _ : 'I_K => const_mx 1 : 'rV[R]_1)
                      (fun=> 0) (fun=> 0) K_gt1.
  rewrite eq; have [i [j [ij]]] := least_attained eq.
  rewrite /pair_exponent squared_distancexx /half_space_exponent eqxx.
  by rewrite /margin subrr dot0l !addr0 subr0 ltxx => -[<-].
have K2_gt0 : 0 < K%:R ^+ 2 - 1 :> R.
  rewrite subr_gt0 -natrX ltr1n; apply: (leq_trans K_gt1).
  by rewrite -mulnn leq_pmulr // (ltnW K_gt1).
pose g : R := Num.sqrt (12%:R / (K%:R ^+ 2 - 1)).
have g_sq : g ^+ 2 = 12%:R / (K%:R ^+ 2 - 1).
  by rewrite sqr_sqrtr // divr_ge0 ?ler0n // ltW.
exists (@equally_spaced R K g), (@equally_spaced R K g),
  (nearest_mean_bias (@equally_spaced R K g)); split.
  have n12 : 12%:R != 0 :> R by rewrite pnatr_eq0.
  apply: (mulfI n12); rewrite /= equally_spaced_average g_sq.
  by rewrite divfK ?gt_eqF // mulr1 mulrC.
rewrite equally_spaced_exponent // g_sq; congr Some.
have -> : 12%:R = 3%:R * 4%:R :> R by rewrite -natrM.
have -> : 8%:R = 2%:R * 4%:R :> R by rewrite -natrM.
rewrite !invfM; set r : R := (K%:R ^+ 2 - 1)^-1.
have n4 : 4%:R / 4%:R = 1 :> R by rewrite divff // pnatr_eq0.
transitivity (4%:R / 4%:R * (3%:R * (2%:R^-1 * r))); first by algebra.
by rewrite n4; algebra.
Qed.

End Attained.

(** ** gap

    "lower <= exponent / (energy x optimum) <= upper."  The optimum is the
    least upper bound of the normalized exponents of all configurations, which
    need not be attained. *)

Section Gap.

Variable F : realFieldType.
Implicit Types (beta E u o lower upper : F) (kind : energy).

Definition bounds_normalized_exponents kind (K d : nat) u : Prop :=
  forall (means weights : 'I_K -> 'rV[F]_d) bias E beta,
    energy_is kind E means -> 0 < E ->
    exponent means weights bias = Some beta -> beta / E <= u.

Definition is_optimum kind (K d : nat) o : Prop :=
  bounds_normalized_exponents kind K d o /\
  forall u, bounds_normalized_exponents kind K d u -> o <= u.

(** Exponents are never negative. *)
Theorem exponent_ge0 (K d : nat) (means weights : 'I_K -> 'rV[F]_d) bias beta :
  exponent means weights bias = Some beta -> 0 <= beta.
Proof.
move=> eq; have [i [j [_]]] := least_attained eq.
rewrite /pair_exponent /half_space_exponent; case: eqP => [_|_].
  by case: ifP => // _ [<-].
move=> [<-]; rewrite divr_ge0 ?sqr_ge0 // mulr_ge0 ?ler0n //.
exact: squared_distance_ge0.
Qed.

(** A bound of the table is at least the optimum; *)
Theorem optimum_at_most_universal theorem kind (K d : nat) u o :
  (1 < K)%N -> universal F theorem K d kind = Some u ->
  is_optimum kind K d o -> o <= u.
Proof.
move=> K_gt1 table [_]; apply=> means weights bias E beta energy E_gt0 eq.
exact: universal_bound_claim K_gt1 table (lexx u) energy E_gt0 eq.
Qed.

(** so a ratio to the bound is a lower end for the ratio to the optimum; *)
Theorem gap_lower theorem kind (K d : nat) u o lower beta E :
  (1 < K)%N -> universal F theorem K d kind = Some u ->
  is_optimum kind K d o -> 0 < o -> 0 < E -> 0 <= beta ->
  lower <= beta / E / u -> lower <= beta / (E * o).
Proof.
move=> K_gt1 table opt o_gt0 E_gt0 beta_ge0 le; apply: le_trans le _.
have o_le_u := optimum_at_most_universal K_gt1 table opt.
have u_gt0 := lt_le_trans o_gt0 o_le_u.
rewrite -mulrA -invfM ler_wpmul2l // lef_pinv ?posrE ?mulr_gt0 //.
by rewrite ler_pmul2l.
Qed.

(** the same for the exponent of a configuration with exactly this energy, where
    nothing need be known of the optimum; *)
Theorem gap_lower_configuration theorem kind (K d : nat) u o lower beta E
    (means weights : 'I_K -> 'rV[F]_d) bias :
  (1 < K)%N -> universal F theorem K d kind = Some u ->
  is_optimum kind K d o ->
  energy_is kind E means -> 0 < E -> exponent means weights bias = Some beta ->
  lower <= beta / E / u -> lower <= beta / (E * o).
Proof.
move=> K_gt1 table opt energy E_gt0 eq le.
have := exponent_ge0 eq; rewrite le_eqVlt => /orP[/eqP beta0|beta_gt0].
  by move: le; rewrite -beta0 !mul0r.
have o_gt0 : 0 < o.
  by apply: lt_le_trans (opt.1 _ _ _ _ _ energy E_gt0 eq); rewrite divr_gt0.
exact: gap_lower K_gt1 table opt o_gt0 E_gt0 (ltW beta_gt0) le.
Qed.

(** where the bound is attained, by a configuration of energy 1, it is the
    optimum, and the ratios agree; *)
Theorem gap_exact theorem kind (K d : nat) u o beta E
    (means weights : 'I_K -> 'rV[F]_d) bias :
  (1 < K)%N -> universal F theorem K d kind = Some u ->
  is_optimum kind K d o ->
  energy_is kind 1 means -> exponent means weights bias = Some u ->
  o = u /\ beta / (E * o) = beta / E / u.
Proof.
move=> K_gt1 table opt energy eq.
have -> : o = u.
  apply/eqP; rewrite eq_le (optimum_at_most_universal K_gt1 table opt) /=.
  by have := opt.1 _ _ _ _ _ energy (@ltr01 F) eq; rewrite divr1.
by split=> //; rewrite invfM mulrA.
Qed.

(** and it is at most 1 by the definition of the optimum. *)
Theorem gap_at_most_one kind (K d : nat) o beta E
    (means weights : 'I_K -> 'rV[F]_d) bias :
  is_optimum kind K d o -> 0 < o ->
  energy_is kind E means -> 0 < E -> exponent means weights bias = Some beta ->
  beta / (E * o) <= 1.
Proof.
move=> [bound _] o_gt0 energy E_gt0 eq.
rewrite ler_pdivr_mulr ?mulr_gt0 // mul1r mulrC -ler_pdivr_mulr //.
exact: bound energy E_gt0 eq.
Qed.

End Gap.

(** Over a real closed field the table's attained bounds are optima: least
    upper bounds of all normalized exponents.  For [d >= K - 1] the optimum is
    therefore [K / (4 (K - 1))], whatever the energy. *)
Theorem attained_is_optimum (R : rcfType) theorem kind (K d : nat) (u : R) :
  (1 < K)%N -> universal R theorem K d kind = Some u ->
  universal_attained theorem K d -> is_optimum kind K d u.
Proof.
move=> K_gt1 table attained; split=> [means weights bias E beta energy E_gt0 eq|v].
  exact: universal_bound_claim K_gt1 table (lexx u) energy E_gt0 eq.
have [means [weights [bias [energy eq]]]] :=
  universal_bound_attained K_gt1 table attained.
by move/(_ means weights bias 1 u energy (@ltr01 R) eq); rewrite divr1.
Qed.

Corollary simplex_optimum (R : rcfType) kind (K d : nat) :
  (1 < K)%N -> (K.-1 <= d)%N ->
  is_optimum kind K d (K%:R / (4%:R * (K%:R - 1)) : R).
Proof.
by move=> K_gt1 le_d; apply: (attained_is_optimum (theorem := by_simplex)).
Qed.

(** ** improvement

    "Another configuration, better, beats this one: the normalized exponent is
    at most ratio < 1 times its own."  (In mathcomp division by 0 gives 0, the
    kernel's convention for energy 0.) *)

Theorem improvement_claim (F : realFieldType) (beta E best energy ratio : F) :
  ratio < 1 -> 0 < best / energy -> beta / E <= ratio * (best / energy) ->
  beta / E < best / energy.
Proof.
move=> ratio_lt1 best_gt0 /le_lt_trans; apply.
by rewrite gtr_pmull.
Qed.

(** ** simplex_etf

    "This Gram matrix is exactly scale * K/(K-1) * (I - J/K)." *)

Section SimplexClaim.

Variables (F : realFieldType) (K : nat) (scale : F).
Hypothesis K_gt1 : (1 < K)%N.
Hypothesis scale_gt0 : 0 < scale.

Add Field F_field : (field_laws F).
Ltac algebra := normalize_operations F; ring.

(** [scale K / (K - 1) (I - J / K)], with [J] the all-ones matrix. *)
Definition simplex_matrix : 'M[F]_K :=
  (scale * K%:R / (K%:R - 1)) *: (1%:M - K%:R^-1 *: const_mx 1).

(** The kernel compares entries: [scale] on the diagonal and
    [- scale / (K - 1)] elsewhere.  That is equality with this matrix. *)
Theorem simplex_etf_claim (G : 'M[F]_K) :
  (forall i j, G i j = simplex_gram scale i j) <-> G = simplex_matrix.
Proof.
have K1 := K_minus_1_gt0 F K_gt1.
have nK : K%:R / K%:R = 1 :> F by rewrite divff // pnatr_eq0 -lt0n ltnW.
have n1 : (K%:R - 1) / (K%:R - 1) = 1 :> F by rewrite divff // gt_eqF.
have entry i j : simplex_matrix i j = simplex_gram scale i j.
  rewrite !mxE /simplex_gram mulr1; case: eqP => _; rewrite ?mulr1n ?mulr0n.
    transitivity (scale * ((K%:R - K%:R / K%:R) / (K%:R - 1))).
      by algebra.
    by rewrite nK n1 mulr1.
  transitivity (- scale / (K%:R - 1) * (K%:R / K%:R)); first by algebra.
  by rewrite nK mulr1.
split=> [eq|-> i j]; last exact: entry.
by apply/matrixP => i j; rewrite eq entry.
Qed.

(** Eigenvalue 0 on the all-ones vector, *)
Theorem simplex_matrix_ones : (const_mx 1 : 'rV[F]_K) *m simplex_matrix = 0.
Proof.
rewrite -scalemxAr mulmxBr mulmx1 -scalemxAr.
suff -> : (const_mx 1 : 'rV[F]_K) *m const_mx 1 = K%:R *: const_mx 1 :> 'rV_K.
  by rewrite scalerA mulVf ?scale1r ?subrr ?scaler0 // pnatr_eq0 -lt0n ltnW.
apply/rowP => j; rewrite !mxE (eq_bigr (fun=> 1)) => [|i _]; last first.
  by rewrite !mxE mulr1.
by rewrite sum_constant.
Qed.

(** and [scale K / (K - 1) > 0] on the vectors whose entries add up to 0: *)
Theorem simplex_matrix_complement (x : 'rV[F]_K) :
  \sum_i x 0 i = 0 ->
  x *m simplex_matrix = (scale * K%:R / (K%:R - 1)) *: x.
Proof.
move=> sum0; rewrite -scalemxAr mulmxBr mulmx1 -scalemxAr.
suff -> : x *m (const_mx 1 : 'M[F]_K) = 0 by rewrite scaler0 subr0.
apply/rowP => j; rewrite !mxE -[RHS]sum0.
by apply: eq_bigr => i _; rewrite mxE mulr1.
Qed.

(** rank [K - 1]. *)
Theorem simplex_matrix_rank : \rank simplex_matrix = K.-1.
Proof.
have K1 := K_minus_1_gt0 F K_gt1.
have K_gt0 : 0 < K%:R :> F by rewrite ltr0n ltnW.
have c_neq0 : scale * K%:R / (K%:R - 1) != 0.
  by rewrite gt_eqF // divr_gt0 // mulr_gt0.
apply/eqP; rewrite eqn_leq; apply/andP; split.
  rewrite -ltnS (ltn_predK K_gt1) ltn_neqAle rank_leq_row andbT.
  apply/negP => /eqP full.
  have := simplex_matrix_ones; rewrite -[0](mul0mx _ simplex_matrix).
  have free : row_free simplex_matrix by apply/eqP.
  move/(row_free_inj free)/rowP/(_ (Ordinal K_gt1)); rewrite !mxE.
  by apply/eqP; rewrite oner_neq0.
rewrite /simplex_matrix mxrank_scale_nz //.
have full : \rank (1%:M : 'M[F]_K) = K by rewrite mxrank1.
rewrite -ltnS (ltn_predK K_gt1) -[X in (X <= _)%N]full.
set J := K%:R^-1 *: const_mx 1; rewrite -[1%:M in X in (X <= _)%N](subrK J).
apply: leq_trans (mxrank_add _ _) _; rewrite -addn1 leq_add2l.
have -> : J = (const_mx K%:R^-1 : 'cV[F]_K) *m (const_mx 1 : 'rV[F]_K).
  by apply/matrixP => i j; rewrite !mxE big_ord1 !mxE.
by apply: leq_trans (mxrankM_maxl _ _) _; apply: rank_leq_col.
Qed.

End SimplexClaim.
