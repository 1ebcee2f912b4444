// SPDX-License-Identifier: Apache-2.0
// When the population is awake: weekday by hour, the busy interval, weekdays in order.

import { useMemo } from 'preact/hooks';
import {
  axis,
  endLabels,
  Figure,
  fit,
  tip,
  tooltip,
  type Canvas,
  type Mark,
  type Option,
} from '../chart';
import type { Context } from '../context';
import * as format from '../format';
import { given, isUnsupported, type Busy, type Rhythm } from '../model';
import { Interval, Plain, Quiet, Say, Section, Table } from '../parts';
import { visible } from '../text';
import { whiskers } from '../whisker';
import { known, t } from '../lang';

const DAYS = [
  t('Monday', '月曜日'),
  t('Tuesday', '火曜日'),
  t('Wednesday', '水曜日'),
  t('Thursday', '木曜日'),
  t('Friday', '金曜日'),
  t('Saturday', '土曜日'),
  t('Sunday', '日曜日'),
];
const mean = (n: number | null | undefined) =>
  n == null ? '–' : format.count(Math.round(n * 10) / 10);
const hours = (h: number) => `${format.hour(h)}–${format.hour(h + 1)}`;

interface Api {
  value(i: number): number;
  coord(p: [number, number]): [number, number];
}

function cells(rhythm: Rhythm, max: number, c: Canvas): object {
  const data = rhythm.matrix.flatMap((row, day) => row.map((n, h) => [h, day, n ?? -1]));
  return {
    id: 'matrix',
    type: 'custom',
    data,
    encode: { x: 0, y: 1 },
    renderItem: (_: unknown, api: Api) => {
      const [x0, y0] = api.coord([api.value(0), api.value(1)]);
      const [x1, y1] = api.coord([api.value(0) + 1, api.value(1) + 1]);
      const gap = x1 - x0 > 16 ? 1 : 0.5;
      const shape = {
        x: x0 + gap,
        y: y0 + gap,
        width: x1 - x0 - 2 * gap,
        height: y1 - y0 - 2 * gap,
      };
      return {
        type: 'rect',
        shape: { ...shape, r: 2 },
        style: { fill: rampColour(api.value(2), max, c), ...(api.value(2) < 0 ? noData(c) : {}) },
        emphasis: { style: { stroke: c.t.ink, lineWidth: 1.5 } },
      };
    },
  };
}

/** A cell for which no day has data: empty, with an outline. */
const noData = (c: Canvas) => ({ fill: 'transparent', stroke: c.t.hair, lineWidth: 1 });

function rampColour(n: number, max: number, c: Canvas): string {
  const steps = c.t.ramp.length;
  if (!(max > 0)) return c.t.ramp[0] ?? '';
  const step = Math.min(steps - 1, Math.floor((n / max) * steps));
  return c.t.ramp[Math.max(0, step)] ?? '';
}

/** The busy interval as an outline over the weekdays that it was found on. */
function outline(busy: Busy, c: Canvas): object {
  const days = busy.days?.includes(t('Friday', '金曜日')) || !busy.days ? 5 : 7;
  return {
    type: 'custom',
    silent: true,
    z: 8,
    data: [[busy.from_hour, busy.to_hour, days]],
    encode: { x: [0, 1] },
    renderItem: (_: unknown, api: Api) => {
      const [x0, y0] = api.coord([api.value(0), 0]);
      const [x1, y1] = api.coord([api.value(1), api.value(2)]);
      return {
        type: 'rect',
        shape: { x: x0, y: y0, width: x1 - x0, height: y1 - y0, r: 3 },
        style: { fill: 'transparent', stroke: c.t.event, lineWidth: 2 },
      };
    },
  };
}

