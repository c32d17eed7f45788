/* SPDX-License-Identifier: Apache-2.0 */
/* What every printed number is: from a measure of the bench to its formula, to who gave
 * it, to the function that computes it, to the test that holds it.
 *
 * X(rows, names, formula, after, where, test). rows: of the matrix, "" for any; names:
 * of measures, "x*" for all that begin so. The first entry that fits is the one, and a
 * row's last entry takes what is left of it. Formulas are of no language; `where` is a
 * header and a function of it, or a source; both and the test exist (report_test.c). */
#ifndef REPORT_METHOD_TBL_H
#define REPORT_METHOD_TBL_H

/* clang-format off */
#define REPORT_FORMULA_MAP(X) \
X("", "auc each_gst_auc auc_delong_wald auc_delong_logit auc_bootstrap_percentile auc_bootstrap_bca", "AUC = Σᵢ∈pos (neg below sᵢ + ½ ties) / (m k)", "Mann & Whitney 1947; DeLong, DeLong & Clarke-Pearson 1988; Sun & Xu 2014", "src/stat/stat.h stat_auc", "src/stat/stat_auc_test.c") \
X("", "auc_ci95_low each_gst_auc_ci95_low auc_ci95_low_at_severity_2 auc_at_severity_2", "AUC − z √(S₁₀/m + S₀₁/k); logit scale when AUC > 0.95 or min(m,k) < 50", "DeLong, DeLong & Clarke-Pearson 1988", "src/stat/stat.h stat_auc_gate", "src/stat/stat_auc_test.c") \
X("", "auc_ci95_low.additional_positives each_gst_auc_ci95_low.additional_positives", "min m′: AUC − z SE(AUC, m′, k′) ≥ bound; SE² = [A(1−A) + (m−1)(Q₁−A²) + (k−1)(Q₂−A²)]/(m k), Q₁ = A/(2−A), Q₂ = 2A²/(1+A)", "Hanley & McNeil 1982", "src/stat/stat.h stat_more_positives_auc", "src/stat/stat_auc_test.c") \
X("", "*.additional_positives", "min n′: Wilson bound(p, n′) ≥ bound", "Wilson 1927", "src/stat/stat.h stat_trials_for_proportion", "src/stat/stat_num_test.c") \
X("", "sensitivity sensitivity_ci95_low sensitivity_exact", "TP / (TP + FN), positive when s ≥ t", "Wilson 1927", "src/stat/stat.h stat_binary", "src/stat/stat_num_test.c") \
X("", "specificity specificity_exact", "TN / (TN + FP)", "Wilson 1927", "src/stat/stat.h stat_binary", "src/stat/stat_num_test.c") \
X("", "ppv ppv_exact site_ppv", "TP / (TP + FP)", "Wilson 1927", "src/stat/stat.h stat_binary", "src/stat/stat_num_test.c") \
X("", "npv npv_exact site_npv", "TN / (TN + FN)", "Wilson 1927", "src/stat/stat.h stat_binary", "src/stat/stat_num_test.c") \
X("PF-1", "average_precision", "Σ (Rᵢ − Rᵢ₋₁) Pᵢ over distinct scores, from the top; P: precision, R: recall", "Davis & Goadrich 2006", "src/stat/stat_score.h stat_average_precision", "src/stat/stat_score_test.c") \
X("PF-1", "mean_score", "Σ s / n", "", "src/bench/bench_slice.c", "src/bench/bench_test.c") \
X("PF-1", "partial_auc_fpr10", "∫ TPR dFPR over 0 ≤ FPR ≤ 0.1, by trapezes, / 0.1", "McClish 1989", "src/stat/stat_score.h stat_partial_auc", "src/stat/stat_score_test.c") \
X("PF-1", "youden_best youden_best_threshold", "max_t TPR(t) + TNR(t) − 1", "Youden 1950", "src/stat/stat_score.h stat_youden_best", "src/stat/stat_score_test.c") \
X("PF-4", "accuracy accuracy_exact balanced_accuracy youden f1 mcc", "(TP + TN)/n; (TPR + TNR)/2; TPR + TNR − 1; 2TP/(2TP + FP + FN); (TP·TN − FP·FN)/√((TP+FP)(TP+FN)(TN+FP)(TN+FN))", "Youden 1950; van Rijsbergen 1979; Matthews 1975", "src/stat/stat_score.h stat_table_of", "src/stat/stat_score_test.c") \
X("PF-4", "fpr selection_rate", "FP / (FP + TN); (TP + FP) / n", "Wilson 1927", "src/stat/stat.h stat_rate", "src/stat/stat_num_test.c") \
X("", "prevalence site_prevalence", "m / n", "Wilson 1927", "src/stat/stat.h stat_proportion", "src/stat/stat_num_test.c") \
X("", "brier", "Σ (s − y)² / n", "Brier 1950", "src/stat/stat.h stat_brier", "src/stat/stat_num_test.c") \
X("", "calibration_slope", "logit P(y=1) = α + β logit(s): β", "Cox 1958; van Calster et al. 2019", "src/stat/stat_calib.h stat_calibration", "src/stat/stat_calib_test.c") \
X("", "citl abs_citl_logit abs_citl_logit_per_band", "logit P(y=1) = α + logit(s): α (|α|; the largest |α| of the bands)", "Cox 1958; van Calster et al. 2019", "src/stat/stat_calib.h stat_calibration", "src/stat/stat_calib_test.c") \
X("PF-6", "murphy_*", "Σ_b (n_b/n)(s̄_b − ȳ_b)²; Σ_b (n_b/n)(ȳ_b − ȳ)²; ȳ(1 − ȳ); residue: Brier − (reliability − resolution + uncertainty); 10 bins of equal width", "Murphy 1973; Stephenson, Coelho & Jolliffe 2008", "src/stat/stat_calib.h stat_ece", "src/stat/stat_calib_test.c") \
X("PF-6", "log_loss", "−Σ [y ln s + (1−y) ln(1−s)] / n, s within [10⁻¹⁵, 1−10⁻¹⁵]", "Good 1952", "src/stat/stat_calib.h stat_calibration", "src/stat/stat_calib_test.c") \
X("PF-6", "calibration_intercept recalibration_p", "logit P(y=1) = α + β logit(s): α; −2 ln likelihood ratio of (α, β) against (0, 1), χ² with 2 degrees of freedom", "Cox 1958; Miller, Hui & Tierney 1991", "src/stat/stat_calib.h stat_calibration", "src/stat/stat_calib_test.c") \
X("PF-6", "e_over_o clipped_scores", "Σ s / Σ y; scores outside [10⁻⁸, 1−10⁻⁸]", "van Calster et al. 2019", "src/stat/stat_calib.h stat_calibration", "src/stat/stat_calib_test.c") \
X("PF-6", "spiegelhalter_z spiegelhalter_p", "Z = Σ (y−s)(1−2s) / √Σ (1−2s)² s(1−s); p = 2Φ(−|Z|)", "Spiegelhalter 1986", "src/stat/stat_calib.h stat_calibration", "src/stat/stat_calib_test.c") \
X("PF-6", "ece_* mce_*", "ECE = Σ_b (n_b/n) |ȳ_b − s̄_b|; MCE: max_b; excess: ECE − E[ECE | y ~ Bernoulli(s)], 200 draws", "Guo et al. 2017", "src/stat/stat_calib.h stat_ece", "src/stat/stat_calib_test.c") \
X("PF-6", "ici_loess", "ICI = Σ |P̂(s) − s| / n; P̂: local regression of degree 2, span 0.75, cut to [0, 1]; a check of the spline", "Cleveland & Devlin 1988; Austin & Steyerberg 2019", "src/stat/stat_calib.h stat_ici_loess", "cmd/cmd_truth_test.c") \
X("PF-6", "ici e50 e90 emax", "ICI = Σ |P̂(s) − s| / n; median, 90 %, max of the same; P̂: spline of 5 knots on logit(s)", "Harrell 2015; Austin & Steyerberg 2019", "src/stat/stat_calib.h stat_ici", "src/stat/stat_calib_test.c") \
X("PF-7", "*", "NB(p) = TP/n − (FP/n) p/(1−p); less max(NB_all, 0); share of the declared range where the bound of the difference is > 0", "Vickers & Elkin 2006", "src/stat/stat_calib.h stat_benefit", "src/stat/stat_calib_test.c") \
X("PF-8", "*", "A₁ − A₂, Var = V₁ + V₂ − 2 Cov", "DeLong, DeLong & Clarke-Pearson 1988", "src/stat/stat.h stat_auc_paired", "src/stat/stat_auc_test.c") \
X("PF-5", "severe_false_negatives_reviewed_share", "reviewed / severe misses, said on a form, signed", "", "src/bench/bench_form.c", "src/bench/bench_form_test.c") \
X("PF-5", "*", "severe FN / severe positives", "Clopper & Pearson 1934", "src/bench/bench_severe.c", "src/bench/bench_clinical_test.c") \
X("EQ-1", "*", "counts and shares of each declared group", "Wilson 1927", "src/bench/bench_family.c", "src/bench/bench_test.c") \
X("EQ-2 EQ-3 EQ-4 EQ-5 EQ-6", "*_contrast *_contrast_p *_contrasts *_contrasts_that_differ", "A_g − A_h, z on √(V_g + V_h); p_g − p_h, pooled z; p of all pairs of an attribute by Holm", "Newcombe 1998; Holm 1979", "src/stat/stat_fair.h stat_fair_contrasts", "src/stat/stat_fair_test.c") \
X("EQ-2 EQ-3 EQ-4 EQ-5 EQ-6", "*_deviation", "max_g |group − all rows| over major groups", "Weerts et al. 2023", "src/stat/stat_fair.h stat_fair_spread", "src/stat/stat_fair_test.c") \
X("EQ-2 EQ-8", "auc_spread*", "max_g AUC_g − min_g AUC_g over groups with n ≥ 100, m ≥ 30, k ≥ 30; by chance: groups shuffled within y", "Efron 1979; Good 2005", "src/stat/stat_fair.h stat_fair_spread", "src/stat/stat_fair_test.c") \
X("EQ-2 MS-1", "auc_heterogeneity_p auc_i2 heterogeneity_p i2", "Q = Σ w(y − ȳ_w)², w = 1/V; I² = max(0, (Q − df)/Q)", "Cochran 1954; Higgins & Thompson 2002", "src/stat/stat_meta.h stat_cochran", "src/stat/stat_meta_test.c") \
X("EQ-3 EQ-8", "tpr_*", "max_g TPR_g − min_g TPR_g over major groups", "Hardt, Price & Srebro 2016", "src/stat/stat_fair.h stat_fair_spread", "src/stat/stat_fair_test.c") \
X("EQ-4", "*", "max(ΔTPR, ΔFPR); ratio: min of the ratios", "Hardt, Price & Srebro 2016", "src/stat/stat_fair.h stat_fair_spread", "src/stat/stat_fair_test.c") \
X("EQ-5", "*", "max_g P(s ≥ t | g) − min_g P(s ≥ t | g); ratio: min/max", "Calders & Verwer 2010", "src/stat/stat_fair.h stat_fair_spread", "src/stat/stat_fair_test.c") \
X("EQ-6", "*", "max_g PPV_g − min_g PPV_g (NPV likewise)", "Chouldechova 2017", "src/stat/stat_fair.h stat_fair_spread", "src/stat/stat_fair_test.c") \
X("EQ-7", "*", "posterior of x ~ Binomial(n, θ), θ ~ Beta(a, b) by moments; alarm: interval beyond overall ± 0.05; FDR q = 0.05", "Robbins 1956; Benjamini & Hochberg 1995", "src/stat/stat_shrink.h stat_cross", "src/stat/stat_shrink_test.c") \
X("EQ-9", "*", "share of Σ|φ| on protected attributes and their proxies (AUC of the feature for the attribute ≥ 0.8)", "Lundberg & Lee 2017; Lundberg et al. 2020", "src/bench/bench_explain.c", "src/bench/bench_explain_test.c") \
X("EQ-10", "*", "FN / m per condition and population; worst / best", "Seyyed-Kalantari et al. 2021; Donner & Zou 2012", "src/stat/stat_shrink.h stat_underdiagnosis", "src/stat/stat_shrink_test.c") \
X("EQ-11", "*", "Σ w_h (p₁ₕ − p₀ₕ) / Σ w_h over age × sex strata, w_h = n₁ₕ n₀ₕ / nₕ", "Mantel & Haenszel 1959; Greenland & Robins 1985", "src/stat/stat_shrink.h stat_mantel_haenszel", "src/stat/stat_shrink_test.c") \
X("EQ-12", "ppv_at_prevalence npv_at_prevalence", "se q/(se q + (1−sp)(1−q)); sp(1−q)/(sp(1−q) + (1−se) q); q: prevalence of the site, se, sp: of all rows", "Mercaldo, Lau & Zhou 2007", "src/stat/stat_score.h stat_predictive_at", "src/stat/stat_score_test.c") \
X("EQ-12", "site_prevalence_by_scores", "q = Σ P_q(y=1|s)/n, P_q the score moved from the training prevalence to q", "Saerens, Latinne & Decaestecker 2002", "src/stat/stat_shrink.h stat_label_shift", "src/stat/stat_shrink_test.c") \
X("EQ-12", "*", "NB(t_opt) − NB(t) at the prevalence of the site", "Vickers & Elkin 2006", "src/stat/stat_calib.h stat_benefit_loss", "src/stat/stat_calib_test.c") \
X("EQ-2 EQ-3 EQ-8", "*", "counts of major groups with a figure", "", "src/bench/bench_equity.c", "src/bench/bench_equity_test.c") \
X("RB-1", "auc_drop*", "AUC(clean) − AUC(altered), same rows", "DeLong, DeLong & Clarke-Pearson 1988", "src/stat/stat.h stat_auc_paired", "src/bench/bench_mutate_test.c") \
X("RB-1 RB-2", "sensitivity_drop", "(b − c) / m over the positives of both", "Agresti & Min 2005", "src/bench/bench_mutant.c", "src/bench/bench_mutate_test.c") \
X("RB-1", "flip_rate", "decisions that change / rows that were answered", "Wilson 1927", "src/bench/bench_mutate.c", "src/bench/bench_mutate_test.c") \
X("RB-1", "*", "rows refused, impossible values refused, answers that are none, over rows asked", "Wilson 1927", "src/bench/bench_mutate.c", "src/bench/bench_mutate_test.c") \
X("RB-2", "*", "mean of AUC(severity)/AUC(0) by trapezes; largest step; first severity whose lower bound < 0.75", "Hendrycks & Dietterich 2019", "src/bench/bench_degrade.c", "src/bench/bench_mutate_test.c") \
X("RB-3", "example_change change_median distance_median", "min ‖δ‖∞ in units of the measurement error: f(x + δ) ≠ f(x), x + δ plausible; per input, in its own unit", "Chen, Jordan & Wainwright 2020; Kantchelian, Tygar & Joseph 2016", "src/probe/probe_attack.h probe_distance", "src/bench/bench_optimum_test.c") \
X("RB-3", "*", "right decisions that stay right under every attack within the budget / all, or / right decisions", "Chen, Jordan & Wainwright 2020; Andriushchenko et al. 2020; Ilyas et al. 2018; Chen et al. 2017", "src/bench/bench_attack.c", "src/bench/bench_attack_test.c") \
X("RB-4", "*", "τ_b = (C − D)/√((C+D+T₁)(C+D+T₂)); inversions D/(C+D); declared relations violated / pairs", "Kendall 1945; Knight 1966; Cohen 1968", "src/stat/stat_order.h stat_pairs", "src/stat/stat_order_test.c") \
X("RB-5", "*", "decisions that change over 200 draws within ± CV_a; strata weighed; 95 % of max |Δs| per unit moved", "Fraser 2001", "src/bench/bench_coherence.c", "src/bench/bench_order_test.c") \
X("RB-6", "*", "max − min of the AUC over devices, protocols, periods", "Efron 1979", "src/bench/bench_context.c", "src/bench/bench_order_test.c") \
X("CY-1", "*", "calls that were not refused with 401 or 403, of those that had an answer", "", "src/bench/bench_sight.h bench_sights_emit", "src/bench/bench_sight_test.c") \
X("CY-2", "*", "lowest version of TLS agreed; ports that answer in clear", "RFC 8446", "src/bench/bench_sight.h bench_sights_emit", "src/bench/bench_sight_test.c") \
X("CY-6", "rate_limit_active alert_before* output_decimals deployed_* endpoint_declared", "an endpoint is named (0, 1); 429 met; questions answered when the alert names the account; decimals of the scores; file and service on the same made rows", "", "src/bench/bench_sight.h bench_sights_emit", "src/bench/bench_sight_test.c") \
X("CY-3 DA-4 RP-2 GV-1 GV-2 GV-3 GV-4", "*", "said on a form of the manifest, signed; taken over as it is", "", "src/bench/bench_form.c", "src/bench/bench_form_test.c") \
X("CY-4", "runtime_recheck_interval_h", "said on a form of the manifest, signed; taken over as it is", "", "src/bench/bench_form.c", "src/bench/bench_form_test.c") \
X("CY-4", "*", "altered copies found / altered copies; decisions that flip unseen", "Clopper & Pearson 1934", "src/model/model.h model_session_weights", "src/bench/bench_tamper_test.c") \
X("CY-5", "label_suspect* suspect_line", "rows of label y taken for class j ≠ y: P̂(j | x) out of fold ≥ mean P̂(j) over the rows labelled j; the excess: less the share in the sealed data", "Northcutt, Jiang & Chuang 2021", "src/stat/stat_suspect.h stat_label_noise", "src/stat/stat_suspect_test.c") \
X("CY-5", "parts_* spectral_*", "two groups inside a class by 2-means, their silhouette; outliers along the first direction; p beside permuted columns", "Chen et al. 2018; Tran, Li & Madry 2018", "src/stat/stat_suspect.h stat_parts", "src/stat/stat_suspect_test.c") \
X("CY-5", "effective_triggers trigger*", "decisions on clean rows that planted values turn / rows, less those of references fitted without their rows", "Gu, Dolan-Gavitt & Garg 2017", "src/probe/probe_trigger.h probe_trigger_plant", "src/probe/probe_trigger_test.c") \
X("CY-5", "training_rows* reference_auc", "rows of the training set, used and left out; AUC of the reference, out of fold", "", "src/bench/bench_poison.c", "src/bench/bench_poison_test.c") \
X("CY-5", "*", "z = (O − E)/√Σ p(1−p) of the labels in a slice, p of a reference out of fold; training against sealed rows given their sum, exact; the j-th slice has 0.01/(j(j + 1))", "Fisher 1935; Poisson 1837", "src/stat/stat_alike.h stat_alike_slices", "src/stat/stat_alike_test.c") \
X("CY-6", "equation_*", "w_j = (g(x + e_j) − g(x))/e_j, g the logit of the answer: d + 1 questions; ‖ŵ − w‖/‖w‖; decisions alike", "Tramèr et al. 2016", "src/probe/probe_extract.h probe_equations", "src/probe/probe_extract_test.c") \
X("CY-6", "path_*", "boxes of constant score, found by bisecting each input, then those beyond their sides; whether none is left", "Tramèr et al. 2016", "src/probe/probe_extract.h probe_paths", "src/probe/probe_extract_test.c") \
X("CY-6", "*", "rows never asked on which a copy fitted on the answers decides like the model / rows; the fewest questions to 95 and 99 %; the share of the commoner decision", "Orekondy, Schiele & Fritz 2019", "src/probe/probe_extract.h probe_copy_agreement", "src/probe/probe_extract_test.c") \
X("CY-7", "*", "AUC of members against others by φ = ln(p_y/(1−p_y)), less its mean over shadow models that never saw the row, over their deviation; of pictures less its mean over neighbours; the strongest that counts", "Yeom et al. 2018; Watson et al. 2022; Carlini et al. 2022; Mattern et al. 2023", "src/bench/bench_member.c", "src/bench/bench_poison_test.c") \
X("RP-1 RP-2", "*", "max |Δp| and units in the last place, the same rows asked again", "", "src/bench/bench_repro.c", "src/bench/bench_repro_test.c") \
X("MS-1", "pooled_auc_hksj next_site_auc tau2_paule_mandel", "θ̂ ± t(k − 1) √(max(1, Q/(k − 1))/Σ w), w = 1/(V + τ²), Q(τ²) = k − 1, on logit(AUC); a new site: N(θ̂, τ² + 1/Σ w) over every τ² that Q leaves", "Paule & Mandel 1982; Hartung & Knapp 2001; Sidik & Jonkman 2002; Viechtbauer 2007; Nagashima, Noma & Furukawa 2019", "src/stat/stat_meta.h stat_meta_auc_hksj", "src/stat/stat_meta_test.c") \
X("MS-1", "pooled_auc next_site_auc_higgins tau2", "θ̂ = Σ w θ / Σ w, w = 1/(V + τ²), on logit(AUC); a new site: θ̂ ± t √(τ² + SE²)", "DerSimonian & Laird 1986; Higgins, Thompson & Spiegelhalter 2009", "src/stat/stat_meta.h stat_meta_auc", "src/stat/stat_meta_test.c") \
X("MS-2", "protocol_signed", "said on a form of the manifest, signed; taken over as it is", "", "src/bench/bench_form.c", "src/bench/bench_form_test.c") \
X("MS-1 MS-2", "*", "counts of sites, regions, establishments", "", "src/bench/bench_sites.c", "src/bench/bench_clinical_test.c") \
X("DM-2", "window_auc window_auc_ci95_low certified_auc window_auc.additional_positives window_auc_ci95_low.additional_positives", "AUC of consecutive windows of equal size, by time; AUC − z √(S₁₀/m + S₀₁/k)", "DeLong, DeLong & Clarke-Pearson 1988", "src/stat/stat.h stat_auc_gate", "src/bench/bench_recent_test.c") \
X("DM-2", "window_auc_drop_from_certified", "certified AUC − least window AUC", "", "src/bench/bench_recent.c", "src/bench/bench_recent_test.c") \
X("DM-2", "window_chance windows", "share of random orders, patients whole, with a window more than 0.05 below the whole", "Pitman 1937", "src/stat/stat_stream.h stat_stream_chance", "src/stat/stat_stream_test.c") \
X("DM-2", "stream*", "(1 + #{orders whose highest level ≥ that seen}) / (1 + orders); Holm over detectors", "Page 1954; Hinkley 1971; Bifet & Gavaldà 2007; Phipson & Smyth 2010", "src/stat/stat_stream.h stat_stream_level", "src/stat/stat_stream_test.c") \
X("DM-2", "inputs_mmd_p", "MMD² in linear time, Gaussian kernel, one-sided z", "Gretton et al. 2012", "src/stat/stat_drift.h stat_mmd", "src/stat/stat_drift_test.c") \
X("DM-2", "*", "PSI = Σ (c − r) ln(c/r) over deciles of the reference; Jensen-Shannon; KS; W₁; level by resampling; p by Holm", "Kullback 1951; Lin 1991; Kolmogorov 1933; Holm 1979", "src/stat/stat_drift.h stat_drift", "src/stat/stat_drift_test.c") \
X("DA-2", "*", "predictions dated before their outcome / rows", "Wilson 1927", "src/bench/bench_time.c", "src/bench/bench_recent_test.c") \
X("DM-1", "alert_reaches_registry", "said on a form of the manifest, signed; taken over as it is", "", "src/bench/bench_form.c", "src/bench/bench_form_test.c") \
X("DM-1", "*", "CUSUM: S = max(0, S + x − k), alarm S > h; 95 % of the delays after a planted shift; alarms per 10,000", "Page 1954; Moustakides 1986", "src/stat/stat_detect.h stat_detect_replay", "src/stat/stat_detect_test.c") \
X("DA-1 DA-3 DA-4", "*", "counts of rows, positives, identifiers met twice", "", "src/bench/bench_people.c", "src/bench/bench_test.c") \
X("ID-1 ID-2 ID-3 ID-4 ID-5", "*", "schema, check character (ISO 7064), SHA-256, dates", "ISO 7064:2003; FIPS 180-4", "src/bench/bench_check.c", "src/bench/bench_test.c") \
X("IO-1 IO-2 IO-3", "*", "inputs with the standard / inputs", "HL7 FHIR R4; SNOMED CT; LOINC", "src/bench/bench_interop.c", "src/bench/bench_interop_test.c") \
X("", "*", "row of the matrix", "", "src/label/label.h label_evaluate", "src/label/label_matrix_test.c")

