// SPDX-License-Identifier: Apache-2.0
// The README's picture of a report, shortened to its head, its key judgements and two charts:
// `node screenshot.mjs REPORT.html docs/img/report.png`
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [html, png] = process.argv.slice(2);
if (!html || !png) {
  console.error('usage: node screenshot.mjs REPORT.html PICTURE.png');
  process.exit(2);
}
mkdirSync(dirname(resolve(png)), { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu'],
});
const page = await browser.newPage({ viewport: { width: 1240, height: 900 } });
await page.goto(pathToFileURL(resolve(html)).href);
await page.waitForSelector('main h2');
await page.evaluate(() => {
  const shown = '#judgements, #activity, #presence';
  const hidden =
    `main > section:not(:is(${shown})), .behind, .event-key, ` +
    '#chart-hourly, #chart-ratio, #presence .scroll, #presence .all, footer';
  for (const e of document.querySelectorAll(hidden)) e.style.display = 'none';
});
for (const chart of await page.$$('.chart:visible')) {
  await chart.evaluate((e) => e.scrollIntoView({ block: 'center', behavior: 'instant' }));
  await page.waitForFunction((e) => e.querySelector('svg'), chart);
}
await page.evaluate(() => scrollTo(0, 0));
await page.screenshot({ path: png, fullPage: true });
await browser.close();
