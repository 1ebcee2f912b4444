// SPDX-License-Identifier: Apache-2.0
// What several sections need to know of the study.

import { known } from './lang';
import { given, type FidelityDay, type Model, type StudyEvent } from './model';
import { DAY_MS, Zone } from './zone';

export interface Context {
  model: Model;
  zone: Zone;
  /** The zone with its offset at the study's start, for axes. */
  zoneLabel: string;
  /** Dates of the study in order. */
  dates: string[];
  /** First and last moment in local time, as if UTC. */
  range: [number, number];
  fidelity: Map<string, FidelityDay>;
  /** What shares are of: conversations, packets where most telemetry is sampled, or octets. */
  unit: string;
}

const UNITS = ['conversations', 'packets', 'octets'];

const midnight = (date: string) => Date.parse(`${date.slice(0, 10)}T00:00:00Z`);

function datesOf(model: Model): string[] {
  const fidelity = given(model.fidelity)?.days ?? [];
  const daily = given(model.activity)?.daily ?? [];
  const known = (fidelity.length >= daily.length ? fidelity : daily).map((d) => d.date);
  if (known.length) return known;
  const [from, to] = [midnight(model.study.from), midnight(model.study.to)];
  const out: string[] = [];
  for (let t = from; t <= to && out.length < 4000; t += DAY_MS)
    out.push(new Date(t).toISOString().slice(0, 10));
  return out;
}

export function contextOf(model: Model): Context {
  const zone = new Zone(model.study.timezone);
  const dates = datesOf(model);
  const first = midnight(dates[0] ?? model.study.from);
  const last = midnight(dates[dates.length - 1] ?? model.study.to) + DAY_MS;
  const start = Date.parse(model.study.from_time ?? '') || first;
  const end = Date.parse(model.study.to_time ?? '') || last;
  const measure = model.study.measure_used ?? model.study.measure;
  return {
    model,
    zone,
    zoneLabel: zone.label(start, end - 1),
    dates,
    range: [first, last],
    fidelity: new Map((given(model.fidelity)?.days ?? []).map((d) => [d.date, d])),
    unit: known(UNITS.find((u) => u === measure) ?? 'conversations'),
  };
}

/** Events of the study that lie in its period, in order, with their number on charts. */
export function eventsIn(c: Context): (StudyEvent & { local: number; number: number })[] {
  return (c.model.study.events ?? [])
    .map((e) => ({ ...e, local: c.zone.local(Date.parse(e.time)) }))
    .filter((e) => e.local >= c.range[0] && e.local < c.range[1])
    .sort((a, b) => a.local - b.local)
    .map((e, i) => ({ ...e, number: i + 1 }));
}
