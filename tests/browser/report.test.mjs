// SPDX-License-Identifier: Apache-2.0
// What a reader sees of a report, in a real browser: `node report.test.mjs REPORT.html MODEL.json...`.
// The first MODEL.json is the model inside REPORT.html; every number looked at is compared with it.
// Further models are put into the same page, as is the first where REPORT.html is the page without a
// model that the build leaves (report_page.html). Prints TAP.
// The browser is CHROMIUM, /usr/bin/chromium by default; without one everything is skipped.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FLAGS =
  '--no-sandbox --disable-gpu --no-first-run --disable-background-networking ' +
  '--disable-component-update --disable-sync';
const CHARTS = {
  'chart-daily': (m) => given(m.activity) !== null,
  'chart-hourly': (m) => given(m.activity)?.hourly?.length > 0,
  'chart-categories': (m) => given(m.categories)?.length > 0,
  'chart-matrix': (m) => given(m.rhythm)?.matrix?.length === 7,
  'chart-profile': (m) => given(m.rhythm)?.profile?.workdays?.length > 0,
  'chart-weekdays': (m) => given(m.rhythm)?.weekdays?.length > 0,
  'chart-lags-0': (m) => given(m.events)?.tests?.[0]?.lags?.length > 0,
  'chart-onsets': (m) => given(m.onsets)?.length > 0,
  'chart-map': (m) => given(m.presence) !== null,
  'chart-ratio': (m) => given(m.presence)?.countries?.some((c) => c.ratio || c.ratio_adjusted),
};
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f]/u;

function given(section) {
  return section && typeof section.unsupported !== 'string' ? section : null;
}

let number = 0;
let failed = 0;
let about = '';

async function test(name, run) {
  number++;
  try {
    await run();
    console.log(`ok ${number} - ${about}${name}`);
  } catch (error) {
    failed++;
    console.log(`not ok ${number} - ${about}${name}`);
    for (const line of String(error?.message ?? error).split('\n')) console.log(`# ${line}`);
  }
}

function assert(condition, text) {
  if (!condition) throw new Error(text);
}

const same = (a, b, what) =>
  assert(
    JSON.stringify(a) === JSON.stringify(b),
    `${what}: ${JSON.stringify(a)} is not ${JSON.stringify(b)}`,
  );

/** Does a number as printed ("14.2%", "1.23 million", "9,876") mean `value`, within its own rounding? */
function means(text, value) {
  // "< 0.01": less than that, and not nothing.
  const below = /^< (0\.0*1)$/.exec(text.trim());
  if (below) return value > 0 && value < Number(below[1]);
  const m = /^([−-]?[\d,]+(?:\.\d+)?)\s*(%|million|billion|trillion|octets|[kMGTPE]B)?/.exec(
    text.trim(),
  );
  if (!m) return false;
  const units = {
    '%': 0.01,
    million: 1e6,
    billion: 1e9,
    trillion: 1e12,
    octets: 1,
  };
  const power = 'kMGTPE'.indexOf(m[2]?.[0] ?? '?') + 1;
  const unit = m[2]?.endsWith('B') ? 1000 ** power : (units[m[2]] ?? 1);
  const digits = m[1].replaceAll(',', '').replace('−', '-');
  const decimals = digits.split('.')[1]?.length ?? 0;
  // Trailing zeros are not printed of "1.20 million": three significant digits then.
  const step =
    m[2] && m[2] !== '%'
      ? Math.max(10 ** -decimals, Math.abs(Number(digits)) * 0.005)
      : 10 ** -decimals;
  return Math.abs(Number(digits) * unit - value) <= 0.5 * step * unit * (1 + 1e-9) + 1e-12;
}

async function open(browser, html, options = {}) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    ...options,
  });
  const page = await context.newPage();
  const seen = { console: [], requests: [] };
  page.on('console', (m) => ['error', 'warning'].includes(m.type()) && seen.console.push(m.text()));
  page.on('pageerror', (e) => seen.console.push(`uncaught: ${e.message}`));
  page.on('request', (r) => seen.requests.push(r.url()));
  page.on('dialog', (d) => (seen.console.push(`dialog: ${d.message()}`), d.dismiss()));
  await page.goto(pathToFileURL(resolve(html)).href);
  await page.waitForSelector('main h2');
  return { page, seen, close: () => context.close() };
}

