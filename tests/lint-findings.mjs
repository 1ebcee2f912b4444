// SPDX-License-Identifier: Apache-2.0
// What a sentence of a report may not do, in any language (docs/report-model.md, Words):
//   - put a likelihood and a confidence into one sentence, or a likelihood that is not the field's;
//   - hold a number that is not noted in `numbers`, or an estimate whose interval stands nowhere in
//     the finding; exact counts, a method's own settings and bounds need none;
//   - name a cause without a test, "no relation" without its power, "none" without what could have
//     been missed;
//   - differ in a number from the same sentence in another language, or be left in English.
// lintReport(model) yields a line for each fault. tests/validate-report.mjs calls it, and that runs
// over every report that the tests make.

const PARTS = ['headline', 'statement', 'because', 'caveats', 'alternatives'];
const LIKELIHOOD = {
  en: /\b(almost no chance|very unlikely|unlikely|roughly even chance|very likely|likely|almost certain(ly)?|probabl[ey]|improbabl[ey])\b/i,
  ja: /可能性(は|が)(非常に)?(高|低)|可能性はほとんどない|五分五分|ほぼ確実/,
};
const CONFIDENCE = { en: /\bconfiden(ce|t)\b/i, ja: /確信度|確信/ };
const CAUSE = {
  en: /\b(because of|due to|caus(e|es|ed|ing)|leads to|led to|results? in|resulted in|driven by|triggers|triggered|as a result|in response to|responsible for)\b/i,
  ja: /原因|起因|引き起こ|もたら|の結果|誘発|を受けて/,
};
const NO_RELATION = {
  en: /\bno (relation|relationship|effect|influence|link|connection|correlation|association|early warning)\b|\bdoes not (tell|telegraph|announce|depend|affect|influence|react|change with)\b|\bunrelated\b/i,
  ja: /関係(は|が)ない|影響(は|が)ない|無関係|読み取ることはできない|前触れはない/,
};
const POWER = { en: /power of [\d.]+%/, ja: /検出力[\d.]+%/ };
const NONE = {
  en: /^(No|None|Nothing) (?!day|conversation of the population lies)/,
  ja: /(見つからなかった|際立つ国はない|との通信はない|組はない)$/,
};
const MONTHS =
  'January February March April May June July August September October November December'.split(' ');

const list = (x) => (Array.isArray(x) ? x : [x]);

/** The numbers of a text in order of size, dates as year, month and day. */
export function numbersOf(text) {
  let rest = text.replace(
    new RegExp(`\\b(\\d{1,2}) (${MONTHS.join('|')}) (\\d{4})\\b`, 'g'),
    (_, day, month, year) => ` ${year} ${MONTHS.indexOf(month) + 1} ${day} `,
  );
  rest = rest.replace(/(\d{4})年(\d{1,2})月(\d{1,2})日/g, ' $1 $2 $3 ');
  return (rest.match(/\d[\d,]*(\.\d+)?/g) ?? [])
    .map((n) => Number(n.replaceAll(',', '')))
    .sort((a, b) => a - b);
}

const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);

function sentences(text) {
  return text.split(/(?<=[.!?])\s+|(?<=。)/).filter((s) => s.trim());
}

/** What is left of a text when everything noted of it is taken out. */
function unnoted(text, numbers, part, lang) {
  const noted = numbers
    .filter((n) => n.in === part)
    .map((n) => n.text[lang])
    .filter((t) => t)
    .sort((a, b) => b.length - a.length);
  let rest = text;
  for (const t of noted) rest = rest.replace(t, '\u0000');
  return rest;
}

function* lintText(f, lang, part, text) {
  const at = `/findings/${f.id}/${lang}/${part}`;
  const rest = unnoted(text, f.numbers, part, lang);
  if (/\d/.test(rest)) yield `${at}: a number that is not noted: ${rest}`;
  for (const s of sentences(text))
    if (LIKELIHOOD[lang].test(s) && CONFIDENCE[lang].test(s))
      yield `${at}: likelihood and confidence in one sentence: ${s}`;
  if (lang === 'ja' && /[a-z]{2,}( [a-z]{2,}){2,}/i.test(rest)) yield `${at}: left in English: ${text}`;
  if (part !== 'headline' && part !== 'statement') return;
  const tested = f.numbers.some((n) => n.kind === 'p');
  if (CAUSE[lang].test(rest) && !tested) yield `${at}: a cause without a test: ${text}`;
  const said = LIKELIHOOD[lang].exec(text);
  if (said && !f.likelihood) yield `${at}: a likelihood that is no field: ${text}`;
  if (lang === 'en' && said && f.likelihood && said[0].toLowerCase() !== f.likelihood)
    yield `${at}: says ${said[0]}, the field says ${f.likelihood}`;
}

