// SPDX-License-Identifier: Apache-2.0
// Activity by day, and of the first services by hour.

import type { EChartsType } from 'echarts/core';
import { useMemo, useRef, useState } from 'preact/hooks';
import { axis, Figure, fit, tip, tooltip, type Canvas, type Mark, type Option } from '../chart';
import { eventsIn, type Context } from '../context';
import * as format from '../format';
import { given, isUnsupported, type Activity, type ActivityDay, type Service } from '../model';
import { Count, Lede, Plain, Quiet, Say, Section, Table, CommandButton } from '../parts';
import {
  absentDays,
  eventMarks,
  eventRows,
  FidelityKey,
  fidelityStrip,
  timeAxis,
  timeTicks,
} from '../timeline';
import { visible } from '../text';
import { DAY_MS, isWeekend, localTime, longDate, stamp } from '../zone';
import { t } from '../lang';

type Measure = 'flows' | 'octets' | 'packets' | 'local_hosts';
const MEASURES: [Measure, string, (n: number) => string][] = [
  ['flows', t('Conversations', '通信件数'), format.count],
  ['octets', t('Octets', 'オクテット数'), format.octets],
  ['packets', t('Packets', 'パケット数'), format.count],
  ['local_hosts', t('Local hosts', '内部ホスト'), format.count],
];
const midnight = (date: string) => Date.parse(`${date}T00:00:00Z`);

function dayMark(x: Context, activity: Activity, day: ActivityDay): Mark {
  return {
    filter: activity.evidence?.filter ?? '',
    ...x.zone.dayWindow(day.date),
    flows: day.flows,
  };
}

function dayTip(x: Context, activity: Activity, day: ActivityDay): HTMLElement {
  const quality = x.fidelity.get(day.date);
  const rows: [string, string][] = MEASURES.map(([key, name, words]) => [
    name,
    words === format.octets ? words(day[key]) : format.exact(day[key]),
  ]);
  if (quality)
    rows.push([t('Hours with data', 'データのある時間数'), `${quality.hours_with_data} / 24`]);
  for (const e of eventsIn(x))
    if (Math.floor(e.local / DAY_MS) * DAY_MS === midnight(day.date))
      rows.push([`${t('Event', '出来事')} ${e.number}`, fit(e.label, 200)]);
  return tip(localTime(midnight(day.date), false), rows, dayMark(x, activity, day));
}

const LEFT = 54;
const RIGHT = 14;

function dailyOption(x: Context, activity: Activity, measure: Measure, c: Canvas): Option {
  const plot = c.width - LEFT - RIGHT;
  const top = 12 + eventRows(x, plot) * 19;
  const strip = 9;
  const words = measure === 'octets' ? format.octets : format.brief;
  return {
    useUTC: true,
    grid: [
      { left: LEFT, right: RIGHT, top, bottom: 62 },
      { left: LEFT, right: RIGHT, height: strip, bottom: 48 },
    ],
    xAxis: [
      timeAxis(x, c, { gridIndex: 0, axisLabel: { show: false }, axisTick: { show: false } }),
      timeAxis(x, c, {
        gridIndex: 1,
        axisLine: { show: false },
        ...timeTicks(x, c, ...x.range, plot, DAY_MS / 2),
        name: t(`Days of ${x.zoneLabel}`, `日（${x.zoneLabel}）`),
        nameLocation: 'middle',
        nameGap: 27,
      }),
    ],
    yAxis: [
      axis(c, {
        type: 'value',
        gridIndex: 0,
        min: 0,
        splitNumber: 4,
        minInterval: 1,
        axisLine: { show: false },
        axisLabel: { color: c.t.muted, fontSize: 12, formatter: words },
      }),
      { type: 'value', gridIndex: 1, min: 0, max: 1, show: false },
    ],
    tooltip: tooltip(c, {
      trigger: 'item',
      formatter: (p: { dataIndex: number }) => {
        const day = activity.daily[p.dataIndex];
        return day ? dayTip(x, activity, day) : '';
      },
    }),
    series: [
      {
        id: 'daily',
        type: 'bar',
        barMaxWidth: 46,
        barCategoryGap: x.dates.length > 400 ? '0%' : '22%',
        data: activity.daily.map((day) => {
          const t = midnight(day.date);
          const quiet = isWeekend(t) ? { itemStyle: { opacity: 0.55 } } : {};
          return { value: [t + DAY_MS / 2, day[measure]], ...quiet };
        }),
        itemStyle: { color: c.t.fill },
        emphasis: { itemStyle: { color: c.t.ink } },
        cursor: 'pointer',
      },
      absentDays(x, c, 0),
      fidelityStrip(x, c, 1),
      ...eventMarks(x, c, 0, plot),
    ],
  };
}

