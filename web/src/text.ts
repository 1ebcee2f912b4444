// SPDX-License-Identifier: Apache-2.0
// Text that comes from the telemetry (server names, labels, paths) can hold anything. It only ever
// becomes a text node; what a reader could not see or what would turn the line around is spelled out.

import { t } from './lang';
import type { Evidence } from './model';

const LONGEST = 300;

// Controls, joiners, bidi marks and overrides, byte order mark, tags, lone surrogates.
const HIDDEN =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Cs}/gu;

function spelled(c: string): string {
  const code = c.codePointAt(0) ?? 0;
  return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, '0')}\u27e9`;
}

/** `text` with every hidden character spelled as ⟨U+202E⟩, and a length that a page can hold. */
export function visible(text: unknown, longest = LONGEST): string {
  const all = typeof text === 'string' ? text : text == null ? '' : String(text);
  const head = all.length > longest ? all.slice(0, longest) : all;
  const shown = head.replace(HIDDEN, spelled);
  if (head.length === all.length) return shown;
  return `${shown}… (${all.length.toLocaleString('en')} ${t('characters', '文字')})`;
}

/** One word of a shell command. Hidden characters become escapes, so that what is copied from the
 * page is what the reader saw. */
export function shellWord(word: string): string {
  const hidden = word.replace(HIDDEN, '') !== word;
  if (!hidden) return `'${word.replaceAll("'", `'\\''`)}'`;
  const safe = word.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  return `$'${safe.replace(HIDDEN, escaped)}'`;
}

function escaped(c: string): string {
  const code = c.codePointAt(0) ?? 0;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

/** The command that lists exactly the flows behind a number. */
export function commandOf(e: Pick<Evidence, 'filter' | 'from' | 'to'>): string {
  return commandParts(e).join(' ');
}

/** The same in the parts that a line should break between. */
export function commandParts(e: Pick<Evidence, 'filter' | 'from' | 'to'>): string[] {
  const filter = e.filter ? [shellWord(e.filter)] : [];
  return ['telltale flows', ...filter, `--from ${plainTime(e.from)}`, `--to ${plainTime(e.to)}`];
}

function plainTime(time: string): string {
  const plain = String(time).replace(/\.000Z$/, 'Z');
  return /^[0-9TZ:.+-]+$/.test(plain) ? plain : shellWord(plain);
}
