/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that write findings share. Each reads the finished sections, so a finding can hold
 * no number that the model does not. For src/analysis/ *_findings.c only. */
#ifndef TELLTALE_ANALYSIS_FINDINGS_H
#define TELLTALE_ANALYSIS_FINDINGS_H

#include "analysis/phrase.h"
#include "analysis/section.h"

/* A number, or an estimate's value; 0 where there is none. */
double value_of(const json_t *j, const char *key);
double low_of(const json_t *j, const char *key);
double high_of(const json_t *j, const char *key);
const char *string_of(const json_t *j, const char *key);
/* NULL where the section is not supported. */
const json_t *section_of(struct analysis *a, const char *name);
/* What shares are of. */
struct word word_units(const struct analysis *a);
/* Days that shares are taken over: used, and not without use. */
size_t days_compared(const struct analysis *a);
const json_t *evidence_of_use(struct analysis *a);
/* Everything that rests on days says so where days carry little. */
void say_days(struct analysis *a, json_t *finding);

/* The statement of an inference: what was seen, then what it makes likely (an ICD 203 band). */
void finding_infer(struct analysis *a, json_t *finding, struct phrase seen, struct phrase inferred,
                   const char *likelihood);

/* One file each; sections that are not there say nothing. */
void use_findings(struct analysis *a, json_t *findings);
void rhythm_findings(struct analysis *a, json_t *findings);
void events_findings(struct analysis *a, json_t *findings);
void onsets_findings(struct analysis *a, json_t *findings);
void presence_findings(struct analysis *a, json_t *findings);

/* Gives each finding `sample`: the first few conversations of its evidence. */
int add_samples(struct analysis *a, json_t *findings, struct error *err);
/* {rule, text, findings: [id]}: the few findings a reader in haste should take away. */
json_t *judgements_json(struct analysis *a, const json_t *findings);

#endif