const KEYS = 24;

function EventKey({ x }: { x: Context }) {
  const events = eventsIn(x);
  if (!events.length) return null;
  const list = (part: typeof events) => (
    <ol class="event-key" aria-label={t('Events on the chart', '図中の出来事')}>
      {part.map((e) => (
        <li title={e.source && visible(e.source)}>
          <span class="flag">{e.number}</span>
          <span>
            <Plain text={e.label} longest={80} />
            <small>
              {e.date_only
                ? longDate(new Date(e.local).toISOString().slice(0, 10))
                : localTime(e.local)}
              {(e.uncertainty_s ?? 0) >= 43_200 && t(', to a day', '、日単位')}
            </small>
          </span>
        </li>
      ))}
    </ol>
  );
  return (
    <>
      {list(events.slice(0, KEYS))}
      {events.length > KEYS && (
        <details class="behind">
          <summary>
            {format.plural(events.length - KEYS, 'more event', 'more events', 'ほか{n}件')}
          </summary>
          {list(events.slice(KEYS))}
        </details>
      )}
    </>
  );
}

function DailyTable({ x, activity }: { x: Context; activity: Activity }) {
  return (
    <Table
      label={t('Activity by day', '日別の活動')}
      id="daily-table"
      rows={activity.daily}
      columns={[
        { head: t('Day', '日'), class: 'nowrap', cell: (d) => localTime(midnight(d.date), false) },
        ...MEASURES.map(([key, name, words]) => ({
          head: name,
          number: true,
          cell: (d: ActivityDay) => (
            <Count n={d[key]} words={words === format.octets ? format.octets : format.exact} />
          ),
        })),
        {
          head: t('Hours with data', 'データのある時間数'),
          number: true,
          cell: (d) => x.fidelity.get(d.date)?.hours_with_data ?? '–',
        },
        {
          head: t('Command', 'コマンド'),
          class: 'screen',
          cell: (d) => <CommandButton evidence={{ ...dayMark(x, activity, d), flows: d.flows }} />,
        },
      ]}
    />
  );
}

function Daily({ x, activity }: { x: Context; activity: Activity }) {
  const [measure, setMeasure] = useState<Measure>('flows');
  const option = useMemo(
    () => (c: Canvas) => dailyOption(x, activity, measure, c),
    [activity, measure],
  );
  const name = MEASURES.find(([key]) => key === measure)?.[1] ?? '';
  return (
    <Figure
      id="chart-daily"
      title={t(`${name} by day`, `日別の${name}`)}
      label={t(
        `Bar chart: ${name.toLowerCase()} on each of ${x.dates.length} days. The table behind it holds the numbers.`,
        `棒グラフ：${x.dates.length}日間の日別の${name}。数値は背後の表にある。`,
      )}
      height={({ width, narrow }) => (narrow ? 280 : Math.min(380, 240 + width * 0.12))}
      option={option}
      mark={(p) => {
        const day = p.seriesId === 'daily' ? activity.daily[p.dataIndex] : undefined;
        return day ? dayMark(x, activity, day) : null;
      }}
      controls={
        <div class="segments" role="group" aria-label={t('Measure', '測る量')}>
          {MEASURES.map(([key, label]) => (
            <button type="button" aria-pressed={key === measure} onClick={() => setMeasure(key)}>
              {label}
            </button>
          ))}
        </div>
      }
      note={
        <>
          {t('Paler bars are Saturdays and Sundays.', '淡い棒は土曜日と日曜日である。')}
          <FidelityKey x={x} />
        </>
      }
      table={<DailyTable x={x} activity={activity} />}
    />
  );
}

/** Local time of each hour of the study. */
function hoursOf(x: Context, activity: Activity): number[] {
  return activity.hourly.map((h) => x.zone.local(Date.parse(h.time)));
}

