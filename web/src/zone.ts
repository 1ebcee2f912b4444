// SPDX-License-Identifier: Apache-2.0
// The study's zone with its own history (Pyongyang was at UTC+08:30 in 2017), from the reader's
// browser. Charts take local times as if they were UTC, since their axes know only UTC.

import { offset } from './format';
import { lang, t } from './lang';
import { visible } from './text';

const DAY_MS = 86_400_000;
const MONTHS =
  'January February March April May June July August September October November December';
const month = (i: number) => MONTHS.split(' ')[i] ?? '';

export class Zone {
  readonly name: string;
  private readonly format: Intl.DateTimeFormat;

  constructor(name: string) {
    let format: Intl.DateTimeFormat;
    try {
      format = Zone.make(name);
    } catch {
      name = 'UTC'; // this browser does not know the zone; every label then says UTC
      format = Zone.make(name);
    }
    this.name = name;
    this.format = format;
  }

  private static make(name: string): Intl.DateTimeFormat {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** UTC milliseconds to local milliseconds as if they were UTC. */
  local(utc: number): number {
    if (!Number.isFinite(utc)) return NaN;
    const part: Record<string, number> = {};
    for (const p of this.format.formatToParts(utc)) part[p.type] = Number(p.value);
    const { year = 1970, month: m = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, m - 1, day, hour, minute, second);
  }

  /** The first moment of a date of the zone, as UTC milliseconds. */
  dayStart(date: string): number {
    const want = Date.parse(`${date}T00:00:00Z`);
    let utc = want;
    for (let i = 0; i < 3; i++) utc += want - this.local(utc);
    return utc;
  }

  /** The window of one date as evidence has it. */
  dayWindow(date: string): { from: string; to: string } {
    const next = new Date(Date.parse(`${date}T00:00:00Z`) + DAY_MS).toISOString().slice(0, 10);
    return { from: stamp(this.dayStart(date)), to: stamp(this.dayStart(next)) };
  }

  offsetMinutes(utc: number): number {
    return Math.round((this.local(utc) - utc) / 60_000);
  }

  /** Asia/Pyongyang (UTC+08:30), or Europe/Berlin (UTC+02:00, later UTC+01:00). */
  label(from: number, to: number): string {
    if (this.name === 'UTC' || !Number.isFinite(from)) return this.name;
    const [first, last] = [from, to].map((t) => offset(this.offsetMinutes(t)));
    return `${this.name} (${first === last ? first : t(`${first}, later ${last}`, `${first}、後に${last}`)})`;
  }
}

/** A date or time of the model, or a number of milliseconds, as RFC 3339 to the second. */
export function stamp(utc: number): string {
  return Number.isFinite(utc) ? new Date(utc).toISOString().replace(/\.000Z$/, 'Z') : '';
}

/** 2017-04-01 as 1 April 2017; anything else comes back as it is. */
export function longDate(date: string): string {
  const m = /^(\d{4})-(\d\d)-(\d\d)$/.exec(date);
  if (m && lang === 'ja') return `${m[1]}年${Number(m[2])}月${Number(m[3])}日`;
  return m ? `${Number(m[3])} ${month(Number(m[2]) - 1)} ${m[1]}` : visible(date, 40);
}

/** 1 April to 6 July 2017 */
export function longRange(from: string, to: string): string {
  if (from === to) return longDate(from);
  if (lang === 'ja') {
    const [a, b] = [longDate(from), longDate(to)];
    return `${a}〜${a.slice(0, 5) === b.slice(0, 5) ? b.slice(5) : b}`;
  }
  const [a, b] = [longDate(from).split(' '), longDate(to).split(' ')];
  if (a.length === 3 && a[2] === b[2]) a.pop();
  if (a.length === 2 && a[1] === b[1]) a.pop();
  return `${a.join(' ')} to ${b.join(' ')}`;
}

/** 2017-04-04T21:00:00.000Z as 2017-04-04 21:00 UTC. */
export function utcTime(time: string | null | undefined): string {
  const ms = Date.parse(time ?? '');
  return Number.isFinite(ms)
    ? `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
    : '–';
}

const WEEKDAYS = t('Sun Mon Tue Wed Thu Fri Sat', '日 月 火 水 木 金 土');

/** Local milliseconds as Tue 4 April 2017, with the hour where asked. */
export function localTime(local: number, hours = true): string {
  const d = new Date(local);
  if (!Number.isFinite(local)) return '–';
  const [name, date] = [WEEKDAYS.split(' ')[d.getUTCDay()], longDate(d.toISOString().slice(0, 10))];
  const day = t(`${name} ${date}`, `${date}（${name}）`);
  return hours ? `${day}${t(', ', ' ')}${d.toISOString().slice(11, 16)}` : day;
}

export function isWeekend(local: number): boolean {
  const day = new Date(local).getUTCDay();
  return day === 0 || day === 6;
}

export { DAY_MS };