/** Charts are drawn when they come near the screen. What is drawn above one may push it out of sight again
 *  before its turn comes, so it is looked for until it is there. */
async function drawAll(page) {
  for (const host of await page.$$('.chart')) {
    const drawn = (el) => {
      if (!el.querySelector('svg')) el.scrollIntoView({ block: 'center', behavior: 'instant' });
      return Boolean(el.querySelector('svg'));
    };
    await page.waitForFunction(drawn, host, { timeout: 60_000, polling: 250 });
  }
}

async function testPage(browser, html, model) {
  const { page, seen, close } = await open(browser, html);
  await drawAll(page);

  await test('the model in the page is the model', async () => {
    same(JSON.parse(await page.$eval('#model', (e) => e.textContent)), model, 'model');
  });
  await test('charts are drawn as SVG, each with marks of some size', async () => {
    for (const [id, expected] of Object.entries(CHARTS)) {
      const found = await page.$(`#${id} .chart`);
      assert(!!found === !!expected(model), `${id} is ${found ? '' : 'not '}there`);
      if (!found) continue;
      const marks = await found.evaluate((el) => {
        const boxes = [...el.querySelectorAll('svg path, svg rect')].map((p) =>
          p.getBoundingClientRect(),
        );
        return boxes.filter((b) => b.width > 0.4 || b.height > 0.4).length;
      });
      assert(marks > 2, `${id} has ${marks} marks`);
    }
    assert((await page.$$('canvas')).length === 0, 'there is a canvas');
  });
  await testNumbers(page, model);
  await testFindings(page, model);
  await test('sections that the model cannot give say why', async () => {
    const text = await page.$eval('#coverage', (e) => e.textContent);
    for (const [name, section] of Object.entries(model))
      if (typeof section?.unsupported === 'string' && !HIDDEN.test(section.unsupported))
        assert(text.includes(section.unsupported.slice(0, 500)), `${name} is not in the list`);
  });
  await test('each measure and each zoom draws again', async () => {
    for (const button of await page.$$('.segments button')) {
      await button.click();
      await page.waitForTimeout(30);
    }
    assert(
      (await page.$$('.chart svg path')).length > 0 || !given(model.activity),
      'nothing is drawn',
    );
  });
  await test('a mark that is pressed keeps its command', () => testPress(page, model));
  await test('nothing on the console, and the file itself the only request', async () => {
    same(seen.console, [], 'console');
    same(seen.requests.length, 1, 'requests');
  });
  await close();
}

async function testPress(page, model) {
  if (!given(model.categories)?.length) return;
  const chart = await page.$('#chart-categories .chart');
  const filter = given(model.categories)[0].evidence.filter;
  let box,
    text = '';
  // A chart that is still being laid out may move away from under the pointer: press again then.
  for (let tries = 0; tries < 20 && !text; tries++) {
    await chart.evaluate((e) => e.scrollIntoView({ block: 'center', behavior: 'instant' }));
    box = await chart.boundingBox();
    await chart.click({ position: { x: 175, y: 6 + 13 } });
    const command = page.locator('#chart-categories .command code');
    text = await command.textContent({ timeout: 1000 }).catch(() => '');
  }
  assert(
    text.startsWith('telltale flows'),
    `no command after a press in ${JSON.stringify(box)}: ${text}`,
  );
  if (/^[\x20-\x26\x28-\x7e]*$/.test(filter)) assert(text.includes(`'${filter}'`), text);
}

/** Cells with data-value: exact there, rounded rightly in what is printed. */
async function cells(page, table) {
  return page.$$eval(`#${table} tbody tr`, (rows) =>
    rows.map((row) =>
      [...row.querySelectorAll('[data-value]')].map((e) => ({
        value: Number(e.dataset.value),
        low: e.dataset.low === undefined ? null : Number(e.dataset.low),
        high: e.dataset.high === undefined ? null : Number(e.dataset.high),
        text: (e.querySelector('.value') ?? e).textContent,
      })),
    ),
  );
}

