// SPDX-License-Identifier: Apache-2.0
// Which sections this report has, in the page's order.

import type { Context } from '../context';
import { given, isUnsupported, type Model } from '../model';

/** Sections that later editions fill; drawn by others.tsx as tables of what the model holds. */
export const OTHERS: [keyof Model, string][] = [
  ['recon', 'Reconnaissance'],
  ['contacts', 'Lasting relationships'],
  ['devices', 'Devices'],
  ['pivots', 'Pivots'],
];

const MAIN: [keyof Model, string][] = [
  ['findings', 'Key findings'],
  ['totals', 'At a glance'],
  ['activity', 'Activity'],
  ['services', 'Services'],
  ['categories', 'Categories'],
  ['rhythm', 'Rhythm'],
  ['presence', 'Presence'],
  ['events', 'Events'],
  ['concealment', 'Concealment'],
  ['onsets', 'Onsets and changes'],
];

export function hasSection(x: Context, name: string): boolean {
  if (name === 'data' || name === 'fidelity') return true;
  return given(x.model[name as keyof Model] as object) !== null;
}

export function Contents({ x }: { x: Context }) {
  const shown = ([id]: [keyof Model, string]) =>
    id === 'findings' ||
    hasSection(x, id) ||
    (id !== 'events' && id !== 'onsets' && isUnsupported(x.model[id]));
  const there = [...MAIN.filter(shown), ...OTHERS.filter(([id]) => hasSection(x, id))];
  const entries: [string, string][] = [
    ...there,
    ['coverage', 'Not covered'],
    ['data', 'Appendix A: data'],
    ['methods', 'Appendix B: methods'],
  ];
  return (
    <nav class="contents" aria-label="Contents">
      <h2>Contents</h2>
      <ol>
        {entries.map(([id, title]) => (
          <li>
            <a href={`#${id}`}>{title}</a>
          </li>
        ))}
      </ol>
    </nav>
  );
}
