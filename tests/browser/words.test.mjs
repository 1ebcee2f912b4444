// SPDX-License-Identifier: Apache-2.0
// Languages, the analyst's words, marking, and hostile names in every place that takes a name:
// `node words.test.mjs REPORT_PAGE.html MODEL.json`, with the page that the build leaves. Prints TAP.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const [template, modelFile] = process.argv.slice(2);
if (!modelFile) {
  console.error('usage: node words.test.mjs REPORT_PAGE.html MODEL.json');
  process.exit(2);
}
if (!existsSync(CHROMIUM)) {
  console.log(`1..0 # SKIP no browser at ${CHROMIUM}`);
  process.exit(0);
}
const { chromium } = await import('playwright-core');
const folder = mkdtempSync(join(tmpdir(), 'telltale-words-'));
const page = readFileSync(template, 'utf8');
const base = JSON.parse(readFileSync(modelFile, 'utf8'));

// A picture of one pixel.
const PIXEL =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
const BAD = [
  '<img src=x onerror="window.broken=1">',
  '</script><script>window.broken=2</script>',
  '<svg onload=window.broken=3>',
  '=HYPERLINK("http://evil.invalid/","x")',
  "@SUM(1+1)*cmd|' /C calc'!A0",
  '\u202egnp.exe\u2066\u200f',
  'nul\u0000in\u0007side',
  'javascript:window.broken=4',
  `${'W'.repeat(65536)}`,
  '${window.broken=5}{{constructor}}',
];
const MARKDOWN = `# Own <b>title</b>

A **strong** word, <script>window.broken=6</script> and <img src=x onerror="window.broken=7">.

<iframe src="https://evil.invalid/"></iframe>

[web](https://example.org/a) [bad](javascript:window.broken=8) [data](data:text/html,x) [gone](vbscript:x)

![Shown](pixel.png "Source: own work") ![Not here](https://evil.invalid/p.png) ![Nor](constructor)

| a | b |
|---|--:|
| 1 | <u>2</u> |

\`\`\`
code <b>
\`\`\`
`;

const NAMED = new Set(
  (
    'name label path source provider organisation local remote relay platform network why kind ' +
    'prefix service role category fault first_name method region program_version'
  ).split(' '),
);

/** Every name of a model replaced by hostile ones, in turn. */
function hostile(value, state = { n: 0 }, key = '') {
  if (Array.isArray(value)) return value.map((v) => hostile(v, state, key));
  if (value && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, hostile(v, state, k)]));
  if (typeof value === 'string' && NAMED.has(key)) return BAD[state.n++ % BAD.length];
  return value;
}

function extended(model) {
  const out = structuredClone(model);
  const text = (lang) => ({
    headline: lang === 'ja' ? '見出し' : 'Headline',
    statement: lang === 'ja' ? '12.1%を占める。' : 'It is 12.1%.',
    because: [lang === 'ja' ? '理由文' : 'A reason'],
    caveats: [],
    alternatives: [],
  });
  out.findings = [
    {
      id: 'one',
      section: 'services',
      ...text('en'),
      likelihood: 'very likely',
      confidence: 'moderate',
      values: {},
      evidence: model.findings[0].evidence,
      text: { en: text('en'), ja: text('ja') },
    },
  ];
  out.judgements = {
    rule: 'By rule.',
    text: { en: { rule: 'By rule.' }, ja: { rule: '規則による。' } },
    findings: ['one'],
  };
  out.study.tlp = 'AMBER+STRICT';
  out.texts = {
    parts: {
      background: { en: MARKDOWN, ja: '# 背景の題\n\n本文\nの続き。' },
      recommendations: { en: '# Only English\n\nText.' },
    },
    pictures: { 'pixel.png': PIXEL },
  };
  out.recon = {
    scanners: Array.from({ length: 20 }, (_, i) => ({
      direction: 'inward',
      remote: `2001:db8:${i}:4:5555:6666:7777:8888`,
      flows: 1000,
      targets: 500,
      answered: 0,
      ports_tried: 10,
      ports: [1, 2, 3, 4, 65535],
      first: '2017-04-01',
      last: '2017-07-06',
      shape: 'both',
      slow: true,
      score: 99,
      country: 'NL',
      evidence: model.findings[0].evidence,
    })),
    outward: { unsupported: 'why not', text: { ja: { unsupported: 'できない理由' } } },
  };
  out.pivots = [{ label: 'VPN exit', prefix: '192.0.2.0/24', services: [{ id: 'x', flows: 3 }] }];
  return out;
}

const file = (name, model) => {
  const path = join(folder, `${name}.html`);
  const json = JSON.stringify(model).replaceAll('<', '\\u003c');
  writeFileSync(
    path,
    page.replace('@MODEL@', () => json),
  );
  return pathToFileURL(path).href;
};

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});

