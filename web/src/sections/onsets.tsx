// SPDX-License-Identifier: Apache-2.0
// What began, stopped or shifted, and when.

import { useMemo } from 'preact/hooks';
import { axis, Figure, fit, tip, tooltip, type Canvas, type Option } from '../chart';
import { subjectName } from '../subject';
import type { Context } from '../context';
import * as format from '../format';
import { given, type Onset } from '../model';
import { evidenceColumn, Interval, Lede, Plain, Section, Table } from '../parts';
import { visible } from '../text';
import { FidelityKey, fidelityStrip, timeAxis, timeTicks } from '../timeline';
import { DAY_MS, longDate, longRange } from '../zone';
import { known, t } from '../lang';

const midnight = (date: string) => Date.parse(`${date.slice(0, 10)}T00:00:00Z`);
const SHOWN = 30;
const WORDS: Record<string, string> = {
  onset: t('began', '開始'),
  stop: t('stopped', '終了'),
  shift: t('shifted', '変化'),
};
const TURN: Record<string, number> = { onset: -1, stop: 1, shift: 0 };

const when = (o: Onset) => (o.at_low === o.at_high ? '' : longRange(o.at_low, o.at_high));

interface Api {
  value(i: number): number;
  coord(p: [number, number]): [number, number];
}

/** A triangle up for what began, down for what stopped, a diamond for a shift. */
function shape(x: number, y: number, turn: number): [number, number][] {
  if (turn === 0)
    return [
      [x, y - 6],
      [x + 6, y],
      [x, y + 6],
      [x - 6, y],
    ];
  return [
    [x, y + 6 * turn],
    [x + 6, y - 5 * turn],
    [x - 6, y - 5 * turn],
  ];
}

function marks(rows: Onset[], c: Canvas): object {
  return {
    id: 'onsets',
    type: 'custom',
    clip: true,
    data: rows.map((o, i) => [
      midnight(o.at),
      i,
      midnight(o.at_low),
      midnight(o.at_high) + DAY_MS,
      TURN[o.change] ?? 0,
    ]),
    encode: { x: [0, 2, 3], y: 1 },
    renderItem: (_: unknown, api: Api) => {
      const [x, y] = api.coord([api.value(0) + DAY_MS / 2, api.value(1)]);
      const [x1] = api.coord([api.value(2), api.value(1)]);
      const [x2] = api.coord([api.value(3), api.value(1)]);
      const color = api.value(4) === 1 ? c.t.soft : c.t.event;
      return {
        type: 'group',
        children: [
          {
            type: 'line',
            shape: { x1, x2, y1: y, y2: y },
            style: { stroke: color, lineWidth: 2, opacity: 0.6 },
          },
          { type: 'polygon', shape: { points: shape(x, y, api.value(4)) }, style: { fill: color } },
        ],
      };
    },
  };
}

function option(x: Context, rows: Onset[], c: Canvas): Option {
  const left = c.narrow ? 110 : 168;
  const right = 14;
  const bottom = 62;
  return {
    useUTC: true,
    grid: [
      { left, right, top: 6, bottom },
      { left, right, height: 9, bottom: 48 },
    ],
    xAxis: [
      timeAxis(x, c, { gridIndex: 0, axisLabel: { show: false }, axisTick: { show: false } }),
      timeAxis(x, c, {
        gridIndex: 1,
        axisLine: { show: false },
        ...timeTicks(x, c, ...x.range, c.width - left - right, DAY_MS / 2),
        name: t(`Days of ${x.zoneLabel}`, `日（${x.zoneLabel}）`),
        nameLocation: 'middle',
        nameGap: 27,
      }),
    ],
    yAxis: [
      axis(c, {
        type: 'category',
        gridIndex: 0,
        inverse: true,
        data: rows.map((o) => fit(subjectName(x, o.subject), left - 14)),
        axisLabel: { color: c.t.ink, fontSize: 12.5, interval: 0 },
      }),
      { type: 'value', gridIndex: 1, min: 0, max: 1, show: false },
    ],
    tooltip: tooltip(c, {
      formatter: (p: { dataIndex: number; seriesId?: string }) => {
        const o = rows[p.dataIndex];
        if (!o) return '';
        const about: [string, string][] = [
          [WORDS[o.change] ?? o.change, longDate(o.at)],
          [t('Per day before', '以前の1日当たり'), format.estimate(o.before).value],
          [t('Per day after', '以後の1日当たり'), format.estimate(o.after).value],
          ['p', format.probability(o.test.p)],
        ];
        if (when(o)) about.splice(1, 0, [t('Between', '範囲'), when(o)]);
        return tip(subjectName(x, o.subject), about, o.evidence);
      },
    }),
    series: [marks(rows, c), fidelityStrip(x, c, 1)],
  };
}