const SHOWN = 8;

interface Lane {
  name: string;
  values: number[];
  filter: string;
}

function lanesOf(activity: Activity, services: Service[]): Lane[] {
  const hours = activity.hourly.length;
  const all: Lane = {
    name: t('All use', '利用全体'),
    values: activity.hourly.map((h) => h.flows),
    filter: activity.evidence?.filter ?? '',
  };
  const first = services.filter((s) => s.hourly?.length === hours).slice(0, SHOWN);
  return [
    all,
    ...first.map((s) => ({ name: s.name, values: s.hourly ?? [], filter: s.evidence?.filter })),
  ];
}

function laneShape(c: { narrow: boolean }) {
  return c.narrow
    ? { title: 18, plot: 40, gap: 8, left: 4 }
    : { title: 0, plot: 42, gap: 12, left: 142 };
}

function lanesHeight(lanes: number, narrow: boolean): number {
  const s = laneShape({ narrow });
  return 8 + lanes * (s.title + s.plot + s.gap) + 110;
}

const LANES_RIGHT = 50;

/** The labels of the one axis that has them, after a zoom. */
function lanesZoomed(x: Context, lanes: number, from: number, to: number, c: Canvas): Option {
  const plot = c.width - laneShape(c).left - LANES_RIGHT;
  const ticks = timeTicks(x, c, from, to, plot);
  return { xAxis: Array.from({ length: lanes + 1 }, (_, i) => (i === lanes ? ticks : {})) };
}

function lanesOption(x: Context, activity: Activity, lanes: Lane[], c: Canvas): Option {
  const times = hoursOf(x, activity);
  const s = laneShape(c);
  const right = LANES_RIGHT;
  const left = s.left;
  const stripTop = 8 + lanes.length * (s.title + s.plot + s.gap);
  const top = (i: number) => 8 + i * (s.title + s.plot + s.gap) + s.title;
  const grids = lanes.map((_, i) => ({ left, right, top: top(i), height: s.plot }));
  const last = lanes.length;
  const peaks = lanes.map((l) => l.values.reduce((a, b) => Math.max(a, b), 0));
  const text = (extra: object) => ({
    fontFamily: c.t.font,
    fontWeight: 'normal',
    fontSize: 12.5,
    ...extra,
  });
  return {
    useUTC: true,
    title: lanes.flatMap((lane, i) => [
      {
        text: fit(lane.name, c.narrow ? c.width - 90 : left - 14),
        left: 0,
        top: c.narrow ? top(i) - s.title - 2 : top(i) + s.plot - 22,
        padding: 2,
        textStyle: text({ color: c.t.ink, fontWeight: i ? 'normal' : 'bold' }),
      },
      {
        text: format.brief(peaks[i] ?? 0),
        left: c.width - right + 4,
        top: top(i) - 4,
        padding: 2,
        textStyle: text({ color: c.t.muted, fontSize: 11.5 }),
      },
    ]),
    grid: [...grids, { left, right, top: stripTop, height: 9 }],
    xAxis: [
      ...lanes.map((_, i) =>
        timeAxis(x, c, { gridIndex: i, axisLabel: { show: false }, axisTick: { show: false } }),
      ),
      timeAxis(x, c, {
        gridIndex: last,
        axisLine: { show: false },
        ...timeTicks(x, c, ...x.range, c.width - left - right),
        name: t(`Hours of ${x.zoneLabel}`, `時刻（${x.zoneLabel}）`),
        nameLocation: 'middle',
        nameGap: 27,
      }),
    ],
    yAxis: [
      ...lanes.map((_, i) => ({
        type: 'value',
        gridIndex: i,
        min: 0,
        max: Math.max(1, peaks[i] ?? 1),
        show: false,
      })),
      { type: 'value', gridIndex: last, min: 0, max: 1, show: false },
    ],
    dataZoom: zoom(x, c, lanes.length + 1, left, right),
    axisPointer: { link: [{ xAxisIndex: 'all' }] },
    tooltip: tooltip(c, {
      trigger: 'axis',
      axisPointer: { type: 'line', lineStyle: { color: c.t.muted, width: 1 } },
      formatter: (ps: { seriesIndex: number; dataIndex: number }[]) => {
        const at = Math.min(ps[0]?.dataIndex ?? -1, times.length - 1);
        const rows = lanes.map((l): [string, string] => [l.name, format.exact(l.values[at])]);
        return tip(localTime(times[at] ?? NaN), rows, hourMark(activity, lanes[0], at));
      },
    }),
    series: [
      ...lanes.map((lane, i) => ({
        id: `lane-${i}`,
        type: 'line',
        xAxisIndex: i,
        yAxisIndex: i,
        step: 'end',
        symbol: 'none',
        sampling: 'lttb',
        lineStyle: { width: 0.8, color: i ? c.t.accent : c.t.ink },
        areaStyle: { color: i ? c.t.fill : c.t.soft, opacity: 0.32 },
        data: [...lane.values.map((n, k) => [times[k], n]), [x.range[1], lane.values.at(-1)]],
      })),
      ...lanes.map((_, i) => absentDays(x, c, i)),
      fidelityStrip(x, c, last),
    ],
  };
}