/* Intervals, by the name of their method. */
#define REPORT_INTERVAL_MAP(X) \
X("", "wilson", "(p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)", "Wilson 1927", "src/stat/stat.h stat_wilson", "src/stat/stat_num_test.c") \
X("", "clopper-pearson", "B⁻¹(α/2; x, n−x+1), B⁻¹(1−α/2; x+1, n−x)", "Clopper & Pearson 1934", "src/stat/stat.h stat_clopper_pearson", "src/stat/stat_num_test.c") \
X("", "delong-wald", "AUC ± z √(S₁₀/m + S₀₁/k), within [0, 1]", "DeLong, DeLong & Clarke-Pearson 1988", "src/stat/stat.h stat_auc_wald", "src/stat/stat_auc_test.c") \
X("", "delong-logit", "expit(logit A ± z SE / (A(1−A)))", "Pepe 2003", "src/stat/stat.h stat_auc_logit", "src/stat/stat_auc_test.c") \
X("", "delong-paired", "A₁ − A₂ ± z √(V₁ + V₂ − 2 Cov)", "DeLong, DeLong & Clarke-Pearson 1988", "src/stat/stat.h stat_auc_paired", "src/stat/stat_auc_test.c") \
X("", "obuchowski*", "placements summed per patient, variance between patients", "Obuchowski 1997", "src/stat/stat.h stat_auc_clustered", "src/stat/stat_auc_test.c") \
X("", "bootstrap-percentile", "2.5 % and 97.5 % of 2,000 draws of rows", "Efron 1979", "src/stat/stat_boot.h stat_boot_ci", "src/stat/stat_boot_test.c") \
X("", "bootstrap-bca", "2.5 % and 97.5 % of 2,000 draws of rows, moved by bias z₀ and acceleration a", "Efron 1987", "src/stat/stat_boot.h stat_boot_ci", "src/stat/stat_boot_test.c") \
X("", "irls-wald", "β̂ ± z √(X′WX)⁻¹", "McCullagh & Nelder 1989", "src/stat/stat_logit.h stat_logit_fit", "src/stat/stat_calib_test.c") \
X("", "agresti-min", "Wald of the paired difference after ½ is added to each cell", "Agresti & Min 2005", "src/bench/bench_mutant.c", "src/bench/bench_mutate_test.c") \
X("", "garwood", "χ²⁻¹(α/2; 2x)/2, χ²⁻¹(1−α/2; 2x+2)/2", "Garwood 1936", "src/stat/stat.h stat_poisson", "src/stat/stat_num_test.c") \
X("", "donner-zou", "ratio of two proportions by the recovery of variances (Wilson)", "Donner & Zou 2012", "src/stat/stat_shrink.h stat_rate_ratio", "src/stat/stat_shrink_test.c") \
X("", "dersimonian-laird*", "θ̂ ± z / √Σw, back from the logit", "DerSimonian & Laird 1986", "src/stat/stat_meta.h stat_meta_dl", "src/stat/stat_meta_test.c") \
X("", "higgins-prediction", "θ̂ ± t₍k₋₂₎ √(τ² + SE²)", "Higgins, Thompson & Spiegelhalter 2009", "src/stat/stat_meta.h stat_meta_dl", "src/stat/stat_meta_test.c") \
X("", "newcombe", "√ of the squared distances to the Wilson bounds", "Newcombe 1998", "src/stat/stat.h stat_newcombe", "src/stat/stat_num_test.c") \
X("", "delong-unpaired", "A₁ − A₂ ± z √(V₁ + V₂)", "DeLong, DeLong & Clarke-Pearson 1988", "src/stat/stat.h stat_auc_unpaired", "src/stat/stat_auc_test.c") \
X("", "mercaldo-logit", "expit(logit PPV ± z √((1−se)/(m se) + sp/(k(1−sp)))); NPV likewise", "Mercaldo, Lau & Zhou 2007", "src/stat/stat_score.h stat_predictive_at", "src/stat/stat_score_test.c") \
X("", "saerens", "q̂ ± z / √I(q̂), I the observed information", "Saerens, Latinne & Decaestecker 2002", "src/stat/stat_shrink.h stat_label_shift", "src/stat/stat_shrink_test.c") \
X("", "stratified", "Σ w² s²/n of the strata", "Cochran 1977", "src/bench/bench_coherence.c", "src/bench/bench_order_test.c") \
X("", "rows", "between rows: mean ± z s/√n", "Cochran 1977", "src/bench/bench_coherence.c", "src/bench/bench_order_test.c") \
X("", "empirical-bayes", "2.5 % and 97.5 % of the posterior Beta", "Robbins 1956", "src/stat/stat_shrink.h stat_shrink", "src/stat/stat_shrink_test.c") \
X("", "shapley* kernelshap*", "over the rows explained, or jackknife of their ratio: θ̂ ± z SE", "Cochran 1977", "src/bench/bench_explain.c", "src/bench/bench_explain_test.c") \
X("", "welch", "x̄₁ − x̄₂ ± t √(s₁²/n₁ + s₂²/n₂)", "Welch 1947", "src/bench/bench_explain.c", "src/bench/bench_explain_test.c") \
X("", "mantel-haenszel*", "variance of the risk difference", "Greenland & Robins 1985", "src/stat/stat_shrink.h stat_mantel_haenszel", "src/stat/stat_shrink_test.c") \
X("", "*", "95 % interval by the method named beside the measure", "", "src/bench/bench.h", "src/bench/bench_test.c")
/* clang-format on */

#endif