function matrixOption(x: Context, rhythm: Rhythm, c: Canvas): Option {
  const max = Math.max(0, ...rhythm.matrix.flat().map((n) => n ?? 0));
  const busy = given(rhythm.busy);
  const mark = usage(x);
  return {
    grid: { left: c.narrow ? 40 : 92, right: 12, top: 6, bottom: 46 },
    xAxis: axis(c, {
      type: 'value',
      min: 0,
      max: 24,
      interval: c.narrow ? 6 : 3,
      splitLine: { show: false },
      axisLabel: { color: c.t.muted, fontSize: 12, formatter: format.hour },
      name: t(`Hour of day in ${x.zoneLabel}`, `時刻（${x.zoneLabel}）`),
      nameLocation: 'middle',
      nameGap: 27,
    }),
    yAxis: axis(c, {
      type: 'value',
      inverse: true,
      min: 0,
      max: 7,
      interval: 1,
      splitLine: { show: false },
      axisLine: { show: false },
      axisLabel: {
        show: false,
      },
    }),
    title: DAYS.map((day, i) => ({
      text: c.narrow ? day.slice(0, 3) : day,
      left: 0,
      top: 6 + ((matrixHeight(c) - 52) / 7) * (i + 0.5) - 11,
      padding: 2,
      textStyle: { color: c.t.ink, fontSize: 12.5, fontWeight: 'normal', fontFamily: c.t.font },
    })),
    tooltip: tooltip(c, {
      formatter: (p: { data: [number, number, number] }) => {
        const [h, day, n] = p.data;
        const rows: [string, string][] = [
          [t('Mean an hour', '一時間平均'), n < 0 ? 'no data' : mean(n)],
        ];
        return tip(`${DAYS[day]}, ${hours(h)}`, rows, mark);
      },
    }),
    series: [cells(rhythm, max, c), ...(busy ? [outline(busy, c)] : [])],
  };
}

const matrixHeight = ({ narrow }: { narrow: boolean }) => (narrow ? 232 : 290);

/** All of use: the filter has no hours of day, so a cell's evidence is the section's. */
function usage(x: Context): Mark | null {
  return given(x.model.activity)?.evidence ?? null;
}

function Ramp({ max }: { max: number }) {
  return (
    <p class="ramp" aria-hidden="true">
      <span>0</span>
      {[0, 1, 2, 3, 4, 5, 6].map((i) => (
        <i class={`ramp-${i}`} />
      ))}
      <span>{t(`${mean(max)} an hour`, `毎時${mean(max)}`)}</span>
    </p>
  );
}

function MatrixTable({ rhythm }: { rhythm: Rhythm }) {
  return (
    <Table
      label={t('Mean an hour by weekday and hour', '曜日と時刻別の一時間平均')}
      id="matrix-table"
      rows={rhythm.matrix.map((row, day) => ({ day, row }))}
      columns={[
        { head: t('Day', '日'), cell: (r) => DAYS[r.day] },
        ...Array.from({ length: 24 }, (_, h) => ({
          head: String(h).padStart(2, '0'),
          number: true,
          cell: (r: { row: (number | null)[] }) => (
            <span data-value={r.row[h] ?? undefined}>{mean(r.row[h])}</span>
          ),
        })),
      ]}
    />
  );
}

function Matrix({ x, rhythm }: { x: Context; rhythm: Rhythm }) {
  const option = useMemo(() => (c: Canvas) => matrixOption(x, rhythm, c), [rhythm]);
  const max = Math.max(0, ...rhythm.matrix.flat().map((n) => n ?? 0));
  return (
    <Figure
      id="chart-matrix"
      title={t('Weekday by hour', '曜日と時刻')}
      label={t(
        `Heat map of mean ${x.unit} an hour by weekday and hour of ${x.zoneLabel}.`,
        `曜日と時刻別の一時間平均の${x.unit}の分布図（${x.zoneLabel}）。`,
      )}
      height={matrixHeight}
      option={option}
      legend={<Ramp max={max} />}
      mark={() => usage(x)}
      note={
        given(rhythm.busy) ? t('Outlined: the busy interval.', '枠は活動の多い時間帯。') : undefined
      }
      table={<MatrixTable rhythm={rhythm} />}
    />
  );
}

