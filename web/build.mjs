// SPDX-License-Identifier: Apache-2.0
// Builds the report's page: one HTML file with style, script and map inside and a mark where the
// model goes. `node web/build.mjs OUT.html OUT.c OUT.d` also writes the C file that puts the page into
// the program, where src/report/html.c finds it, and what the page was made from, for Meson.
import { build } from 'esbuild';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeWorld } from './world.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, '..', 'node_modules');
const LIMIT_OCTETS = 1_600_000;
const MARK = '@MODEL@';

// What the licences of the bundled parts ask to be kept with every copy.
function notices() {
  const parts = [
    'echarts/NOTICE',
    'zrender/LICENSE',
    'preact/LICENSE',
    'tslib/CopyrightNotice.txt',
  ];
  parts.push('topojson-client/LICENSE', 'world-atlas/LICENSE', 'marked/LICENSE');
  const text = parts.map((p) => `${p}\n${readFileSync(join(modules, p), 'utf8').trim()}`);
  return `/*\n${text.join('\n\n').replaceAll('*/', '* /')}\n*/`;
}

// `import world from 'world'` gives the map that world.mjs makes of world-atlas.
const world = {
  name: 'world',
  setup(b) {
    b.onResolve({ filter: /^world$/ }, () => ({ path: 'world', namespace: 'world' }));
    b.onLoad({ filter: /.*/, namespace: 'world' }, () => ({
      contents: JSON.stringify(makeWorld(join(modules, 'world-atlas/countries-50m.json'))),
      loader: 'json',
    }));
  },
};

// `import glossary from 'glossary'` gives the fixed texts of the model in Japanese, by their English,
// from where the program has them.
const GLOSSARY = join(here, '../src/analysis/glossary.def');
const string = String.raw`((?:"(?:[^"\\]|\\.)*"\s*)+)`;
const joined = (literals) =>
  [...literals.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map((m) => JSON.parse(`"${m[1]}"`)).join('');
const glossary = {
  name: 'glossary',
  setup(b) {
    b.onResolve({ filter: /^glossary$/ }, () => ({ path: 'glossary', namespace: 'glossary' }));
    b.onLoad({ filter: /.*/, namespace: 'glossary' }, () => {
      const words = readFileSync(GLOSSARY, 'utf8').replace(/\/\*.*?\*\//gs, '');
      const found = words.matchAll(new RegExp(`WORD\\(\\s*${string},\\s*${string}\\)`, 'g'));
      const pairs = [...found].map((m) => [joined(m[1]), joined(m[2])]);
      return { contents: JSON.stringify(Object.fromEntries(pairs)), loader: 'json' };
    });
  },
};

const inputs = new Set();

async function bundle(entry, plugins) {
  const made = await build({
    entryPoints: [join(here, entry)],
    bundle: true,
    minify: true,
    write: false,
    format: 'iife',
    target: 'es2021',
    charset: 'utf8',
    legalComments: 'none',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins,
    metafile: true,
    absWorkingDir: here,
  });
  for (const name of Object.keys(made.metafile.inputs))
    if (!/^(world|glossary):/.test(name)) inputs.add(resolve(here, name));
  return made.outputFiles[0].text.trim();
}

// Not a file of its own: the hashes are of what stands between the tags, to the octet.
const shell = (policy, style, script) => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="telltale">
<title>telltale report</title>
<style>${style}</style>
</head>
<body>
<noscript><p class="noscript">This report draws its tables and charts with the script inside this
file; it asks no network for anything. Your reader has scripts switched off. The numbers are in the
file as JSON, in the element with the id “model”.</p></noscript>
<div id="app"></div>
<script id="model" type="application/json">${MARK}</script>
<script>${script}</script>
</body>
</html>
`;

const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

// The page as it is, by the assembler: a C array of this length takes compilers seconds.
const embedded = (path) => `/* Made by web/build.mjs. */
__asm__(".section .rodata\\n"
        ".global report_page, report_page_end\\n"
        "report_page: .incbin ${JSON.stringify(JSON.stringify(path)).slice(1, -1)}\\n"
        "report_page_end: .byte 0\\n"
        ".previous\\n");
`;

const [out, source, depfile] = process.argv.slice(2);
if (!out) {
  console.error('usage: node web/build.mjs OUT.html [OUT.c OUT.d]');
  process.exit(2);
}
const style = await bundle('src/style.css', []);
// A browser reads CR LF as LF before it takes the hash. "<!--" stands in texts and expressions of the
// Markdown lexer, where \x21 is the same character.
const script = `${notices()}\n${await bundle('src/main.tsx', [world, glossary])}`
  .replace(/\r\n?/g, '\n')
  .replaceAll('<!--', '<\\x21--');
for (const [name, text, end] of [
  ['script', script, /<\/script|<!--/i],
  ['style', style, /<\/style/i],
])
  if (end.test(text)) throw new Error(`the ${name} would end its own element`);
const policy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');
const page = shell(policy, style, script);
if (Buffer.byteLength(page) > LIMIT_OCTETS)
  throw new Error(`the page has ${Buffer.byteLength(page)} octets, more than ${LIMIT_OCTETS}`);
writeFileSync(out, page);
if (source) writeFileSync(source, embedded(resolve(out)));
if (depfile) {
  const used = ['build.mjs', 'world.mjs']
    .map((name) => join(here, name))
    .concat([GLOSSARY, ...inputs]);
  writeFileSync(depfile, `${out}: ${used.map((n) => n.replaceAll(' ', '\\ ')).join(' ')}\n`);
}
