/* SPDX-License-Identifier: Apache-2.0 */
/* Distributions: cumulative probabilities and quantiles to about 1e-10. Any thread.
 * Quantile functions take 0 < p < 1. */
#ifndef TELLTALE_STATS_SPECIAL_H
#define TELLTALE_STATS_SPECIAL_H

double normal_cdf(double x);
double normal_quantile(double p);
/* Student's t; `freedom` > 0 need not be whole. */
double t_cdf(double x, double freedom);
double t_quantile(double p, double freedom);
/* Regularised incomplete beta I_x(a, b) and gamma P(a, x): the cdfs of Beta(a, b), Gamma(a, 1). */
double beta_cdf(double x, double a, double b);
double beta_quantile(double p, double a, double b);
double gamma_cdf(double x, double shape);
double gamma_quantile(double p, double shape);
double f_cdf(double x, double freedom1, double freedom2);
/* P(X >= count) of a Poisson with that mean; 1 for count 0. */
double poisson_at_least(unsigned long count, double mean);

#endif