function profileOption(x: Context, rhythm: Rhythm, c: Canvas): Option {
  const busy = given(rhythm.busy);
  const line = (values: number[], id: string, color: string, dash: number[] | 'solid') => ({
    id,
    type: 'line',
    step: 'end',
    symbol: 'none',
    lineStyle: { width: 2, color, type: dash },
    data: [...values.map((n, i) => [i / 2, n]), [24, values[values.length - 1]]],
    endLabel: { show: false },
  });
  const band = busy && {
    silent: true,
    itemStyle: { color: c.t.event, opacity: 0.1 },
    data: [[{ xAxis: busy.from_hour }, { xAxis: busy.to_hour }]],
  };
  const { workdays = [], weekend = [] } = rhythm.profile ?? {};
  return {
    grid: { left: 54, right: 14, top: 12, bottom: 46 },
    xAxis: axis(c, {
      type: 'value',
      min: 0,
      max: 24,
      interval: c.narrow ? 6 : 3,
      splitLine: { show: false },
      axisLabel: { color: c.t.muted, fontSize: 12, formatter: format.hour },
      name: t(`Time of day in ${x.zoneLabel}`, `時刻（${x.zoneLabel}）`),
      nameLocation: 'middle',
      nameGap: 27,
    }),
    yAxis: axis(c, {
      type: 'value',
      min: 0,
      splitNumber: 3,
      axisLine: { show: false },
      axisLabel: { color: c.t.muted, fontSize: 12, formatter: format.brief },
    }),
    tooltip: tooltip(c, {
      trigger: 'axis',
      axisPointer: { type: 'line', lineStyle: { color: c.t.muted } },
      formatter: (ps: { dataIndex: number }[]) => {
        const i = Math.min(47, ps[0]?.dataIndex ?? 0);
        const rows: [string, string][] = [
          [t('Monday to Friday', '月曜から金曜'), mean(workdays[i])],
          [t('Saturday, Sunday', '土曜、日曜'), mean(weekend[i])],
        ];
        return tip(`${format.hour(i / 2)} to ${format.hour(i / 2 + 0.5)}`, rows, usage(x));
      },
    }),
    series: [
      { ...line(workdays, 'workdays', c.t.accent, 'solid'), ...(band ? { markArea: band } : {}) },
      line(weekend, 'weekend', c.t.muted, [5, 4]),
    ],
  };
}

function Profile({ x, rhythm }: { x: Context; rhythm: Rhythm }) {
  const option = useMemo(() => (c: Canvas) => profileOption(x, rhythm, c), [rhythm]);
  const profile = rhythm.profile;
  if (!profile?.workdays?.length) return null;
  return (
    <Figure
      id="chart-profile"
      markAt={() => usage(x)}
      title={t('Through the day', '一日の推移')}
      label={t(
        'Lines: the mean in each half hour of the day, weekdays and weekends apart.',
        '線：一日の半時間ごとの平均、平日と週末を別に示す。',
      )}
      height={({ narrow }) => (narrow ? 210 : 240)}
      option={option}
      legend={
        <p class="lines">
          <i class="line-solid" aria-hidden="true" /> Monday to Friday{' '}
          <i class="line-dash" aria-hidden="true" />
          {t('Saturday, Sunday', '土曜、日曜')}
        </p>
      }
      note={
        t(`Mean ${x.unit} in each half hour.`, `半時間ごとの平均の${x.unit}。`) +
        (given(rhythm.busy)
          ? t(' Shaded: the busy interval.', '網掛けは活動の多い時間帯である。')
          : '')
      }
      table={
        <Table
          label={t('Mean by half hour', '半時間ごとの平均')}
          rows={profile.workdays.map((n, i) => ({ i, n, w: profile.weekend?.[i] }))}
          columns={[
            { head: t('From', '開始'), cell: (r) => format.hour(r.i / 2) },
            { head: t('Monday to Friday', '月曜から金曜'), number: true, cell: (r) => mean(r.n) },
            { head: t('Saturday, Sunday', '土曜、日曜'), number: true, cell: (r) => mean(r.w) },
          ]}
        />
      }
    />
  );
}