async function open(url, width = 1280) {
  const context = await browser.newContext({ viewport: { width, height: 900 } });
  const tab = await context.newPage();
  const seen = { errors: [], requests: [] };
  tab.on('pageerror', (e) => seen.errors.push(e.message));
  tab.on('console', (m) => m.type() === 'error' && seen.errors.push(m.text()));
  tab.on('dialog', (d) => (seen.errors.push('dialog'), d.dismiss()));
  tab.on('request', (r) => seen.requests.push(r.url()));
  await tab.goto(url);
  await tab.waitForSelector('main h2');
  for (const host of await tab.$$('.chart')) {
    const drawn = (el) => {
      if (!el.querySelector('svg')) el.scrollIntoView({ block: 'center', behavior: 'instant' });
      return Boolean(el.querySelector('svg'));
    };
    await tab.waitForFunction(drawn, host, { timeout: 60_000, polling: 100 });
  }
  return { tab, seen, close: () => context.close() };
}

const tests = [];
const test = (name, run) => tests.push([name, run]);
const assert = (ok, text) => {
  if (!ok) throw new Error(text);
};

/** Nothing that a name brought is anything but text. */
async function inert(url, width, named) {
  const { tab, seen, close } = await open(url, width);
  const found = await tab.evaluate(() => ({
    broken: window.broken,
    foreign: document.querySelectorAll(
      'iframe, object, embed, script[src], img:not([src^="data:image/"]), #app script, #app style, base, form',
    ).length,
    handlers: [...document.querySelectorAll('*')].filter((e) =>
      [...e.attributes].some((a) => a.name.startsWith('on')),
    ).length,
    links: [...document.querySelectorAll('a')].map((a) => a.getAttribute('href') ?? ''),
    text: document.body.innerText,
    wide: document.documentElement.scrollWidth - innerWidth,
  }));
  await close();
  assert(found.broken === undefined, `script ran: ${found.broken}`);
  assert(found.foreign === 0, `${found.foreign} foreign elements`);
  assert(found.handlers === 0, `${found.handlers} handlers`);
  const bad = found.links.filter((h) => !/^(#|\?lang=|https?:|mailto:)/.test(h));
  assert(bad.length === 0, `links: ${bad}`);
  assert(!/[\u202a-\u202e\u2066-\u2069\u0000]/.test(found.text), 'a hidden character is shown');
  if (named) assert(found.text.includes('⟨U+202E⟩'), 'the names are not there');
  assert(found.wide <= 1, `${found.wide} pixels too wide at ${width}`);
  assert(seen.errors.length === 0, seen.errors.join('; '));
  const outside = seen.requests.filter((r) => !r.startsWith('file:') && !r.startsWith('data:'));
  assert(outside.length === 0, `asked for ${outside}`);
}

const model = extended(base);
const good = file('good', model);
const evil = file('evil', hostile(model));

for (const [lang, width] of [
  ['en', 1280],
  ['ja', 1280],
  ['en', 390],
  ['ja', 390],
]) {
  test(`hostile names are inert in ${lang} at ${width} pixels`, () =>
    inert(`${evil}?lang=${lang}`, width, true));
  test(`the report fits in ${lang} at ${width} pixels`, () => inert(`${good}?lang=${lang}`, width));
}

test('the page is in the language its address asks for', async () => {
  for (const [lang, want, not] of [
    ['en', 'Headline', '見出し'],
    ['ja', '見出し', 'Headline'],
  ]) {
    const { tab, close } = await open(`${good}?lang=${lang}`);
    const found = await tab.evaluate(() => ({
      root: document.documentElement.lang,
      heads: [...document.querySelectorAll('#findings h3, #judgements strong')].map(
        (e) => e.textContent,
      ),
      sections: [...document.querySelectorAll('main h2')].map((e) => e.textContent),
    }));
    await close();
    assert(found.root === lang, found.root);
    assert(
      found.heads.length === 2 && found.heads.every((h) => h.includes(want)),
      `${found.heads}`,
    );
    assert(!found.heads.some((h) => h.includes(not)), `${found.heads}`);
    const japanese = found.sections.filter((s) => /[\u3040-\u30ff\u4e00-\u9fff]/.test(s)).length;
    if (lang === 'ja') assert(japanese >= found.sections.length - 1, `${found.sections}`);
    else assert(japanese === 0, `${found.sections}`);
  }
});

test('no English sentence of the program is left in Japanese', async () => {
  const { tab, close } = await open(`${good}?lang=ja`);
  const left = await tab.evaluate(() => {
    const own = [
      ...document.querySelectorAll('h2, th, dt, figcaption, .note, .lede, button, summary'),
    ];
    return own
      .map((e) => e.cloneNode(true))
      .map(
        (e) => (
          e.querySelectorAll('bdi, code, [data-value]').forEach((b) => b.remove()),
          e.textContent
        ),
      )
      .filter((s) => /[a-z]{3,} [a-z]{2,} [a-z]{2,}/.test(s));
  });
  await close();
  // The one part of the analyst's that is only there in English.
  assert(left.filter((s) => s !== 'Only English').length === 0, left.slice(0, 5).join(' | '));
});

test('the likelihood and the confidence stand apart, in both languages', async () => {
  for (const [lang, likelihood, confidence] of [
    ['en', 'Very likely', 'Moderate confidence'],
    ['ja', '可能性：非常に高い', '確信度：中'],
  ]) {
    const { tab, close } = await open(`${good}?lang=${lang}`);
    const chips = await tab.$$eval('#judgements .chip', (all) => all.map((e) => e.textContent));
    await close();
    assert(
      chips.some((c) => c.includes(likelihood)),
      `${chips}`,
    );
    assert(
      chips.some((c) => c.includes(confidence)),
      `${chips}`,
    );
    assert(!chips.some((c) => c.includes(likelihood) && c.includes(confidence)), `${chips}`);
  }
});

test('the analyst’s Markdown is rendered and its markup is text', async () => {
  const { tab, close } = await open(`${good}?lang=en`);
  const found = await tab.$eval('#text-background', (e) => ({
    title: e.querySelector('h2').textContent,
    text: e.textContent,
    strong: e.querySelectorAll('strong').length,
    cells: e.querySelectorAll('td').length,
    code: e.querySelector('pre').textContent,
    pictures: [...e.querySelectorAll('img')].map((i) => [i.alt, i.naturalWidth]),
    sources: [...e.querySelectorAll('.picture small')].map((s) => s.textContent),
    links: [...e.querySelectorAll('a')].map((a) => a.getAttribute('href')),
  }));
  await close();
  assert(found.title === 'Own <b>title</b>', found.title);
  assert(found.text.includes('<script>'), 'raw HTML is not shown');
  assert(found.strong === 1 && found.cells === 2, JSON.stringify(found));
  assert(found.code.trim() === 'code <b>', found.code);
  assert(JSON.stringify(found.pictures) === '[["Shown",1]]', JSON.stringify(found.pictures));
  assert(found.sources[0] === 'Source: own work', `${found.sources}`);
  assert(
    found.links.join() === 'https://example.org/a,https://evil.invalid/p.png',
    `${found.links}`,
  );
});

test('a part without the page’s language is shown in the other, and said to be', async () => {
  const { tab, close } = await open(`${good}?lang=ja`);
  const lang = await tab.$eval('#text-recommendations [lang]', (e) => e.lang);
  const text = await tab.$eval('#text-background', (e) => e.textContent);
  await close();
  assert(lang === 'en', lang);
  assert(text.includes('本文の続き'), text);
});

test('the marking stands at the head and the foot, in its own colour', async () => {
  const { tab, close } = await open(good);
  const marks = await tab.$$eval('.tlp span', (all) =>
    all.map((e) => [e.textContent, getComputedStyle(e).color, getComputedStyle(e).backgroundColor]),
  );
  await close();
  assert(marks.length === 2, `${marks}`);
  for (const m of marks)
    assert(m.join() === 'TLP:AMBER+STRICT,rgb(255, 192, 0),rgb(0, 0, 0)', `${m}`);
});

test('every entry of the contents leads somewhere', async () => {
  for (const lang of ['en', 'ja']) {
    const { tab, close } = await open(`${good}?lang=${lang}`);
    const lost = await tab.$$eval('a[href^="#"]', (all) =>
      all.map((a) => a.getAttribute('href')).filter((h) => !document.getElementById(h.slice(1))),
    );
    await close();
    assert(lost.length === 0, `${lost}`);
  }
});

test('a study without words or marking has no room for them', async () => {
  const { tab, close } = await open(file('bare', base));
  const found = await tab.$$('.tlp, .prose, #judgements');
  await close();
  assert(found.length === 0, `${found.length} empty rooms`);
});

console.log(`1..${tests.length}`);
let failed = 0;
for (const [i, [name, run]] of tests.entries()) {
  try {
    await run();
    console.log(`ok ${i + 1} - ${name}`);
  } catch (error) {
    failed++;
    console.log(
      `not ok ${i + 1} - ${name}\n# ${String(error?.message ?? error).replaceAll('\n', '\n# ')}`,
    );
  }
}
await browser.close();
rmSync(folder, { recursive: true });
process.exit(failed ? 1 : 0);