function* lintLanguage(f, lang) {
  const t = f.text[lang];
  const body = `${t.statement} ${t.because.join(' ')} ${t.caveats.join(' ')}`;
  for (const part of PARTS)
    for (const text of list(t[part])) yield* lintText(f, lang, part, text);
  const at = `/findings/${f.id}/${lang}`;
  const both = `${t.headline} ${t.statement}`;
  if (NO_RELATION[lang].test(both) && !POWER[lang].test(body))
    yield `${at}: no relation without its power: ${both}`;
  const missed = f.numbers.some((n) => ['bound', 'estimate', 'setting'].includes(n.kind));
  if (NONE[lang].test(t.headline) && !missed && f.id !== 'nothing')
    yield `${at}: none, without what could have been missed: ${t.headline}`;
  if (f.likelihood && !LIKELIHOOD[lang].test(t.statement))
    yield `${at}: the likelihood stands in no sentence`;
}

function* lintLanguages(f, langs) {
  const { en } = f.text;
  for (const part of PARTS)
    if (JSON.stringify(en[part]) !== JSON.stringify(f[part]))
      yield `/findings/${f.id}: ${part} is not its English text`;
  for (const lang of langs.filter((l) => l !== 'en'))
    for (const part of PARTS) {
      const [a, b] = [list(en[part]), list(f.text[lang][part])];
      const at = `/findings/${f.id}/${lang}/${part}`;
      if (a.length !== b.length) yield `${at}: not as many texts as in English`;
      for (const [i, text] of a.entries())
        if (!same(numbersOf(text), numbersOf(b[i] ?? '')))
          yield `${at}: other numbers than in English: ${text} | ${b[i]}`;
    }
}

function* lintIntervals(f) {
  const shown = f.numbers.filter((n) => n.kind === 'estimate' && n.interval_shown);
  for (const n of f.numbers.filter((x) => x.kind === 'estimate')) {
    if (n.interval_shown) {
      if (!/\d/.test(n.text.en.replace(/^[^(]*/, '')) && n.low !== null)
        yield `/findings/${f.id}: an interval is not shown: ${n.text.en}`;
    } else if (!shown.some((s) => s.value === n.value && s.low === n.low && s.high === n.high))
      yield `/findings/${f.id}: a number without its interval: ${n.text.en}`;
  }
}

function* lintUnsupported(value, path) {
  if (value === null || typeof value !== 'object') return;
  if (typeof value.unsupported === 'string' && !value.text?.ja?.unsupported)
    yield `${path}: no Japanese for "${value.unsupported}" (src/analysis/glossary.def)`;
  for (const [key, inner] of Object.entries(value))
    if (key !== 'text') yield* lintUnsupported(inner, `${path}/${key}`);
}

function* lintJudgements(model) {
  const chosen = model.judgements?.findings ?? [];
  const ids = new Set(model.findings.map((f) => f.id));
  for (const id of chosen) if (!ids.has(id)) yield `/judgements: ${id} is no finding`;
  if (chosen.length < 1 || chosen.length > 5) yield `/judgements: ${chosen.length} of them`;
}

export function* lintReport(model) {
  for (const f of model.findings) {
    const langs = Object.keys(f.text ?? {});
    if (!langs.includes('en') || !langs.includes('ja') || !Array.isArray(f.numbers)) {
      yield `/findings/${f.id}: not written by messages.def (src/analysis/phrase.h)`;
      continue;
    }
    yield* lintLanguages(f, langs);
    yield* lintIntervals(f);
    for (const lang of langs) yield* lintLanguage(f, lang);
  }
  yield* lintJudgements(model);
  yield* lintUnsupported(model, '');
}
