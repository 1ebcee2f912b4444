// SPDX-License-Identifier: Apache-2.0
// Numbers as people read them. The exact value goes beside each into a title.

import { lang, t } from './lang';
import type { Estimate } from './model';

const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const precise = new Intl.NumberFormat('en', { maximumSignificantDigits: 17 });
const three = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });

const BIG: [number, string][] =
  lang === 'ja'
    ? [
        [1e12, '兆'],
        [1e8, '億'],
        [1e6, '万'],
      ]
    : [
        [1e12, ' trillion'],
        [1e9, ' billion'],
        [1e6, ' million'],
      ];
const OCTETS = [t('octets', 'オクテット'), 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

const isNumber = (n: unknown): n is number => typeof n === 'number' && Number.isFinite(n);

export function exact(n: number | null | undefined): string {
  return isNumber(n) ? precise.format(n) : t('unknown', '不明');
}

/** 9,876 · 412,345 · 1.23 million */
export function count(n: number | null | undefined): string {
  if (!isNumber(n)) return '–';
  for (const [size, word] of BIG)
    if (Math.abs(n) >= size) return `${three.format(n / (word === '万' ? 1e4 : size))}${word}`;
  return Math.abs(n) < 100 ? three.format(n) : plain.format(n);
}

/** For axes: 0, 500, 20k, 1.5M */
export function brief(n: number): string {
  const steps: [number, string][] = [
    [1e12, 'T'],
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ];
  for (const [size, unit] of steps)
    if (Math.abs(n) >= size) return `${three.format(n / size)}${unit}`;
  return three.format(n);
}

/** 185 GB, in powers of 1,000. */
export function octets(n: number | null | undefined): string {
  if (!isNumber(n)) return '–';
  let step = 0;
  let rest = n;
  while (Math.abs(rest) >= 999.5 && step < OCTETS.length - 1) {
    rest /= 1000;
    step++;
  }
  return `${three.format(rest)} ${OCTETS[step]}`;
}

/** Decimals that a percentage with an interval this wide deserves. */
function decimals(percent: number, width: number): number {
  if (width > 0) if (width > 0) return width >= 30 ? 0 : width >= 0.2 ? 1 : width >= 0.02 ? 2 : 3;
  const size = Math.abs(percent);
  return size === 0 || size >= 1 ? 1 : size >= 0.1 ? 2 : 3;
}

export interface Worded {
  /** 18.3% */
  value: string;
  /** 17.9 to 18.8%; empty where the estimate has no width */
  range: string;
  /** 0.183 (95% interval 0.179 to 0.188) */
  exact: string;
}

/** An estimate that has no value. */
const NOTHING: Worded = { value: '–', range: '', exact: '' };

function inExact(e: Estimate): string {
  const level = isNumber(e.level)
    ? t(`${exact(e.level * 100)}% interval`, `${exact(e.level * 100)}%信頼区間`)
    : t('interval', '区間');
  return `${exact(e.value)} (${level} ${range(e, exact) || t('without width', '幅なし')})`;
}

/** 17.9 to 18.8, at least 17.9, at most 18.8; empty where the estimate has no width. */
function range(e: Estimate, words: (n: number) => string): string {
  if (e.low === null && e.high === null) return t('not bounded', '限界なし');
  if (e.low === null)
    return t(`at most ${words(e.high as number)}`, `${words(e.high as number)}以下`);
  if (e.high === null) return t(`at least ${words(e.low)}`, `${words(e.low)}以上`);
  return e.high > e.low
    ? t(`${words(e.low)} to ${words(e.high)}`, `${words(e.low)}〜${words(e.high)}`)
    : '';
}

/** Where an estimate's whisker goes: to the axis's end where there is no bound. */
export function ends(e: Estimate, least: number, most: number): [number, number] {
  return [e.low ?? least, e.high ?? most];
}

export function share(e: Estimate): Worded {
  if (!isNumber(e.value)) return NOTHING;
  const [low, high] = ends(e, 0, 1);
  const d = decimals(e.value * 100, (high - low) * 100);
  const part = (n: number) => (n * 100).toFixed(d);
  const between = range(e, part);
  return { value: `${part(e.value)}%`, range: between && `${between}%`, exact: inExact(e) };
}

export function percent(n: number | null | undefined): string {
  if (!isNumber(n)) return '–';
  if (n === 0) return '0%';
  return `${(n * 100).toFixed(decimals(n * 100, 0))}%`;
}

/** A mean count with its interval, or a ratio (`times`). */
export function estimate(e: Estimate, words: (n: number) => string = count): Worded {
  if (!isNumber(e.value)) return NOTHING;
  return { value: words(e.value), range: range(e, words), exact: inExact(e) };
}

/** The change that a log ratio stands for: +10.5% */
export function change(logRatio: number): string {
  const percents = Math.expm1(logRatio) * 100;
  const size = Math.abs(percents).toFixed(Math.abs(percents) < 100 ? 1 : 0);
  return Number(size) === 0 ? '0%' : `${percents < 0 ? '−' : '+'}${size}%`;
}

/** 13.3 · 0.67 · 120 */
export function times(n: number): string {
  const size = Math.abs(n);
  return size >= 100 ? plain.format(n) : size >= 10 ? n.toFixed(1) : n.toFixed(2);
}

/** A small expected number: 138 · 2.4 · 0.11 · < 0.01 */
export function few(n: number | null | undefined): string {
  if (!isNumber(n)) return '–';
  return n > 0 && n < 0.01
    ? '< 0.01'
    : n < 10
      ? String(Number(n.toFixed(2)))
      : count(Math.round(n));
}

export function probability(p: number | null | undefined): string {
  if (!isNumber(p)) return '–';
  if (p < 0.0001) return '< 0.0001';
  return p < 0.001 ? p.toFixed(4) : p < 0.1 ? p.toFixed(3) : p.toFixed(2);
}

/** 9.5 is 09:30 */
export function hour(h: number): string {
  const minutes = Math.round(h * 60);
  const pad = (n: number) => String(n).padStart(2, '0');
  return `${pad(Math.floor(minutes / 60))}:${pad(minutes % 60)}`;
}

/** 510 is UTC+08:30 */
export function offset(minutes: number): string {
  const sign = minutes < 0 ? '−' : '+';
  return `UTC${sign}${hour(Math.abs(minutes) / 60)}`;
}

/** `ja` has {n} where the number goes. */ export function plural(
  n: number,
  one: string,
  many = `${one}s`,
  ja = '{n}',
): string {
  return lang === 'ja' ? ja.replace('{n}', count(n)) : `${count(n)} ${n === 1 ? one : many}`;
}
