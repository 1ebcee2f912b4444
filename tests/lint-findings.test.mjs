// SPDX-License-Identifier: Apache-2.0
// The linter finds planted faults, each by its own rule, and nothing in a sound finding.
import { lintReport, numbersOf } from './lint-findings.mjs';

const texts = (headline, statement, more = {}) => ({
  headline,
  statement,
  because: [],
  caveats: [],
  alternatives: [],
  ...more,
});

const estimate = (where, shown, en, ja) => ({
  in: where,
  kind: 'estimate',
  value: 0.5,
  low: 0.4,
  high: 0.6,
  level: 0.95,
  interval_shown: shown,
  text: { en, ja },
});

function finding(change = {}) {
  const en = texts('Games are 50.0% of use', 'Games are 50.0% (95% interval 40.0% to 60.0%) of use.');
  const ja = texts('ゲームが利用の50.0%を占める', 'ゲームは利用の50.0%（95%信頼区間40.0%〜60.0%）を占める。');
  const f = {
    id: 'x',
    section: 'services',
    likelihood: null,
    confidence: 'high',
    text: { en, ja },
    numbers: [
      estimate('headline', false, '50.0%', '50.0%'),
      estimate(
        'statement',
        true,
        '50.0% (95% interval 40.0% to 60.0%)',
        '50.0%（95%信頼区間40.0%〜60.0%）',
      ),
    ],
  };
  change.edit?.(f);
  return { ...f, ...f.text.en, ...change.top };
}

const report = (...findings) => ({ findings, judgements: { findings: ['x'] } });
const say = (f, lang, part, text) => (f.text[lang][part] = text);
const note = (f, where, kind, en, ja = en) => f.numbers.push({ in: where, kind, text: { en, ja } });

const faults = [
  ['a likelihood and a confidence in one sentence', /likelihood and confidence/, (f) => {
    f.likelihood = 'likely';
    say(f, 'en', 'statement', `${f.text.en.statement} With high confidence it is likely so.`);
    say(f, 'ja', 'statement', `${f.text.ja.statement} そうである可能性が高い。`);
  }],
  ['the same in Japanese', /ja\/statement: likelihood and confidence/, (f) => {
    f.likelihood = 'likely';
    say(f, 'en', 'statement', `${f.text.en.statement} It is likely so.`);
    say(f, 'ja', 'statement', `${f.text.ja.statement} 高い確信度で、そうである可能性が高い。`);
  }],
  ['another likelihood than the field', /says unlikely/, (f) => {
    f.likelihood = 'likely';
    say(f, 'en', 'statement', `${f.text.en.statement} It is unlikely.`);
    say(f, 'ja', 'statement', `${f.text.ja.statement} 可能性が高い。`);
  }],
  ['a likelihood without a field', /is no field/, (f) => {
    say(f, 'en', 'headline', 'Games are probably 50.0% of use');
  }],
  ['a number that nobody noted', /not noted/, (f) => {
    say(f, 'en', 'because', ['It is 7 of them.']);
    say(f, 'ja', 'because', ['そのうち7である。']);
  }],
  ['a number without its interval', /without its interval/, (f) => {
    f.numbers.pop();
    say(f, 'en', 'statement', 'Games lead.');
    say(f, 'ja', 'statement', 'ゲームが首位である。');
  }],
  ['an interval of another number', /without its interval/, (f) => (f.numbers[1].low = 0.3)],
  ['a cause without a test', /cause without a test/, (f) => {
    say(f, 'en', 'headline', 'Games are 50.0% of use because of the holidays');
  }],
  ['the same in Japanese', /ja\/headline: a cause/, (f) => {
    say(f, 'ja', 'headline', '休日が原因でゲームが利用の50.0%を占める');
  }],
  ['no relation without power', /without its power/, (f) => {
    say(f, 'en', 'headline', 'Games have no relation with use: 50.0%');
  }],
  ['the same in Japanese', /ja: no relation/, (f) => {
    say(f, 'ja', 'headline', 'ゲームの50.0%は利用と無関係である');
  }],
  ['none without what could be missed', /could have been missed/, (f) => {
    f.numbers = [];
    f.text.en = texts('No scanner was found', 'Nothing was seen.');
    f.text.ja = texts('スキャナは見つからなかった', '何も見られなかった。');
  }],
  ['another number in Japanese', /other numbers/, (f) => {
    say(f, 'ja', 'headline', 'ゲームが利用の51.0%を占める');
    f.numbers[0].text.ja = '51.0%';
  }],
  ['a text that is missing in Japanese', /not as many texts/, (f) => say(f, 'en', 'caveats', ['So it is.'])],
  ['Japanese left in English', /left in English/, (f) => {
    say(f, 'en', 'caveats', ['the share is of all']);
    say(f, 'ja', 'caveats', ['the share is of all']);
  }],
];

const checks = [
  ['a sound finding has no fault', () => [...lintReport(report(finding()))].length === 0],
  ['a finding not by messages', () => /not written/.test([...lintReport(report({ id: 'x' }))].join())],
  ['a field that is not the English text', () =>
    /is not its English/.test([...lintReport(report(finding({ top: { headline: 'Other' } })))].join())],
  ['a section without Japanese', () =>
    /no Japanese/.test([...lintReport({ ...report(finding()), tls: { unsupported: 'why' } })].join())],
  ['a judgement that is no finding', () =>
    /no finding/.test([...lintReport({ ...report(finding()), judgements: { findings: ['y'] } })].join())],
  ['a test lets a cause be named', () =>
    [...lintReport(report(finding({ edit: (f) => {
      say(f, 'en', 'headline', 'Games are 50.0% of use because of the holidays');
      note(f, 'because', 'p', 'p = 0.01');
    } })))].length === 0],
  ['dates are the same numbers in both', () =>
    String(numbersOf('17 May 2017, 1,234 of 5.5%')) === String(numbersOf('2017年5月17日、5.5%の1,234'))],
  ['and others are not', () => String(numbersOf('17 May 2017')) !== String(numbersOf('2017年6月17日'))],
  ...faults.map(([name, expected, edit]) => [
    `planted: ${name}`,
    () => [...lintReport(report(finding({ edit })))].some((line) => expected.test(line)),
  ]),
];

console.log(`1..${checks.length}`);
let wrong = 0;
checks.forEach(([name, check], i) => {
  const ok = check();
  if (!ok) wrong++;
  console.log(`${ok ? 'ok' : 'not ok'} ${i + 1} - ${name}`);
});
process.exit(wrong ? 1 : 0);