async function testNumbers(page, model) {
  const rankings = {
    'services-table': [
      model.services,
      (r) => [
        r.share,
        r.octets_share,
        r.reference?.ratio,
        r.reference?.share.value,
        r.flows,
        r.octets,
        r.local_hosts,
      ],
    ],
    'categories-table': [model.categories, (r) => [r.share, r.octets_share, r.flows]],
    'countries-table': [given(model.presence)?.countries, (r) => [r.share, r.flows]],
    'weekdays-table': [given(model.rhythm)?.weekdays, (r) => [r.mean]],
    'onsets-table': [given(model.onsets), (r) => [r.before, r.after]],
    'exporters-table': [
      given(model.fidelity)?.exporters,
      (r) => [
        r.records,
        r.records_lost,
        r.rejected,
        r.hours_with_data,
        r.gaps.length ? r.gaps_in_all : null,
      ],
    ],
    'chains-table': [
      given(given(model.concealment)?.chains),
      (r) => [r.matched, r.test.expected, r.flows_in, r.flows_out, r.octets],
    ],
    'pivot-0-services': [
      given(model.pivots)?.[0]?.services,
      (r) => [r.share, r.flows, r.octets, r.days],
    ],
    'pivot-0-categories': [
      given(model.pivots)?.[0]?.categories,
      (r) => [r.share, r.flows, r.octets, r.days],
    ],
    'timeline-hours-0': [given(model.timelines)?.[0]?.rows, (r) => [r.flows, r.octets]],
    'daily-table': [
      given(model.activity)?.daily,
      (r) => [r.flows, r.octets, r.packets, r.local_hosts],
    ],
  };
  for (const [table, [section, numbers]] of Object.entries(rankings)) {
    const rows = given(section) ?? [];
    if (!rows.length) continue;
    await test(`${table}: each number equals the model's`, async () => {
      const seen = await cells(page, table);
      same(seen.length, rows.length, 'rows');
      rows.forEach((row, i) => {
        const wanted = numbers(row).filter((n) => n !== undefined && n !== null);
        wanted.forEach((want, k) => {
          const got = seen[i][k];
          const value = typeof want === 'object' ? want.value : want;
          same(got?.value, value, `row ${i} number ${k}`);
          if (typeof want === 'object')
            same([got.low, got.high], [want.low ?? null, want.high ?? null], `row ${i} interval`);
          assert(means(got.text, value), `row ${i}: "${got.text}" does not mean ${value}`);
        });
      });
    });
  }
  await testStrips(page, model);
  const totals = given(model.totals);
  if (!totals) return;
  await test('totals equal the model', async () => {
    const tiles = await page.$$eval('.tiles [data-value]', (all) =>
      all.map((e) => [Number(e.dataset.value), e.textContent]),
    );
    const want = ['flows', 'octets', 'packets', 'local_hosts', 'remote_hosts'].map(
      (k) => totals[k],
    );
    same(
      tiles.map(([n]) => n),
      want,
      'tiles',
    );
    tiles.forEach(([n, text]) => assert(means(text, n), `"${text}" does not mean ${n}`));
  });
}

/** A host, a service and a role have a strip each, with a mark for each hour of theirs and no other. */
async function testStrips(page, model) {
  for (const [i, timeline] of (given(model.timelines) ?? []).entries()) {
    if (!timeline.rows.length) continue;
    await test(`timeline ${i}: a mark for each hour of each row`, async () => {
      const marks = await page.$$eval(`#timeline-${i} tbody tr`, (rows) =>
        rows.map((r) => [
          r.cells[0].textContent,
          r.querySelectorAll('.strip rect:not(.strip-none)').length,
          r.querySelector('.strip').viewBox.baseVal.width,
        ]),
      );
      const hours = (Date.parse(timeline.to) - Date.parse(timeline.from)) / 3_600_000;
      const want = new Map();
      for (const r of timeline.rows) {
        const key = `${r.local} ${r.service} ${r.role}`;
        want.set(key, [r.local, (want.get(key)?.[1] ?? 0) + 1, hours]);
      }
      same(marks, [...want.values()], 'strips');
    });
  }
}

