// SPDX-License-Identifier: Apache-2.0
// Does activity telegraph the study's events? Effects by window and by lag, and what could have been
// found. The model's effects are log ratios; the page says what change they stand for.

import { useMemo } from 'preact/hooks';
import { axis, Figure, tip, tooltip, type Canvas, type Option } from '../chart';
import { eventsIn, type Context } from '../context';
import * as format from '../format';
import { given, type Estimate, type EventEffect, type EventTest } from '../model';
import { Interval, Lede, Plain, Section, Table } from '../parts';
import { visible } from '../text';
import { DAY_MS } from '../zone';
import { known, t, textOf } from '../lang';

const inPercent = (e: Estimate) => format.estimate(e, format.change);
const kindOf = (test: EventTest) =>
  test.kind === 'all' ? t('All events', '全ての出来事') : test.kind;
const days = (n: number) => (n > 0 ? `+${n}` : String(n).replace('-', '−'));

interface Api {
  value(i: number): number;
  coord(p: [number, number]): [number, number];
}

/** Where the mean over the events' days lies at each lag when the series is shifted against them: the
 * middle 95% of all circular shifts. Empty where the model has no series. */
function nullBand(x: Context, series: (number | null)[] | undefined, test: EventTest) {
  const n = series?.length ?? 0;
  const lags = test.lags ?? [];
  if (!series || n < 21 || n !== x.dates.length) return [];
  const of = eventsIn(x).filter((e) => test.kind === 'all' || e.kind === test.kind);
  const days = [...new Set(of.map((e) => Math.floor((e.local - x.range[0]) / DAY_MS)))];
  if (!days.length) return [];
  return lags.map((lag) => {
    const means: number[] = [];
    for (let shift = 1; shift < n; shift++) {
      const found = days
        .map((d) => series[(((d + lag.day + shift) % n) + n) % n])
        .filter((v): v is number => typeof v === 'number');
      if (found.length) means.push(found.reduce((a, b) => a + b, 0) / found.length);
    }
    means.sort((a, b) => a - b);
    const at = (p: number) => means[Math.round(p * (means.length - 1))] ?? 0;
    return [at(0.025), at(0.975)].map((v) => Math.expm1(v) * 100) as [number, number];
  });
}

function band(of: [number, number][], c: Canvas): object {
  return {
    id: 'null-band',
    type: 'custom',
    silent: true,
    z: 0,
    data: of.map(([low, high], i) => [i, low, high]),
    encode: { x: 0, y: [1, 2] },
    renderItem: (_: unknown, api: Api & { size(p: [number, number]): [number, number] }) => {
      const [x, y1] = api.coord([api.value(0), api.value(1)]);
      const [, y2] = api.coord([api.value(0), api.value(2)]);
      const width = api.size([1, 0])[0];
      return {
        type: 'rect',
        shape: { x: x - width / 2, y: y2, width, height: y1 - y2 },
        style: { fill: c.t.absent, opacity: 0.3 },
      };
    },
  };
}

