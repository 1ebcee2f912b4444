// SPDX-License-Identifier: Apache-2.0
// What every chart over the study's period shares: its axis in local time, the completeness of the
// data under it, grey where there is none, and the study's events.

import { axis, type Canvas } from './chart';
import { eventsIn, type Context } from './context';
import { DAY_MS, longDate } from './zone';
import { lang, t } from './lang';

interface Api {
  value(i: number): number;
  coord(p: [number, number]): [number, number];
  size(p: [number, number]): [number, number];
}

interface Frame {
  coordSys: { x: number; y: number; width: number; height: number };
}

const WHOLE = 0.995;

const midnight = (date: string) => Date.parse(`${date}T00:00:00Z`);

export function timeAxis(x: Context, c: Canvas, extra: object = {}): object {
  return axis(c, {
    type: 'time',
    containShape: false,
    min: x.range[0],
    max: x.range[1],
    splitLine: { show: false },
    axisTick: { show: true, length: 4, lineStyle: { color: c.t.rule } },
    axisLabel: {
      color: c.t.muted,
      fontSize: 12,
      fontFamily: c.t.font,
      hideOverlap: true,
    },
    ...extra,
  });
}

const HOUR_MS = 3_600_000;
const STEPS = [1, 3, 6, 12, 24, 48, 168, 336, 672].map((hours) => hours * HOUR_MS);
const LABEL_PIXELS = 62;

/** Labels of a time axis between two local times: hours, days, the same weekday, or months. `shift`
 * puts them under the middle of what they name. */
export function timeTicks(
  x: Context,
  c: Canvas,
  from: number,
  to: number,
  plot: number,
  shift = 0,
) {
  const room = Math.max(2, Math.floor(plot / LABEL_PIXELS));
  const least = shift ? DAY_MS : HOUR_MS;
  const step = STEPS.find((s) => s >= least && (to - from) / s <= room);
  const first = x.range[0];
  const values: number[] = [];
  if (step)
    for (let t = first + Math.ceil((from - first) / step) * step; t + shift <= to; t += step)
      values.push(t + shift);
  const customValues = step ? values : monthStarts(from, to, room).map((t) => t + shift);
  const formatter = (t0: number) => {
    const time = new Date(t0 - shift).toISOString();
    const [day, month = '', year = ''] = longDate(time.slice(0, 10)).split(' ');
    if (time.slice(11, 16) !== '00:00') return time.slice(11, 16);
    if (lang === 'ja') {
      const d = new Date(t0 - shift);
      return !step && d.getUTCMonth() === 0
        ? `${d.getUTCFullYear()}年`
        : `${d.getUTCMonth() + 1}/${d.getUTCDate()}`;
    }
    return !step && month === 'January' ? year : `${day} ${month.slice(0, 3)}`;
  };
  return {
    axisTick: { show: true, length: 4, lineStyle: { color: c.t.rule }, customValues },
    axisLabel: { color: c.t.muted, fontSize: 12, hideOverlap: true, customValues, formatter },
  };
}

function monthStarts(from: number, to: number, room: number): number[] {
  const all: number[] = [];
  const d = new Date(from);
  for (let m = d.getUTCMonth(); ; m++) {
    const t = Date.UTC(d.getUTCFullYear(), m, 1);
    if (t > to) break;
    if (t >= from) all.push(t);
  }
  const every = [1, 2, 3, 6, 12, 24, 60].find((n) => all.length / n <= room) ?? 120;
  return all.filter((t) => {
    const at = new Date(t);
    return (at.getUTCFullYear() * 12 + at.getUTCMonth()) % every === 0;
  });
}

/** Completeness of each day: the cell's filled part is the day's fidelity score. */
export function fidelityStrip(x: Context, c: Canvas, gridIndex: number): object {
  const dates = x.fidelity.size ? x.dates : [];
  const data = dates.map((date) => [midnight(date), x.fidelity.get(date)?.score ?? 0]);
  return {
    id: 'fidelity',
    type: 'custom',
    silent: true,
    xAxisIndex: gridIndex,
    yAxisIndex: gridIndex,
    clip: true,
    data,
    encode: { x: 0, y: 1 },
    renderItem: (frame: Frame, api: Api) => {
      const { y, height } = frame.coordSys;
      const left = api.coord([api.value(0), 0])[0];
      const right = api.coord([api.value(0) + DAY_MS, 0])[0];
      const width = Math.max(0.5, right - left - (right - left > 4 ? 1 : 0));
      const score = Math.max(0, Math.min(1, api.value(1)));
      const part = (top: number, tall: number, fill: string) => ({
        type: 'rect',
        shape: { x: left, y: top, width, height: tall },
        style: { fill },
      });
      const filled = score >= WHOLE ? height : Math.round(height * score);
      const children = [part(y + height - filled, filled, c.t.tint)];
      if (filled < height) children.push(part(y, height - filled, c.t.absent));
      return { type: 'group', children };
    },
  };
}

/** Grey behind the plot on the days that carry no data or too little to be used. */
export function absentDays(x: Context, c: Canvas, gridIndex: number): object {
  const bad = x.dates.filter((date) => {
    const day = x.fidelity.get(date);
    return day && (day.used === false || day.hours_with_data === 0);
  });
  return {
    type: 'custom',
    silent: true,
    z: 0,
    xAxisIndex: gridIndex,
    yAxisIndex: gridIndex,
    clip: true,
    data: bad.map((date) => [midnight(date), 0]),
    encode: { x: 0, y: 1 },
    renderItem: (frame: Frame, api: Api) => {
      const left = api.coord([api.value(0), 0])[0];
      const right = api.coord([api.value(0) + DAY_MS, 0])[0];
      const { y, height } = frame.coordSys;
      return {
        type: 'rect',
        shape: { x: left, y, width: right - left, height },
        style: { fill: c.t.absent, opacity: 0.35 },
      };
    },
  };
}

