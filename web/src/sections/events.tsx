// SPDX-License-Identifier: Apache-2.0
// Does activity telegraph the study's events? Effects by lag, and what could have been found.

import { useMemo } from 'preact/hooks';
import { axis, Figure, tip, tooltip, type Canvas, type Option } from '../chart';
import type { Context } from '../context';
import * as format from '../format';
import { given, type EventEffect, type EventTest } from '../model';
import { Interval, Lede, Plain, Section, Table } from '../parts';
import { visible } from '../text';

const signed = (n: number) => {
  const size = Math.abs(n).toFixed(2);
  return Number(size) === 0 ? size : `${n < 0 ? '−' : '+'}${size}`;
};

function lagOption(test: EventTest, c: Canvas): Option {
  const lags = test.lags ?? [];
  return {
    grid: { left: 54, right: 14, top: 12, bottom: 46 },
    xAxis: axis(c, {
      type: 'category',
      data: lags.map((l) => (l.day > 0 ? `+${l.day}` : String(l.day).replace('-', '−'))),
      splitLine: { show: false },
      name: 'Days from the event',
      nameLocation: 'middle',
      nameGap: 27,
    }),
    yAxis: axis(c, {
      type: 'value',
      axisLine: { show: false },
      axisLabel: { color: c.t.muted, fontSize: 12, formatter: signed },
    }),
    tooltip: tooltip(c, {
      formatter: (p: { dataIndex: number }) => {
        const lag = lags[p.dataIndex];
        if (!lag) return '';
        const w = format.estimate(lag.effect, signed);
        return tip(`Day ${lag.day}`, [
          ['Effect', `${w.value} (${w.range})`],
          ['p', format.probability(lag.p)],
        ]);
      },
    }),
    series: [
      {
        type: 'custom',
        id: 'lags',
        data: lags.map((l, i) => [i, l.effect.value, l.effect.low, l.effect.high]),
        encode: { x: 0, y: [1, 2, 3] },
        renderItem: (
          _: unknown,
          api: { value(i: number): number; coord(p: [number, number]): [number, number] },
        ) => {
          const [x, y] = api.coord([api.value(0), api.value(1)]);
          const [, y1] = api.coord([api.value(0), api.value(2)]);
          const [, y2] = api.coord([api.value(0), api.value(3)]);
          return {
            type: 'group',
            children: [
              {
                type: 'line',
                shape: { x1: x, x2: x, y1, y2 },
                style: { stroke: c.t.accent, lineWidth: 2 },
              },
              { type: 'circle', shape: { cx: x, cy: y, r: 4.5 }, style: { fill: c.t.accent } },
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

function Lags({ test, index }: { test: EventTest; index: number }) {
  const option = useMemo(() => (c: Canvas) => lagOption(test, c), [test]);
  if (!test.lags?.length) return null;
  return (
    <Figure
      id={`chart-lags-${index}`}
      title={
        <>
          Around <Plain text={test.kind} longest={60} /> events (n = {test.n})
        </>
      }
      label="Effects with intervals by days from the event."
      height={() => 240}
      option={option}
      note="Log ratio of a day’s activity to what its weekday and trend would give; lines are intervals."
      table={
        <Table
          label="Effects by lag"
          rows={test.lags}
          columns={[
            { head: 'Days from the event', number: true, cell: (l) => l.day },
            {
              head: 'Effect',
              number: true,
              cell: (l) => <Interval of={l.effect} as={(e) => format.estimate(e, signed)} />,
            },
            { head: 'p', number: true, cell: (l) => format.probability(l.p) },
          ]}
        />
      }
    />
  );
}

function Effect({ of }: { of?: EventEffect }) {
  if (!of?.effect) return <span class="muted">–</span>;
  return (
    <>
      <Interval of={of.effect} as={(e) => format.estimate(e, signed)} />
      {of.test && (
        <small class="under" title={visible(of.test.method)}>
          p {format.probability(of.test.p)}
        </small>
      )}
    </>
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
            { head: 'Kind', class: 'name', cell: (t) => <Plain text={t.kind} longest={60} /> },
            { head: 'Events', number: true, cell: (t) => t.n },
            { head: 'Before', number: true, cell: (t) => <Effect of={t.before} /> },
            { head: 'On the day', number: true, cell: (t) => <Effect of={t.on} /> },
            { head: 'After', number: true, cell: (t) => <Effect of={t.after} /> },
            {
              head: 'Smallest effect that would be found',
              number: true,
              cell: (t) =>
                t.detectable ? (
                  <>
                    {t.detectable.effect.toFixed(2)} SD
                    <small class="under">with {format.percent(t.detectable.power)} power</small>
                  </>
                ) : (
                  '–'
                ),
            },
          ]}
        />
      )}
      {tests.map((t, i) => (
        <Lags test={t} index={i} />
      ))}
    </Section>
  );
}