async function testFindings(page, model) {
  const findings = given(model.findings) ?? [];
  await test('findings say what the model says, each with its command', async () => {
    const seen = await page.$$eval('.finding', (all) =>
      all.map((e) => ({
        id: e.dataset.finding,
        headline: e.querySelector('h3').textContent,
        statement: e.querySelector('.statement').textContent,
        text: e.textContent,
        command: e.querySelector('.command code')?.textContent ?? '',
      })),
    );
    same(
      seen.map((f) => f.id),
      findings.map((f) => f.id),
      'ids',
    );
    findings.forEach((f, i) => {
      if (!HIDDEN.test(f.headline) && f.headline.length < 500)
        same(seen[i].headline, f.headline, f.id);
      if (!HIDDEN.test(f.statement) && f.statement.length < 4000)
        same(seen[i].statement, f.statement, f.id);
      if (f.evidence)
        assert(seen[i].command.startsWith('telltale flows'), `${f.id}: ${seen[i].command}`);
      if (f.confidence)
        assert(seen[i].text.toLowerCase().includes(`${f.confidence} confidence`), f.id);
    });
  });
  if (!findings.some((f) => f.because?.length)) return;
  await test('reasons open and close from the keyboard', async () => {
    const button = await page.$('.finding .disclose');
    const shown = () => page.$eval('.finding .basis', (e) => e.checkVisibility());
    await button.focus();
    await page.keyboard.press('Enter');
    assert((await button.getAttribute('aria-expanded')) === 'true', 'not expanded');
    assert(await shown(), 'not shown');
    await page.keyboard.press('Enter');
    assert((await button.getAttribute('aria-expanded')) === 'false', 'still expanded');
  });
}

/** No hidden character is left in what is read, nothing of the names became an element. */
async function testInert(browser, html) {
  const { page, seen, close } = await open(browser, html);
  await drawAll(page);
  await test('names stay text: no element, no script, no hidden character of theirs', async () => {
    const found = await page.evaluate(() => ({
      scripts: document.querySelectorAll('script').length,
      foreign: document.querySelectorAll('#app :is(script, img, iframe, object, embed, link, form)')
        .length,
      ran: 'pwned' in window,
      text: document.body.innerText,
      titles: [...document.querySelectorAll('#app [title], #app [aria-label]')]
        .map((e) => `${e.title}${e.ariaLabel ?? ''}`)
        .join('|'),
    }));
    same(
      [found.scripts, found.foreign, found.ran],
      [2, 0, false],
      'scripts, foreign elements, ran',
    );
    const hidden = HIDDEN.exec(found.text) ?? HIDDEN.exec(found.titles.replaceAll('\n', ' '));
    assert(!hidden, `U+${hidden?.[0].codePointAt(0).toString(16)} is in the page`);
    same(seen.console, [], 'console');
  });
  await close();
}

async function testLooks(browser, html, wanted = null) {
  const looks = {
    light: {},
    dark: { colorScheme: 'dark' },
    phone: { viewport: { width: 360, height: 740 } },
    'dark phone': {
      viewport: { width: 360, height: 740 },
      colorScheme: 'dark',
    },
  };
  for (const [name, options] of Object.entries(looks).filter(
    ([n]) => !wanted || wanted.includes(n),
  ))
    await test(`${name}: fits the width, colours as asked`, async () => {
      const { page, seen, close } = await open(browser, html, options);
      await drawAll(page);
      const found = await page.evaluate(() => ({
        over: document.documentElement.scrollWidth - window.innerWidth,
        light: getComputedStyle(document.documentElement).backgroundColor.match(/\d+/g).map(Number),
        svg: [...document.querySelectorAll('.chart svg')].map(
          (s) => s.getBoundingClientRect().right,
        ),
      }));
      assert(found.over <= 0, `${found.over} pixels too wide`);
      const width = options.viewport?.width ?? 1280;
      assert(
        found.svg.every((right) => right <= width),
        `a chart ends at ${Math.max(...found.svg)}`,
      );
      assert(found.light[0] > 128 === !options.colorScheme, `background ${found.light}`);
      same(seen.console, [], 'console');
      await close();
    });
}