const FLAG = 17; // a numbered flag's height, and the width of a short one
const ROWS = 3; // more rows than this and near events share a flag
const DIGIT = 7;

interface Flag {
  at: number; // local time of its middle
  row: number;
  text: string;
}

const flagWidth = (text: string) => FLAG + Math.max(0, text.length - 2) * DIGIT;

/** Flags that do not cover each other, the lowest row first. */
function flagsFor(x: Context, plotWidth: number): Flag[] {
  const perPixel = (x.range[1] - x.range[0]) / Math.max(1, plotWidth);
  const events = eventsIn(x);
  const ends: number[] = [];
  const apart = events.map((e) => {
    const at = e.local / perPixel;
    let row = ends.findIndex((end) => at - end > FLAG + 3);
    if (row < 0) row = ends.length;
    ends[row] = at;
    return { at: e.local, row, text: String(e.number) };
  });
  if (ends.length <= ROWS) return apart;
  const groups: (typeof events)[] = [];
  for (const e of events) {
    const last = groups[groups.length - 1];
    const near = last?.[0] && (e.local - last[0].local) / perPixel < 4 * FLAG;
    if (near) last.push(e);
    else groups.push([e]);
  }
  return groups.map((g) => {
    const [first, last] = [g[0], g[g.length - 1]];
    const numbers = [first?.number, ...(g.length > 1 ? [last?.number] : [])];
    return {
      at: ((first?.local ?? 0) + (last?.local ?? 0)) / 2,
      row: 0,
      text: numbers.join('–'),
    };
  });
}

export function eventRows(x: Context, plotWidth: number): number {
  return 1 + Math.max(-1, ...flagsFor(x, plotWidth).map((f) => f.row));
}

function flagShape(x: number, top: number, text: string, c: Canvas): object[] {
  const width = flagWidth(text);
  return [
    {
      type: 'rect',
      shape: { x: x - width / 2, y: top, width, height: FLAG, r: 3 },
      style: { fill: c.t.event },
    },
    {
      type: 'text',
      style: {
        x,
        y: top + FLAG / 2 + 0.5,
        text,
        fill: c.t.paper,
        font: `600 11px ${c.t.font}`,
        align: 'center',
        verticalAlign: 'middle',
      },
    },
  ];
}

/** A line at each event, a band as wide as its time is uncertain, and flags with their numbers. */
export function eventMarks(x: Context, c: Canvas, gridIndex: number, plotWidth: number): object[] {
  const flags = flagsFor(x, plotWidth);
  const base = {
    type: 'custom',
    silent: true,
    xAxisIndex: gridIndex,
    yAxisIndex: gridIndex,
    clip: false,
    encode: { x: 0, y: 1 },
  };
  const lines = {
    ...base,
    id: 'events',
    z: 6,
    data: eventsIn(x).map((e) => [e.local, 0, (e.uncertainty_s ?? 0) * 1000]),
    renderItem: (frame: Frame, api: Api) => {
      const { x: left, y, width, height } = frame.coordSys;
      const at = api.coord([api.value(0), 0])[0];
      const half = at - api.coord([api.value(0) - api.value(2), 0])[0];
      const a = Math.max(left, at - half);
      const b = Math.min(left + width, at + half);
      return {
        type: 'group',
        children: [
          {
            type: 'rect',
            shape: { x: a, y, width: Math.max(0, b - a), height },
            style: { fill: c.t.event, opacity: 0.12 },
          },
          {
            type: 'line',
            shape: { x1: at, x2: at, y1: y - 4, y2: y + height },
            style: { stroke: c.t.event, lineWidth: 1, lineDash: [3, 3] },
          },
        ],
      };
    },
  };
  const numbers = {
    ...base,
    id: 'event-flags',
    z: 7,
    data: flags.map((f, i) => [f.at, 0, f.row, i]),
    renderItem: (frame: Frame, api: Api) => {
      const at = api.coord([api.value(0), 0])[0];
      const top = frame.coordSys.y - 2 - (api.value(2) + 1) * (FLAG + 2);
      const stem = { x1: at, x2: at, y1: top + FLAG, y2: frame.coordSys.y };
      const line = { type: 'line', shape: stem, style: { stroke: c.t.event, lineDash: [3, 3] } };
      const flag = flagShape(at, top, flags[api.value(3)]?.text ?? '', c);
      return { type: 'group', children: api.value(2) > 0 ? [line, ...flag] : flag };
    },
  };
  return [lines, numbers];
}

export function FidelityKey({ x }: { x: Context }) {
  if (!x.fidelity.size)
    return (
      <>
        {t(
          'Completeness by day is not known for this study.',
          'この調査では日別の完全性は分からない。',
        )}
      </>
    );
  return (
    <>
      {' '}
      {t(
        'Strip below the chart: completeness of the data, day by day',
        '図の下の帯：日別のデータの完全性',
      )}{' '}
      <span class="key">
        <i class="key-whole" aria-hidden="true" /> {t('complete', '完全')}{' '}
        <i class="key-part" aria-hidden="true" />
        {t('in part', '一部')}
        <i class="key-none" aria-hidden="true" /> {t('none', 'なし')}
      </span>
    </>
  );
}

/** The events by their numbers, under the first chart that shows them. */
export { eventsIn };
