// SPDX-License-Identifier: Apache-2.0
// Light and dark. style.css holds the colours once; charts read them from there.

import { useEffect, useState } from 'preact/hooks';
import { t } from './lang';

export type Choice = 'auto' | 'light' | 'dark';

export interface Tokens {
  paper: string;
  ink: string;
  soft: string;
  muted: string;
  rule: string;
  hair: string;
  accent: string;
  fill: string;
  tint: string;
  event: string;
  absent: string;
  poor: string;
  land: string;
  ramp: string[];
  font: string;
}

const KEY = 'telltale-theme';
const dark = window.matchMedia('(prefers-color-scheme: dark)');

function stored(): Choice {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'light' || kept === 'dark' ? kept : 'auto';
  } catch {
    return 'auto'; // no storage for this file; the choice lasts as long as the page
  }
}

let choice: Choice = stored();
let printing = false;
const listeners = new Set<() => void>();

function apply(): void {
  const resolved = printing
    ? 'light'
    : choice === 'auto'
      ? dark.matches
        ? 'dark'
        : 'light'
      : choice;
  if (document.documentElement.dataset.theme === resolved) return;
  document.documentElement.dataset.theme = resolved;
  for (const told of listeners) told();
}

export function setTheme(to: Choice): void {
  choice = to;
  try {
    localStorage.setItem(KEY, to);
  } catch {
    // see stored()
  }
  apply();
}

export function setPrinting(on: boolean): void {
  printing = on;
  apply();
}

/** `told` after each change of the colours; returns what ends it. */
export function onTheme(told: () => void): () => void {
  listeners.add(told);
  return () => listeners.delete(told);
}

export function tokens(): Tokens {
  const style = getComputedStyle(document.documentElement);
  const get = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    paper: get('paper'),
    ink: get('ink'),
    soft: get('soft'),
    muted: get('muted'),
    rule: get('rule'),
    hair: get('hair'),
    accent: get('accent'),
    fill: get('fill'),
    tint: get('tint'),
    event: get('event'),
    absent: get('absent'),
    poor: get('poor'),
    land: get('land'),
    ramp: [0, 1, 2, 3, 4, 5, 6].map((i) => get(`ramp-${i}`)),
    font: get('sans'),
  };
}

export function startTheme(): void {
  dark.addEventListener('change', apply);
  apply();
}

const NEXT: Record<Choice, Choice> = { auto: 'light', light: 'dark', dark: 'auto' };
const WORDS: Record<Choice, string> = {
  auto: t('Auto', '自動'),
  light: t('Light', '明'),
  dark: t('Dark', '暗'),
};

export function ThemeButton() {
  const [now, setNow] = useState<Choice>(choice);
  useEffect(() => setTheme(now), [now]);
  return (
    <button
      type="button"
      class="theme"
      title={t('Colours: as the system says, light, or dark', '配色：システムに従う、明るい、暗い')}
      onClick={() => setNow(NEXT[now])}
    >
      <span class="theme-disc" aria-hidden="true" /> {WORDS[now]}
    </button>
  );
}