async function testPrint(browser, html) {
  await test('prints as PDF, charts drawn without ever being on the screen', async () => {
    const { page, seen, close } = await open(browser, html);
    const pdf = (await page.pdf({ preferCSSPageSize: true })).toString('latin1');
    const pages = pdf.match(/\/Type\s*\/Page\b/g)?.length ?? 0;
    assert(pdf.startsWith('%PDF') && pages > 0, `${pages} pages`);
    const undrawn = await page.$$eval(
      '.chart',
      (all) => all.filter((e) => !e.querySelector('svg')).length,
    );
    same(undrawn, 0, 'charts not drawn');
    same(seen.console, [], 'console');
    await close();
  });
}

/** The same page around another model. */
function withModel(html, model, folder, name = 'report.html') {
  const page = readFileSync(html, 'utf8');
  const open = '<script id="model" type="application/json">';
  const from = page.indexOf(open) + open.length;
  const to = page.indexOf('</script>', from);
  const json = JSON.stringify(model).replaceAll('<', '\\u003c');
  const path = join(folder, name);
  writeFileSync(path, page.slice(0, from) + json + page.slice(to));
  return path;
}

const NASTY = [
  '</script><script>window.pwned=1</script>',
  '<img src=x onerror=window.pwned=1>',
  '\u202egnp.exe \u2066\u200b\u0000\u0007\u009b31m',
  '<!--<script>',
  '{{constructor.constructor("window.pwned=1")()}} ${1} {b|x} \\n',
];

/** `model` with hostile text at the start of each name in it, and one of 64 KiB. */
function hostile(model) {
  let at = 0;
  const kept = new Set([
    'schema',
    'from',
    'to',
    'from_time',
    'to_time',
    'time',
    'date',
    'timezone',
  ]);
  for (const key of ['role', 'unsupported', 'first', 'last', 'generated', 'country']) kept.add(key);
  const visit = (value, key) => {
    if (typeof value === 'string') {
      if (kept.has(key)) return value;
      const nasty = NASTY[at++ % NASTY.length];
      return at === 7 ? `${nasty}${'x'.repeat(65536)}` : `${nasty}${value}`;
    }
    if (Array.isArray(value)) return value.map((v) => visit(v, key));
    if (value && typeof value === 'object')
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, visit(v, k)]));
    return value;
  };
  return visit(model, '');
}

async function testAll(browser, html, model, folder) {
  await testPage(browser, html, model);
  await testLooks(browser, html);
  await testPrint(browser, html);
  const bad = withModel(html, hostile(model), folder);
  await testInert(browser, bad);
  await testLooks(browser, bad);
  await testPrint(browser, bad);
}

const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

async function main() {
  const [html, first, ...others] = process.argv.slice(2);
  if (!html || !first) {
    console.error('usage: node report.test.mjs REPORT.html MODEL.json...');
    process.exit(2);
  }
  if (!existsSync(CHROMIUM)) {
    console.log(`1..0 # SKIP no browser at ${CHROMIUM}`);
    return;
  }
  const { chromium } = await import('playwright-core');
  const folder = mkdtempSync(join(tmpdir(), 'telltale-browser-'));
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: FLAGS.split(' '),
  });
  try {
    const empty = readFileSync(html, 'utf8').includes('@MODEL@');
    const page = empty ? withModel(html, read(first), folder, 'first.html') : html;
    await testAll(browser, page, read(first), folder);
    for (const path of others) {
      about = `${basename(path)}: `;
      const other = withModel(page, read(path), folder);
      await testPage(browser, other, read(path));
      await testLooks(browser, other, ['phone']);
      await testPrint(browser, other);
    }
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`1..${number}`);
  process.exitCode = failed ? 1 : 0;
}

await main();