function lagOption(test: EventTest, by: [number, number][], c: Canvas): Option {
  const lags = test.lags ?? [];
  return {
    grid: { left: 58, right: 14, top: 12, bottom: 46 },
    xAxis: axis(c, {
      type: 'category',
      data: lags.map((l) => days(l.day)),
      splitLine: { show: false },
      name: t('Days from the event', '出来事からの日数'),
      nameLocation: 'middle',
      nameGap: 27,
    }),
    yAxis: axis(c, {
      type: 'value',
      splitNumber: 4,
      axisLine: { show: false },
      axisLabel: {
        color: c.t.muted,
        fontSize: 12,
        formatter: (n: number) => `${n > 0 ? '+' : ''}${String(n).replace('-', '−')}%`,
      },
    }),
    tooltip: tooltip(c, {
      formatter: (p: { dataIndex: number }) => {
        const lag = lags[p.dataIndex];
        if (!lag) return '';
        const w = inPercent(lag.effect);
        const rows: [string, string][] = [
          [t('Change', '変化'), `${w.value} (${w.range})`],
          ['p', format.probability(lag.p)],
        ];
        if (lag.p_adjusted !== undefined)
          rows.push([t('p over all lags', '全日差でのp値'), format.probability(lag.p_adjusted)]);
        return tip(
          lag.day === 0
            ? t('On the day', '当日')
            : t(`${days(lag.day)} days`, `${days(lag.day)}日`),
          rows,
        );
      },
    }),
    series: [
      ...(by.length ? [band(by, c)] : []),
      {
        type: 'custom',
        id: 'lags',
        data: lags.map((l, i) => {
          const [low, high] = format.ends(l.effect, l.effect.value, l.effect.value);
          const percents = [l.effect.value, low, high].map((n) => Math.expm1(n) * 100);
          return [i, ...percents, l.day === 0 ? 1 : 0];
        }),
        encode: { x: 0, y: [1, 2, 3] },
        renderItem: (_: unknown, api: Api) => {
          const [x, y] = api.coord([api.value(0), api.value(1)]);
          const [, y1] = api.coord([api.value(0), api.value(2)]);
          const [, y2] = api.coord([api.value(0), api.value(3)]);
          const color = api.value(4) ? c.t.event : c.t.accent;
          const line = { type: 'line', shape: { x1: x, x2: x, y1, y2 } };
          return {
            type: 'group',
            children: [
              { ...line, style: { stroke: color, lineWidth: 2 } },
              { type: 'circle', shape: { cx: x, cy: y, r: 4.5 }, style: { fill: color } },
            ],
          };
        },
        markLine: {
          silent: true,
          symbol: 'none',
          label: { show: false },
          lineStyle: { color: c.t.soft, type: 'solid', width: 1 },
          data: [{ yAxis: 0 }],
        },
      },
    ],
  };
}

function LagTable({ test }: { test: EventTest }) {
  return (
    <Table
      label={t('Change by lag', '日差別の変化')}
      rows={test.lags ?? []}
      columns={[
        {
          head: t('Days from the event', '出来事からの日数'),
          number: true,
          cell: (l) => days(l.day),
        },
        {
          head: t('Change', '変化'),
          number: true,
          cell: (l) => <Interval of={l.effect} as={inPercent} />,
        },
        { head: 'p', number: true, cell: (l) => format.probability(l.p) },
        {
          head: t('p over all lags', '全日差でのp値'),
          number: true,
          cell: (l) => format.probability(l.p_adjusted),
        },
      ]}
    />
  );
}

interface LagsProps {
  x: Context;
  series: (number | null)[] | undefined;
  test: EventTest;
  index: number;
}

function Lags({ x, series, test, index }: LagsProps) {
  const by = useMemo(() => nullBand(x, series, test), [test]);
  const option = useMemo(() => (c: Canvas) => lagOption(test, by, c), [test]);
  if (!test.lags?.length) return null;
  return (
    <Figure
      id={`chart-lags-${index}`}
      title={
        <>
          {t('Days around the events', '出来事の前後の日')}{' '}
          {test.kind !== 'all' && (
            <>
              : <Plain text={test.kind} longest={60} />
            </>
          )}
        </>
      }
      label={t(
        'Changes with intervals by days from the event.',
        '出来事からの日数別の変化とその区間。',
      )}
      height={() => 240}
      option={option}
      note={
        t(
          'Change of a day’s activity against what its weekday and trend would give; lines are 95% intervals.',
          '曜日と傾向から見込まれる値に対する各日の活動の変化。線は95%信頼区間である。',
        ) +
        (by.length
          ? t(
              ' Grey: where 95% of all shifts of the series against the events lie.',
              '灰色：系列を出来事に対してシフトした場合の95%が収まる範囲。',
            )
          : '')
      }
      table={<LagTable test={test} />}
    />
  );
}

function Effect({ of }: { of?: EventEffect }) {
  if (!of?.effect) return <span class="muted">–</span>;
  const least = of.test?.draws
    ? t(
        `; no p under ${format.probability(1 / (of.test.draws + 1))} is possible`,
        `；pの最小値は${format.probability(1 / (of.test.draws + 1))}`,
      )
    : '';
  return (
    <>
      <Interval of={of.effect} as={inPercent} />
      {of.test && (
        <small class="under" title={`${visible(known(of.test.method))}${least}`}>
          p {format.probability(of.test.p)}
        </small>
      )}
    </>
  );
}

