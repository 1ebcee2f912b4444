// SPDX-License-Identifier: Apache-2.0
// node tests/validate-report.mjs REPORT.json...
// Each report against docs/report.schema.json, and the sentences of docs/report-model.md that a
// schema cannot say. Exit status 1 and a line for each thing that is wrong.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { lintReport } from './lint-findings.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const require = createRequire(join(here, '..', 'package.json'));
const { default: Ajv2020 } = require('ajv/dist/2020.js');

const schema = JSON.parse(readFileSync(join(here, '..', 'docs', 'report.schema.json'), 'utf8'));
const validate = new Ajv2020({ allErrors: true, strictTypes: false }).compile(schema);

const isEstimate = (x) => x && typeof x === 'object' && 'value' in x && 'low' in x && 'high' in x;
const sum = (list, of) => list.reduce((s, x) => s + of(x), 0);

function* walk(value, path) {
  if (value === null || typeof value !== 'object') return;
  yield [value, path];
  for (const [key, inner] of Object.entries(value)) yield* walk(inner, `${path}/${key}`);
}

function* sense(m) {
  const seconds = (t) => Date.parse(t) / 1000;
  for (const [value, path] of walk(m, '')) {
    if (isEstimate(value)) {
      if (value.low !== null && value.low > value.value) yield `${path}: low is over the value`;
      if (value.high !== null && value.high < value.value) yield `${path}: high is under the value`;
    }
    if ('filter' in value && 'flows' in value && !(seconds(value.from) < seconds(value.to)))
      yield `${path}: an empty window`;
  }
  const days = m.fidelity.days.length;
  const { by_role, flows, pivots } = m.totals;
  if (sum(Object.values(by_role), (x) => x) + (pivots?.flows ?? 0) !== flows)
    yield '/totals: roles do not add up to flows';
  if (m.activity.daily) {
    const use = by_role.consumed + by_role.peer;
    if (m.activity.daily.length !== days) yield '/activity/daily: not one row for each day';
    if (sum(m.activity.daily, (d) => d.flows) !== use)
      yield '/activity/daily: not the use of totals';
    if (m.activity.evidence && m.activity.evidence.flows !== use)
      yield '/activity/evidence: not the use';
  }
  if (Array.isArray(m.services)) {
    for (const [i, s] of m.services.entries()) {
      const path = `/services/${s.id}`;
      if (s.rank !== i + 1) yield `${path}: rank is not its place`;
      if (sum(Object.values(s.basis), (x) => x) > s.flows) yield `${path}: basis over flows`;
      if (s.hourly && s.hourly.length !== m.activity.hourly.length)
        yield `${path}: hourly is not as long as the study`;
      if (s.evidence.flows !== s.flows) yield `${path}: evidence is not its flows`;
    }
  }
  if (Array.isArray(m.categories) && m.categories.length > 0) {
    const all = sum(m.categories, (c) => c.share.value);
    if (Math.abs(all - 1) > 1e-4) yield `/categories: shares add up to ${all}`;
  }
  yield* lintReport(m);
}

let wrong = 0;
for (const file of process.argv.slice(2)) {
  const model = JSON.parse(readFileSync(file, 'utf8'));
  const say = (text) => {
    console.error(`${file}: ${text}`);
    wrong++;
  };
  if (!validate(model)) for (const e of validate.errors) say(`${e.instancePath} ${e.message}`);
  else for (const text of sense(model)) say(text);
}
if (process.argv.length < 3) {
  console.error('usage: node tests/validate-report.mjs REPORT.json...');
  process.exit(2);
}
process.exit(wrong ? 1 : 0);