function zoom(x: Context, c: Canvas, axes: number, left: number, right: number): object[] {
  if (c.print) return [];
  const all = Array.from({ length: axes }, (_, i) => i);
  const limits = {
    xAxisIndex: all,
    filterMode: 'none',
    minValueSpan: Math.min(DAY_MS, x.range[1] - x.range[0]),
  };
  return [
    {
      type: 'inside',
      zoomOnMouseWheel: 'ctrl',
      moveOnMouseMove: true,
      moveOnMouseWheel: false,
      ...limits,
    },
    {
      type: 'slider',
      bottom: 6,
      height: 24,
      left,
      right,
      brushSelect: false,
      showDetail: false,
      borderColor: c.t.rule,
      backgroundColor: 'transparent',
      fillerColor: c.t.tint,
      handleStyle: { color: c.t.paper, borderColor: c.t.accent },
      moveHandleStyle: { color: c.t.accent, opacity: 0.5 },
      dataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } },
      selectedDataBackground: { lineStyle: { opacity: 0 }, areaStyle: { opacity: 0 } },
      ...limits,
    },
  ];
}

function hourMark(activity: Activity, lane: Lane | undefined, at: number): Mark | null {
  const from = Date.parse(activity.hourly[at]?.time ?? '');
  if (!lane || !Number.isFinite(from)) return null;
  const flows = lane.values[at];
  return { filter: lane.filter ?? '', from: stamp(from), to: stamp(from + 3_600_000), flows };
}

/** By day in the table: 24 times as many rows help nobody; the model holds the hours. */
function LanesTable({ x, activity, lanes }: { x: Context; activity: Activity; lanes: Lane[] }) {
  const rows = useMemo(() => {
    const days = new Map<number, number[]>();
    hoursOf(x, activity).forEach((t, i) => {
      const day = Math.floor(t / DAY_MS) * DAY_MS;
      const sums = days.get(day) ?? lanes.map(() => 0);
      lanes.forEach((l, k) => (sums[k] = (sums[k] ?? 0) + (l.values[i] ?? 0)));
      days.set(day, sums);
    });
    return [...days].map(([day, sums]) => ({ day, sums }));
  }, [activity]);
  return (
    <>
      <p class="note">
        {t(
          'Sums of the hours by day; the report’s JSON holds each hour.',
          '時間別の値を日ごとに合計した。各時間の値は報告書のJSONにある。',
        )}
      </p>
      <Table
        label={t('Hourly activity summed by day', '時間別活動の日別合計')}
        id="lanes-table"
        rows={rows}
        columns={[
          { head: t('Day', '日'), class: 'nowrap', cell: (r) => localTime(r.day, false) },
          ...lanes.map((l, k) => ({
            head: <Plain text={l.name} longest={40} />,
            number: true,
            cell: (r: { sums: number[] }) => <Count n={r.sums[k]} words={format.exact} />,
          })),
        ]}
      />
    </>
  );
}