/** Weekdays that any day of the study has data for. */
function knownWeekdays(rhythm: Rhythm) {
  return rhythm.weekdays.flatMap((r) => (r.mean ? [{ ...r, mean: r.mean }] : []));
}

function weekdaysOption(x: Context, rhythm: Rhythm, c: Canvas): Option {
  const rows = knownWeekdays(rhythm);
  const worded = rows.map((r) => format.estimate(r.mean));
  return {
    grid: { left: 92, right: c.narrow ? 64 : 170, top: 6, bottom: 30 },
    xAxis: axis(c, {
      type: 'value',
      min: 0,
      splitNumber: c.narrow ? 3 : 5,
      axisLine: { show: false },
      axisLabel: { color: c.t.muted, fontSize: 12, formatter: format.brief },
    }),
    yAxis: axis(c, {
      type: 'category',
      inverse: true,
      splitLine: { show: false },
      data: rows.map((r) => fit(r.day, 84)),
      axisLabel: { color: c.t.ink, fontSize: 12.5, interval: 0 },
    }),
    tooltip: tooltip(c, {
      formatter: (p: { dataIndex: number }) => {
        const r = rows[p.dataIndex];
        if (!r) return '';
        const w = format.estimate(r.mean);
        const about: [string, string][] = [
          [t('Mean a day', '一日平均'), w.value],
          [t('95% interval', '95%信頼区間'), w.range],
          [t('Days', '日数'), format.exact(r.days)],
        ];
        return tip(r.day, about, usage(x));
      },
    }),
    series: [
      {
        id: 'weekdays',
        type: 'bar',
        barWidth: 13,
        data: rows.map((r) => r.mean.value),
        itemStyle: { color: c.t.fill },
        emphasis: { itemStyle: { color: c.t.ink } },
      },
      whiskers(
        rows.map((r, i) => [...format.ends(r.mean, 0, r.mean.value * 2), i]),
        c,
      ),
      endLabels(
        worded,
        rows.map((r, i) => [format.ends(r.mean, 0, r.mean.value * 2)[1], i]),
        c,
      ),
    ],
  };
}

function Weekdays({ x, rhythm }: { x: Context; rhythm: Rhythm }) {
  const option = useMemo(() => (c: Canvas) => weekdaysOption(x, rhythm, c), [rhythm]);
  const rows = knownWeekdays(rhythm);
  if (!rows.length) return null;
  return (
    <Figure
      id="chart-weekdays"
      title={t('Weekdays in order', '曜日の順位')}
      label={t(
        `Bar chart with intervals: mean ${x.unit} a day by weekday, highest first.`,
        `区間付きの棒グラフ：曜日別の一日平均の${x.unit}、多い順。`,
      )}
      height={() => 40 + rows.length * 27}
      option={option}
      mark={() => usage(x)}
      note={t(
        `Mean ${x.unit} a day; the lines are 95% intervals.`,
        `一日平均の${x.unit}。線は95%信頼区間である。`,
      )}
      table={
        <Table
          label={t('Weekdays', '曜日')}
          id="weekdays-table"
          rows={rows}
          columns={[
            { head: t('Rank', '順位'), cell: (r) => r.rank },
            {
              head: t('Ranks the data allow', 'データの許す順位'),
              cell: (r) => (r.rank_low && r.rank_high ? `${r.rank_low}–${r.rank_high}` : '–'),
            },
            { head: t('Day', '日'), cell: (r) => <Plain text={r.day} /> },
            { head: t('Days', '日数'), number: true, cell: (r) => r.days ?? '–' },
            {
              head: t('Mean a day', '一日平均'),
              number: true,
              cell: (r) => <Interval of={r.mean} as={(e) => format.estimate(e)} />,
            },
          ]}
        />
      }
    />
  );
}

