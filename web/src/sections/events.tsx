// SPDX-License-Identifier: Apache-2.0
// Does activity telegraph the study's events? Effects by window and by lag, and what could have been
// found. The model's effects are log ratios; the page says what change they stand for.

import { useMemo } from 'preact/hooks';
import { axis, Figure, tip, tooltip, type Canvas, type Option } from '../chart';
import type { Context } from '../context';
import * as format from '../format';
import { given, type Estimate, type EventEffect, type EventTest } from '../model';
import { Interval, Lede, Plain, Section, Table } from '../parts';
import { visible } from '../text';

const inPercent = (e: Estimate) => format.estimate(e, format.change);
const kindOf = (t: EventTest) => (t.kind === 'all' ? 'All events' : t.kind);
const days = (n: number) => (n > 0 ? `+${n}` : String(n).replace('-', '−'));

interface Api {
  value(i: number): number;
  coord(p: [number, number]): [number, number];
}

function lagOption(test: EventTest, c: Canvas): Option {
  const lags = test.lags ?? [];
  return {
    grid: { left: 58, right: 14, top: 12, bottom: 46 },
    xAxis: axis(c, {
      type: 'category',
      data: lags.map((l) => days(l.day)),
      splitLine: { show: false },
      name: 'Days from the event',
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
          ['Change', `${w.value} (${w.range})`],
          ['p', format.probability(lag.p)],
        ];
        if (lag.p_adjusted !== undefined)
          rows.push(['p over all lags', format.probability(lag.p_adjusted)]);
        return tip(lag.day === 0 ? 'On the day' : `${days(lag.day)} days`, rows);
      },
    }),
    series: [
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
      label="Change by lag"
      rows={test.lags ?? []}
      columns={[
        { head: 'Days from the event', number: true, cell: (l) => days(l.day) },
        {
          head: 'Change',
          number: true,
          cell: (l) => <Interval of={l.effect} as={inPercent} />,
        },
        { head: 'p', number: true, cell: (l) => format.probability(l.p) },
        { head: 'p over all lags', number: true, cell: (l) => format.probability(l.p_adjusted) },
      ]}
    />
  );
}

function Lags({ test, index }: { test: EventTest; index: number }) {
  const option = useMemo(() => (c: Canvas) => lagOption(test, c), [test]);
  if (!test.lags?.length) return null;
  return (
    <Figure
      id={`chart-lags-${index}`}
      title={
        <>
          Days around the events
          {test.kind !== 'all' && (
            <>
              : <Plain text={test.kind} longest={60} />
            </>
          )}
        </>
      }
      label="Changes with intervals by days from the event."
      height={() => 240}
      option={option}
      note="Change of a day’s activity against what its weekday and trend would give; lines are 95% intervals."
      table={<LagTable test={test} />}
    />
  );
}

function Effect({ of }: { of?: EventEffect }) {
  if (!of?.effect) return <span class="muted">–</span>;
  const least = of.test?.draws
    ? `; no p under ${format.probability(1 / (of.test.draws + 1))} is possible`
    : '';
  return (
    <>
      <Interval of={of.effect} as={inPercent} />
      {of.test && (
        <small class="under" title={`${visible(of.test.method)}${least}`}>
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
      <span data-value={d.effect} title={`log ratio ${format.exact(d.effect)}`}>
        {format.change(d.effect)}
      </span>
      <small class="under">
        {typeof d.effect_sd === 'number' && `${d.effect_sd.toFixed(2)} SD, `}with{' '}
        {format.percent(d.power).replace('.0%', '%')} power
      </small>
    </>
  );
}

/** The same question asked in other ways. */
function Sensitivity({ of }: { of: EventTest }) {
  const rows: [string, number | null | undefined][] = [
    ['The largest of all lags', of.any_lag?.p],
    ['Days shuffled instead of shifted', of.sensitivity?.day_shuffle_p],
    ['Days shuffled within their weekday', of.sensitivity?.weekday_shuffle_p],
    ...(of.dates_moved ?? []).map((m): [string, number] => [
      `Every event ${m.days < 0 ? 'a day earlier' : 'a day later'}`,
      m.p,
    ]),
  ];
  const known = rows.filter(([, p]) => typeof p === 'number');
  if (!known.length && of.equivalence == null) return null;
  return (
    <details class="behind">
      <summary>
        Asked in other ways
        {of.kind !== 'all' && (
          <>
            : <Plain text={of.kind} longest={60} />
          </>
        )}
      </summary>
      <Table
        label="Sensitivity"
        rows={known}
        columns={[
          { head: 'On the day, if', cell: ([name]) => name },
          { head: 'p', number: true, cell: ([, p]) => format.probability(p) },
        ]}
      />
      {of.equivalence != null && (
        <p class="note">
          Changes beyond {format.change(-Math.abs(of.equivalence))} or{' '}
          {format.change(Math.abs(of.equivalence))} on the events’ days can be ruled out.
        </p>
      )}
      {of.uncertain_dates ? (
        <p class="note">
          {format.plural(of.uncertain_dates, 'event has a date', 'events have dates')} known only to
          a day.
        </p>
      ) : null}
    </details>
  );
}

export function EventsSection({ x }: { x: Context }) {
  const events = given(x.model.events);
  if (!events) return null;
  const tests = events.tests ?? [];
  return (
    <Section id="events" title="Events">
      {events.verdict && (
        <Lede>
          <Plain text={events.verdict} longest={2000} />
        </Lede>
      )}
      {tests.length > 0 && (
        <Table
          label="Events and activity"
          id="events-table"
          rows={tests}
          columns={[
            { head: 'Events', class: 'name', cell: (t) => <Plain text={kindOf(t)} longest={60} /> },
            { head: 'Days with one', number: true, cell: (t) => t.n },
            { head: 'Week before', number: true, cell: (t) => <Effect of={t.before} /> },
            { head: 'On the day', number: true, cell: (t) => <Effect of={t.on} /> },
            { head: 'Three days after', number: true, cell: (t) => <Effect of={t.after} /> },
            {
              head: 'Smallest change that would be found',
              number: true,
              cell: (t) => <Detectable of={t} />,
            },
          ]}
        />
      )}
      {tests.map((t, i) => (
        <>
          <Lags test={t} index={i} />
          <Sensitivity of={t} />
        </>
      ))}
    </Section>
  );
}
