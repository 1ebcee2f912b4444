// SPDX-License-Identifier: Apache-2.0
// The analyst's own words, where there are any.

import type { Context } from '../context';
import { lang, t } from '../lang';
import { Markdown, titleOf } from '../markdown';
import { Section } from '../parts';
import { visible } from '../text';

const BEFORE = ['summary', 'background', 'scope'];
const AFTER = ['recommendations'];
const TITLES: Record<string, string> = {
  summary: t('Summary', '要約'),
  background: t('Background', '背景'),
  scope: t('Scope', '範囲'),
  recommendations: t('Recommendations', '提言'),
};

export type Place = 'before' | 'after' | 'end';

export interface Part {
  id: string;
  title: string;
  text: string;
  /** the language it is in, where it is not the page's */
  other: string | null;
}

/** The parts that stand at a place of the page, each in its language or, failing that, the other. */
export function partsOf(x: Context, place: Place): Part[] {
  const parts = x.model.texts?.parts ?? {};
  const named = Object.keys(parts);
  const rest = named.filter((name) => !BEFORE.includes(name) && !AFTER.includes(name)).sort();
  const order = place === 'before' ? BEFORE : place === 'after' ? AFTER : rest;
  return order.flatMap((name) => {
    const of = parts[name] ?? {};
    const own = of[lang];
    const [first] = Object.entries(of);
    const text = own ?? first?.[1] ?? '';
    if (!text.trim()) return [];
    const title = titleOf(text) ?? TITLES[name] ?? visible(name.replaceAll('-', ' '), 80);
    return [{ id: `text-${name}`, title, text, other: own ? null : (first?.[0] ?? null) }];
  });
}

export function Texts({ x, place }: { x: Context; place: Place }) {
  const pictures = x.model.texts?.pictures ?? {};
  return (
    <>
      {partsOf(x, place).map((part) => (
        <Section id={part.id} title={part.title}>
          <div lang={part.other ?? undefined}>
            <Markdown text={part.text} pictures={pictures} />
          </div>
        </Section>
      ))}
    </>
  );
}