/** How well the edges are known. */
function edges(busy: Busy): string {
  const { from_low: a, from_high: b, to_low: c, to_high: d } = busy;
  if (a === undefined || b === undefined || c === undefined || d === undefined) return '';
  if (a === b && c === d)
    return t('Both edges hold to the half hour.', '両端とも半時間の単位で確かである。');
  const span = (low: number, high: number) =>
    low === high
      ? t(`at ${format.hour(low)}`, format.hour(low))
      : t(
          `between ${format.hour(low)} and ${format.hour(high)}`,
          `${format.hour(low)}〜${format.hour(high)}`,
        );
  return t(
    `Begins ${span(a, b)}, ends ${span(c, d)}.`,
    `開始は${span(a, b)}、終了は${span(c, d)}。`,
  );
}

function Facts({ rhythm }: { rhythm: Rhythm }) {
  const busy = given(rhythm.busy);
  const cycle = given(rhythm.diurnal);
  const zone = given(rhythm.utc_offset);
  const none = (s: unknown) =>
    isUnsupported(s) ? <Plain text={s.unsupported} longest={600} /> : null;
  return (
    <dl class="facts rhythm-facts">
      <div>
        <dt>{t('Busy interval', '活動の多い時間帯')}</dt>
        <dd>
          {busy ? (
            <>
              {format.hour(busy.from_hour)}–{format.hour(busy.to_hour)}
              <small>
                <Plain text={busy.days} /> {t('. ', '。')} {edges(busy)}
              </small>
              {busy.contrast && (
                <small>
                  <Say
                    en="{n} times as active as the other hours"
                    ja="活動は他の時間帯の{n}倍"
                    n={<Interval of={busy.contrast} as={(e) => format.estimate(e, format.times)} />}
                  />
                </small>
              )}
            </>
          ) : (
            <small>
              {none(rhythm.busy) ??
                t(
                  'No interval of the day can be told as busy.',
                  '活動の多い時間帯は判定できない。',
                )}
            </small>
          )}
        </dd>
      </div>
      <div>
        <dt>{t('Daily cycle', '日周期')}</dt>
        <dd>
          {cycle ? (
            <>
              {format.percent(cycle.strength)}
              <small>
                {t('of the variance of activity', '活動の分散に占める割合')}{' '}
                {cycle.test && (
                  <span title={visible(known(cycle.test.method))}>
                    , p {probabilityOf(cycle.test.p)}
                  </span>
                )}
              </small>
            </>
          ) : (
            <small>{none(rhythm.diurnal) ?? t('Not known.', '不明。')}</small>
          )}
        </dd>
      </div>
      <div>
        <dt>{t('Zone by its traffic', '通信から見た時間帯')}</dt>
        <dd>
          {zone ? (
            <>
              {format.offset(zone.minutes)}
              <small>
                {format.offset(zone.low)} – {format.offset(zone.high)}
                {t('; the study declares ', '；調査の申告値は')}
                {format.offset(zone.declared_minutes)}
              </small>
              {zone.method && (
                <small>
                  {zone.weight && (
                    <>
                      <Plain text={zone.weight} /> evidence:{' '}
                    </>
                  )}
                  <Plain text={zone.method} />
                </small>
              )}
            </>
          ) : (
            <small>{none(rhythm.utc_offset) ?? t('Not known.', '不明。')}</small>
          )}
        </dd>
      </div>
    </dl>
  );
}

function probabilityOf(p: number): string {
  const said = format.probability(p);
  return said.startsWith('<') ? said : `= ${said}`;
}

export function RhythmSection({ x }: { x: Context }) {
  const rhythm = given(x.model.rhythm);
  if (!rhythm)
    return isUnsupported(x.model.rhythm) ? (
      <Section id="rhythm" title={t('Rhythm', '生活リズム')}>
        <Quiet why={x.model.rhythm} />
      </Section>
    ) : null;
  return (
    <Section id="rhythm" title={t('Rhythm', '生活リズム')}>
      <Facts rhythm={rhythm} />
      {rhythm.matrix?.length === 7 && <Matrix x={x} rhythm={rhythm} />}
      <Profile x={x} rhythm={rhythm} />
      <Weekdays x={x} rhythm={rhythm} />
    </Section>
  );
}