function Detectable({ of }: { of: EventTest }) {
  const d = of.detectable;
  if (!d || typeof d.effect !== 'number') return <span class="muted">–</span>;
  return (
    <>
      <span
        data-value={d.effect}
        title={t(`log ratio ${format.exact(d.effect)}`, `対数比 ${format.exact(d.effect)}`)}
      >
        {format.change(d.effect)}
      </span>
      <small class="under">
        {typeof d.effect_sd === 'number' && `${d.effect_sd.toFixed(2)} SD, `}{' '}
        {t(
          `with ${format.percent(d.power).replace('.0%', '%')} power`,
          `検出力${format.percent(d.power).replace('.0%', '%')}`,
        )}
      </small>
    </>
  );
}

/** The same question asked in other ways. */
function Sensitivity({ of }: { of: EventTest }) {
  const rows: [string, number | null | undefined][] = [
    [t('The largest of all lags', '全日差のうち最大のもの'), of.any_lag?.p],
    [
      t('Days shuffled instead of shifted', 'シフトの代わりに日を並べ替える'),
      of.sensitivity?.day_shuffle_p,
    ],
    [
      t('Days shuffled within their weekday', '曜日内で日を並べ替える'),
      of.sensitivity?.weekday_shuffle_p,
    ],
    ...(of.dates_moved ?? []).map((m): [string, number] => [
      m.days < 0
        ? t('Every event a day earlier', '全ての出来事が一日早い')
        : t('Every event a day later', '全ての出来事が一日遅い'),
      m.p,
    ]),
  ];
  const known = rows.filter(([, p]) => typeof p === 'number');
  if (!known.length && of.equivalence == null) return null;
  return (
    <details class="behind">
      <summary>
        {t('Asked in other ways', '別の方法による検定')}{' '}
        {of.kind !== 'all' && (
          <>
            : <Plain text={of.kind} longest={60} />
          </>
        )}
      </summary>
      <Table
        label={t('Sensitivity', '感度')}
        rows={known}
        columns={[
          { head: t('On the day, if', '当日、次の条件の場合'), cell: ([name]) => name },
          { head: 'p', number: true, cell: ([, p]) => format.probability(p) },
        ]}
      />
      {of.equivalence != null && (
        <p class="note">
          {t(
            `Changes beyond ${format.change(-Math.abs(of.equivalence))} or ${format.change(Math.abs(of.equivalence))} on the events’ days can be ruled out.`,
            `出来事の当日における${format.change(-Math.abs(of.equivalence))}または${format.change(Math.abs(of.equivalence))}を超える変化は否定できる。`,
          )}
        </p>
      )}
      {of.uncertain_dates ? (
        <p class="note">
          {format.plural(
            of.uncertain_dates,
            'event has a date known only to a day.',
            'events have dates known only to a day.',
            '出来事{n}件の日付は日単位でしか分からない。',
          )}
        </p>
      ) : null}
    </details>
  );
}

/** The finding's own words, which are there in every language. */
function saidOf(x: Context): unknown {
  const finding = given(x.model.findings)?.find((f) => f.id === 'events' && f.text);
  return finding ? textOf(finding, 'statement') : null;
}

export function EventsSection({ x }: { x: Context }) {
  const events = given(x.model.events);
  if (!events) return null;
  const tests = events.tests ?? [];
  return (
    <Section id="events" title={t('Events', '出来事')}>
      {events.verdict && (
        <Lede>
          <Plain text={saidOf(x) ?? events.verdict} longest={2000} />
        </Lede>
      )}
      {tests.length > 0 && (
        <Table
          label={t('Events and activity', '出来事と活動')}
          id="events-table"
          rows={tests}
          columns={[
            {
              head: t('Events', '出来事'),
              class: 'name',
              cell: (t) => <Plain text={kindOf(t)} longest={60} />,
            },
            { head: t('Days with one', '該当日数'), number: true, cell: (t) => t.n },
            {
              head: t('Week before', '前の週'),
              number: true,
              cell: (t) => <Effect of={t.before} />,
            },
            { head: t('On the day', '当日'), number: true, cell: (t) => <Effect of={t.on} /> },
            {
              head: t('Three days after', '後の3日'),
              number: true,
              cell: (t) => <Effect of={t.after} />,
            },
            {
              head: t('Smallest change that would be found', '検出できる最小の変化'),
              number: true,
              cell: (t) => <Detectable of={t} />,
            },
          ]}
        />
      )}
      {tests.map((t, i) => (
        <>
          <Lags x={x} series={events.series} test={t} index={i} />
          <Sensitivity of={t} />
        </>
      ))}
    </Section>
  );
}