function Zooms({ x, chart }: { x: Context; chart: { current: EChartsType | null } }) {
  const [from, to] = x.range;
  const show = (days: number) =>
    chart.current?.dispatchAction({
      type: 'dataZoom',
      startValue: days ? Math.max(from, to - days * DAY_MS) : from,
      endValue: to,
    });
  const spans: [string, number][] = [
    [t('Whole period', '全期間'), 0],
    [t('Last 4 weeks', '最後の4週間'), 28],
    [t('Last week', '最後の1週間'), 7],
  ];
  const useful = spans.filter(([, days]) => days < x.dates.length);
  if (useful.length < 2) return null;
  return (
    <div class="segments" role="group" aria-label={t('Part of the period shown', '表示する期間')}>
      {useful.map(([name, days]) => (
        <button type="button" onClick={() => show(days)}>
          {name}
        </button>
      ))}
    </div>
  );
}

function Hourly({ x, activity }: { x: Context; activity: Activity }) {
  const services = given(x.model.services) ?? [];
  const lanes = useMemo(() => lanesOf(activity, services), [activity]);
  const option = useMemo(() => (c: Canvas) => lanesOption(x, activity, lanes, c), [activity]);
  const chart = useRef<EChartsType | null>(null);
  const times = useMemo(() => hoursOf(x, activity), [activity]);
  return (
    <Figure
      id="chart-hourly"
      title={t(
        'Hour by hour: all use and the first services',
        '時間ごとの推移：利用全体と上位のサービス',
      )}
      label={t(
        `Small charts of conversations an hour, one for all use and one for each of ${lanes.length - 1} services.`,
        `一時間当たりの通信件数の小図。利用全体と${lanes.length - 1}個のサービス。`,
      )}
      height={({ narrow, print }) => lanesHeight(lanes.length, narrow) - (print ? 46 : 0)}
      option={option}
      chart={chart}
      zoomed={(from, to, c) => lanesZoomed(x, lanes.length, from, to, c)}
      controls={<Zooms x={x} chart={chart} />}
      markAt={(grid, at) => {
        const hour = times.findLastIndex((t) => t <= at);
        return hour < 0 ? null : hourMark(activity, lanes[grid], hour);
      }}
      note={
        <>
          {t(
            'Conversations an hour. Each row has its own scale: the number at its right is its highest hour.',
            '一時間当たりの通信件数。目盛は行ごとに異なり、右の数値はその最大値である。',
          )}{' '}
          <span class="screen">
            {t(
              'Drag the ends of the bar below it to zoom.',
              '下のバーの両端を動かすと拡大できる。',
            )}
          </span>
          <FidelityKey x={x} />
        </>
      }
      table={<LanesTable x={x} activity={activity} lanes={lanes} />}
    />
  );
}

export function ActivitySection({ x }: { x: Context }) {
  const activity = given(x.model.activity);
  if (!activity)
    return isUnsupported(x.model.activity) ? (
      <Section id="activity" title={t('Activity', '活動')}>
        <Quiet why={x.model.activity} />
      </Section>
    ) : null;
  const daily = activity.daily ?? [];
  const busiest = daily.reduce<ActivityDay | null>(
    (a, d) => (!a || d.flows > a.flows ? d : a),
    null,
  );
  const whole = daily.filter((d) => x.fidelity.get(d.date)?.used !== false);
  const calmest = whole.reduce<ActivityDay | null>(
    (a, d) => (!a || d.flows < a.flows ? d : a),
    null,
  );
  return (
    <Section id="activity" title={t('Activity', '活動')}>
      {busiest && daily.length > 1 && busiest.flows > 0 && (
        <Lede>
          <Say
            en="The busiest day was {day} with {n} conversations{rest}."
            ja="最も活動が多かったのは{day}の{n}件{rest}である。"
            day={localTime(midnight(busiest.date), false)}
            n={<Count n={busiest.flows} />}
            rest={
              calmest && calmest.date !== busiest.date ? (
                <Say
                  en=", the calmest {day} with {n}"
                  ja="、最も少なかったのは{day}の{n}件"
                  day={localTime(midnight(calmest.date), false)}
                  n={<Count n={calmest.flows} />}
                />
              ) : null
            }
          />
        </Lede>
      )}
      <Daily x={x} activity={activity} />
      <EventKey x={x} />
      {activity.hourly?.length > 0 && <Hourly x={x} activity={activity} />}
      {isUnsupported(activity.hourly) && <Quiet why={activity.hourly} />}
    </Section>
  );
}