function OnsetTable({ x, rows }: { x: Context; rows: Onset[] }) {
  return (
    <Table
      label={t('Onsets, stops and shifts', '開始、終了、変化')}
      id="onsets-table"
      rows={rows}
      limit={SHOWN}
      columns={[
        {
          head: t('What', '対象'),
          class: 'name',
          cell: (o) => (
            <>
              <Plain text={subjectName(x, o.subject)} longest={60} />
              <small class="under">
                <Plain text={o.subject.kind} longest={30} />
              </small>
            </>
          ),
        },
        {
          head: t('When', '時期'),
          class: 'nowrap',
          cell: (o) => (
            <>
              {WORDS[o.change] ?? visible(o.change)} {longDate(o.at)}
              {when(o) && (
                <small class="under">{t(`between ${when(o)}`, `範囲：${when(o)}`)}</small>
              )}
            </>
          ),
        },
        {
          head: t('Per day before', '以前の1日当たり'),
          number: true,
          cell: (o) => <Interval of={o.before} as={(e) => format.estimate(e)} />,
        },
        {
          head: t('Per day after', '以後の1日当たり'),
          number: true,
          cell: (o) => <Interval of={o.after} as={(e) => format.estimate(e)} />,
        },
        {
          head: t('Doubles in', '倍増期間'),
          number: true,
          cell: (o) =>
            o.doubling_days ? (
              <>
                <Interval of={o.doubling_days} as={(e) => format.estimate(e, format.times)} />{' '}
                {t('days', '日')}
              </>
            ) : (
              '–'
            ),
        },
        {
          head: 'p',
          number: true,
          cell: (o) => (
            <span title={visible(known(String(o.test?.method ?? '')))}>
              {format.probability(o.test?.p)}
            </span>
          ),
        },
        evidenceColumn<Onset>(),
      ]}
    />
  );
}

function Timeline({ x, rows }: { x: Context; rows: Onset[] }) {
  const shown = useMemo(() => {
    const first = rows.slice(0, SHOWN); // the surest
    return first.sort((a, b) => a.at.localeCompare(b.at));
  }, [rows]);
  const draw = useMemo(() => (c: Canvas) => option(x, shown, c), [shown]);
  return (
    <Figure
      id="chart-onsets"
      title={t('When it changed', '変化の時期')}
      label={t(
        `Dates of ${shown.length} changes with their intervals. The table below holds them.`,
        `${shown.length}件の変化の日付とその区間。数値は下の表にある。`,
      )}
      height={() => 74 + shown.length * 25}
      option={draw}
      legend={
        <p class="lines">{t('▲ began · ▼ stopped · ◆ shifted', '▲ 開始 · ▼ 終了 · ◆ 変化')}</p>
      }
      mark={(p) => (p.seriesId === 'onsets' ? (shown[p.dataIndex]?.evidence ?? null) : null)}
      note={
        <>
          {t('Lines are the 95% intervals of the dates.', '線は日付の95%信頼区間である。')}
          <FidelityKey x={x} />
        </>
      }
    />
  );
}

export function OnsetsSection({ x }: { x: Context }) {
  const rows = given(x.model.onsets);
  if (!rows) return null;
  return (
    <Section id="onsets" title={t('Onsets and changes', '開始と変化')}>
      {rows.length ? (
        <>
          <Timeline x={x} rows={rows} />
          <OnsetTable x={x} rows={rows} />
        </>
      ) : (
        <Lede>
          {t(
            'No service, category or country began, stopped or shifted by more than chance would have it over all those watched.',
            '監視した全体で偶然から見込まれる以上に、開始、終了または変化したサービス、分類、国はない。',
          )}
        </Lede>
      )}
    </Section>
  );
}
