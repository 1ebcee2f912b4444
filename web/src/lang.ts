// SPDX-License-Identifier: Apache-2.0
// The page's language: what its address asks for (report.html?lang=ja), else what the report was made
// with. Every text of the page stands in the code in all languages, side by side, so that none can be
// missing; the model's own texts come in all languages (docs/report-model.md, Languages), and names
// of kinds by src/analysis/glossary.def.

import glossary from 'glossary';

export type Lang = 'en' | 'ja';
export const LANGS: [Lang, string][] = [
  ['en', 'English'],
  ['ja', '日本語'],
];

function chosen(): Lang {
  const asked = new URLSearchParams(location.search).get('lang');
  const made = document.documentElement.lang;
  return [asked, made].find((l): l is Lang => l === 'en' || l === 'ja') ?? 'en';
}

export const lang: Lang = chosen();

/** The text in the page's language. */
export const t = (en: string, ja: string): string => (lang === 'ja' ? ja : en);

/** A fixed text of the model that the glossary knows, in the page's language. */
export function known(text: string): string {
  return lang === 'ja' && Object.hasOwn(glossary, text) ? (glossary[text] ?? text) : text;
}

/** A field of the model that has its text in several languages beside it. */
export function textOf<Key extends string>(
  of: { [K in Key]?: unknown } & { text?: Partial<Record<string, { [K in Key]?: unknown }>> },
  key: Key,
): unknown {
  return of.text?.[lang]?.[key] ?? of[key];
}
