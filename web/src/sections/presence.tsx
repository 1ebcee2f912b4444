// SPDX-License-Identifier: Apache-2.0
// Which countries the population reaches, and which of them stand out.

import { useMemo } from 'preact/hooks';
import { atlas, countryName, equalEarth } from '../atlas';
import { axis, Figure, fit, tip, tooltip, type Canvas, type Option } from '../chart';
import type { Context } from '../context';
import * as format from '../format';
import { given, isUnsupported, type Country, type Estimate, type Presence } from '../model';
import {
  Bar,
  CommandButton,
  Count,
  evidenceColumn,
  Lede,
  Plain,
  Quiet,
  Ratio,
  Say,
  Section,
  Share,
  Table,
} from '../parts';
import { visible } from '../text';
import { known, lang, t } from '../lang';

// Lower ends of the map's steps, as shares.
const STEPS = [0, 0.001, 0.005, 0.01, 0.05, 0.1, 0.2];

function stepOf(share: number): number {
  let step = 0;
  while (step + 1 < STEPS.length && share >= (STEPS[step + 1] ?? 1)) step++;
  return step;
}

const colour = (share: number, c: Canvas) => c.t.ramp[stepOf(share)] ?? '';

const nameOf = (c: Country) => (lang === 'en' ? c.name : null) ?? countryName(c.country);

function countryTip(c: Country): HTMLElement {
  const s = format.share(c.share);
  const rows: [string, string][] = [
    [t('Share', '割合'), s.range ? `${s.value} (${s.range})` : s.value],
    [t('Conversations', '通信件数'), format.exact(c.flows)],
  ];
  if (c.expected != null) rows.push([t('Expected', '見込み'), format.percent(c.expected)]);
  const ratio = c.ratio_adjusted ?? c.ratio;
  if (ratio) {
    const r = format.estimate(ratio, format.times);
    rows.push([c.ratio_adjusted ? 'Adjusted ratio' : t('Ratio', '比'), `${r.value} (${r.range})`]);
  }
  if (c.flagged) rows.push([t('Stands out', '際立つ'), 'yes']);
  return tip(nameOf(c), rows, c.evidence);
}

const DARK_STEP = 4; // from here on the fill carries light text

/** Name and share over each other, haloed in the country's own colour. */
function mapLabel(r: Country, small: boolean, c: Canvas): object {
  const share = format.share(r.share).value;
  const onDark = !small && stepOf(r.share.value) >= DARK_STEP;
  return {
    show: true,
    position: small ? 'right' : 'inside',
    distance: 7,
    align: small ? 'left' : 'center',
    formatter: () => (c.narrow ? share : `${fit(nameOf(r), 110)}\n${share}`),
    color: onDark ? c.t.paper : c.t.ink,
    textBorderColor: onDark ? colour(r.share.value, c) : c.t.paper,
    textBorderWidth: onDark ? 2 : 3,
    fontSize: c.narrow ? 9.5 : 11.5,
    lineHeight: c.narrow ? 11 : 14,
    fontWeight: 600,
    fontFamily: c.t.font,
  };
}

function mapOption(rows: Country[], c: Canvas): Option {
  const { map, places } = atlas();
  const first = [...rows].sort((a, b) => b.share.value - a.share.value).slice(0, c.narrow ? 4 : 8);
  const labelled = new Set(first.filter((r) => r.share.value >= 0.01).map((r) => r.country));
  const known = new Map(rows.map((r) => [r.country, r]));
  const border = { borderColor: c.t.paper, borderWidth: 0.5 };
  const dots = rows.filter((r) => places.get(r.country)?.small);
  const labels = rows.filter((r) => labelled.has(r.country) && places.has(r.country));
  const at = (r: Country) => places.get(r.country)?.at ?? [0, 0];
  return {
    tooltip: tooltip(c, {
      formatter: (p: { name?: string; data?: { code?: string } }) => {
        const row = known.get(p.data?.code ?? p.name ?? '');
        return row ? countryTip(row) : '';
      },
    }),
    geo: {
      map,
      projection: equalEarth,
      left: 0,
      right: 0,
      top: 0,
      bottom: 0,
      roam: false,
      itemStyle: { areaColor: c.t.land, ...border },
      emphasis: { itemStyle: { areaColor: c.t.land }, label: { show: false } },
      select: { disabled: true },
      silent: true,
    },
    series: [
      {
        id: 'map',
        type: 'map',
        map,
        projection: equalEarth,
        left: 0,
        right: 0,
        top: 0,
        bottom: 0,
        selectedMode: false,
        itemStyle: { areaColor: c.t.land, ...border },
        label: { show: false },
        emphasis: {
          label: { show: false },
          itemStyle: { areaColor: 'inherit', borderColor: c.t.ink, borderWidth: 1.2 },
        },
        data: rows.map((r) => ({
          name: r.country,
          code: r.country,
          value: r.share.value,
          itemStyle: {
            areaColor: colour(r.share.value, c),
            ...(r.flagged ? { borderColor: c.t.event, borderWidth: 1.4 } : border),
          },
        })),
      },
      {
        id: 'dots',
        type: 'scatter',
        coordinateSystem: 'geo',
        z: 5,
        symbolSize: c.narrow ? 6 : 9,
        data: dots.map((r) => ({
          code: r.country,
          name: r.country,
          value: at(r),
          itemStyle: {
            color: colour(r.share.value, c),
            borderColor: r.flagged ? c.t.event : c.t.soft,
            borderWidth: r.flagged ? 1.6 : 0.8,
          },
        })),
      },
      {
        id: 'labels',
        type: 'scatter',
        coordinateSystem: 'geo',
        silent: true,
        z: 6,
        symbolSize: 0.01,
        labelLayout: { hideOverlap: true },
        data: labels.map((r) => ({
          value: at(r),
          label: mapLabel(r, places.get(r.country)?.small ?? false, c),
        })),
      },
    ],
  };
}

function Steps() {
  return (
    <p class="ramp steps">
      <span>
        <i class="ramp-none" aria-hidden="true" />
        {t('not reached', '通信なし')}
      </span>
      {STEPS.map((from, i) => (
        <span>
          <i class={`ramp-${i}`} aria-hidden="true" />{' '}
          {i === 0
            ? t(`under ${(STEPS[1] ?? 0) * 100}%`, `${(STEPS[1] ?? 0) * 100}%未満`)
            : `${(from * 100).toString()}%`}
          {i === STEPS.length - 1 && t(' and more', '以上')}
        </span>
      ))}
      <span>
        <i class="ramp-flag" aria-hidden="true" />
        {t('stands out', '際立つ')}
      </span>
    </p>
  );
}

function WorldMap({ rows, unit }: { rows: Country[]; unit: string }) {
  const option = useMemo(() => (c: Canvas) => mapOption(rows, c), [rows]);
  const known = new Map(rows.map((r) => [r.country, r]));
  return (
    <Figure
      id="chart-map"
      title={t(`Share of ${unit} by country`, `国別の${unit}の割合`)}
      label={t(
        `World map of the shares of ${rows.length} countries. The table below holds the numbers.`,
        `${rows.length}か国の割合の世界地図。数値は下の表にある。`,
      )}
      height={({ width }) => Math.round(width * 0.44)}
      option={option}
      legend={<Steps />}
      mark={(p) => {
        const code = (p.data as { code?: string } | undefined)?.code ?? p.name ?? '';
        return known.get(code)?.evidence ?? null;
      }}
      note={t(
        'Countries too small to see are dots. Equal Earth projection: areas compare.',
        '小さくて見えない国は点で示す。Equal Earth図法により、面積を比較できる。',
      )}
    />
  );
}

const FOREST = 16;

/** Countries whose ratio says most: those that stand out, then the largest. */
function forestRows(rows: Country[]): Country[] {
  const able = rows.filter((r) => r.ratio || r.ratio_adjusted);
  const key = (r: Country) => (r.ratio_adjusted ?? r.ratio)?.value ?? 0;
  const chosen = [...able]
    .sort((a, b) => Number(b.flagged ?? false) - Number(a.flagged ?? false) || b.flows - a.flows)
    .slice(0, FOREST);
  return chosen.sort((a, b) => key(b) - key(a));
}

interface Api {
  value(i: number): number;
  coord(p: [number, number]): [number, number];
}

interface Look {
  solid: boolean;
  flagged: boolean;
  under: boolean;
  color: string;
}

function point(x: number, y: number, { solid, flagged, under, color }: Look, c: Canvas): object {
  const style = { fill: solid ? color : c.t.paper, stroke: color, lineWidth: 1.3 };
  const diamond = [
    [x, y - 6],
    [x + 6, y],
    [x, y + 6],
    [x - 6, y],
  ];
  const arrow = [
    [x + 1, y],
    [x + 8, y - 4],
    [x + 8, y + 4],
  ];
  if (under) return { type: 'polygon', shape: { points: arrow }, style };
  if (solid && flagged) return { type: 'polygon', shape: { points: diamond }, style };
  return { type: 'circle', shape: { cx: x, cy: y, r: solid ? 4 : 3 }, style };
}

/** `least` is where the axis begins: a ratio under it is an arrow there. */
function interval(
  rows: Country[],
  of: (r: Country) => Estimate | null | undefined,
  least: number,
  c: Canvas,
  solid: boolean,
) {
  const shift = solid ? -4 : 5;
  const data = rows.flatMap((r, i) => {
    const e = of(r);
    if (!e) return [];
    const [low, high] = format.ends(e, least, 1e6);
    const ends = [low, e.value, high].map((n) => Math.max(n, least));
    return [[...ends, i, r.flagged ? 1 : 0, e.value < least ? 1 : 0]];
  });
  return {
    id: solid ? 'adjusted' : 'plain',
    type: 'custom',
    clip: true,
    data,
    encode: { x: [0, 1, 2], y: 3 },
    renderItem: (_: unknown, api: Api) => {
      const x = (i: number) => api.coord([api.value(i), api.value(3)])[0];
      const y = api.coord([1, api.value(3)])[1] + shift;
      const flagged = api.value(4) === 1;
      const color = solid ? (flagged ? c.t.event : c.t.accent) : c.t.muted;
      return {
        type: 'group',
        children: [
          {
            type: 'line',
            shape: { x1: x(0), x2: x(2), y1: y, y2: y },
            style: { stroke: color, lineWidth: solid ? 2 : 1.2 },
          },
          point(x(1), y, { solid, flagged, under: api.value(5) === 1, color }, c),
        ],
      };
    },
  };
}

/** 1, 2, 5 of each decade, from the last at or under `low` to the first at or over `high`. */
function ratioTicks(low: number, high: number): number[] {
  const all: number[] = [];
  for (let decade = -4; decade <= 6; decade++)
    for (const step of [1, 2, 5]) all.push(Number((step * 10 ** decade).toPrecision(1)));
  const from = all.filter((n) => n <= low).length - 1;
  const to = all.findIndex((n) => n >= high);
  const ticks = all.slice(Math.max(0, from), to < 0 ? undefined : to + 1);
  return ticks.length > 10 ? ticks.filter((n) => /^(1|0\.0*1)0*$/.test(String(n))) : ticks;
}

function forestOption(rows: Country[], c: Canvas): Option {
  const all = rows.flatMap((r) => [r.ratio, r.ratio_adjusted]).filter((e): e is Estimate => !!e);
  const low = Math.min(0.5, ...all.map((e) => e.low ?? e.value).filter((n) => n > 0));
  const high = Math.max(2, ...all.map((e) => e.high ?? e.value * 2));
  const left = c.narrow ? 104 : 150;
  const ticks = ratioTicks(low * 0.95, high * 1.05);
  return {
    grid: { left, right: 20, top: 8, bottom: 46 },
    xAxis: axis(c, {
      type: 'log',
      logBase: 10,
      min: ticks[0],
      max: ticks[ticks.length - 1],
      axisLine: { show: false },
      axisTick: { show: false, customValues: ticks },
      axisLabel: {
        color: c.t.muted,
        fontSize: 12,
        hideOverlap: true,
        customValues: ticks,
        formatter: (n: number) => `${Number(n.toPrecision(2))}×`,
      },
      name: t(
        'Times the expected share (1× is as expected)',
        '見込みの割合に対する倍率（1×は見込みどおり）',
      ),
      nameLocation: 'middle',
      nameGap: 27,
    }),
    yAxis: axis(c, {
      type: 'category',
      inverse: true,
      data: rows.map((r) => `${r.flagged ? '◆ ' : ''}${fit(nameOf(r), left - 24)}`),
      axisLabel: { color: c.t.ink, fontSize: 12.5, interval: 0 },
      splitLine: { show: true, lineStyle: { color: c.t.hair } },
    }),
    tooltip: tooltip(c, {
      formatter: (p: { data: number[] }) => {
        const row = rows[p.data[3] ?? -1];
        return row ? countryTip(row) : '';
      },
    }),
    series: [
      {
        ...interval(rows, (r) => r.ratio, ticks[0] ?? 0.1, c, false),
        markLine: {
          silent: true,
          symbol: 'none',
          label: { show: false },
          lineStyle: { color: c.t.soft, type: 'solid', width: 1 },
          data: [{ xAxis: 1 }],
        },
      },
      interval(rows, (r) => r.ratio_adjusted, ticks[0] ?? 0.1, c, true),
    ],
  };
}

function Forest({ rows }: { rows: Country[] }) {
  const shown = useMemo(() => forestRows(rows), [rows]);
  const option = useMemo(() => (c: Canvas) => forestOption(shown, c), [shown]);
  if (!shown.length) return null;
  return (
    <Figure
      id="chart-ratio"
      title={t('More or less than expected', '見込みより多いか少ないか')}
      label={t(
        `Ratios of observed to expected share with intervals for ${shown.length} countries. The table below holds the numbers.`,
        `${shown.length}か国の、見込みに対する観測割合の比とその区間。数値は下の表にある。`,
      )}
      height={() => 60 + shown.length * 26}
      option={option}
      legend={
        <p class="lines">
          <i class="dot-solid" aria-hidden="true" /> {t('adjusted', '補正後')}{' '}
          <i class="dot-hollow" aria-hidden="true" /> {t('not adjusted', '補正前')}{' '}
          <i class="dot-flag" aria-hidden="true">
            ◆
          </i>{' '}
          {t('stands out', '際立つ')}
        </p>
      }
      mark={(p) => shown[(p.data as number[])[3] ?? -1]?.evidence ?? null}
      note={t(
        'Points are ratios, lines their 95% intervals, on a logarithmic scale; an arrow at the left edge is a ratio near nothing.',
        '点は比、線はその95%信頼区間で、対数目盛による。左端の矢印はほぼゼロの比を示す。',
      )}
    />
  );
}

function Institutions({ rows }: { rows: Country[] }) {
  const all = rows.flatMap((r) =>
    (r.institutions ?? []).map((i) => ({ ...i, country: nameOf(r) })),
  );
  if (!all.length) return null;
  return (
    <details class="behind">
      <summary>
        {t('Institutions reached in these countries', 'これらの国で通信のあった機関')}
      </summary>
      <Table
        label={t('Institutions', '機関')}
        rows={all}
        limit={20}
        columns={[
          { head: t('Country', '国'), cell: (r) => <Plain text={r.country} longest={40} /> },
          {
            head: t('Institution', '機関'),
            class: 'name',
            cell: (r) => <Plain text={r.name} longest={80} />,
          },
          { head: t('Kind', '種別'), cell: (r) => <Plain text={r.kind} longest={40} /> },
          {
            head: t('Conversations', '通信件数'),
            number: true,
            cell: (r) => <Count n={r.flows} />,
          },
          {
            head: t('Local hosts', '内部ホスト'),
            number: true,
            cell: (r) => <Count n={r.local_hosts} />,
          },
          { head: t('Days', '日数'), number: true, cell: (r) => <Count n={r.days} /> },
          evidenceColumn(),
        ]}
      />
    </details>
  );
}

const LOCAL_LEAST = 0.005; // a smaller part of a country's conversations is not worth a line

/** What kinds of institutions the population reaches there: government 18%, education 18% */
function localKinds(c: Country): string {
  const all = Object.values(c.local_profile ?? {}).reduce((a, b) => a + b, 0);
  return Object.entries(c.local_profile ?? {})
    .filter(([kind, n]) => kind !== 'other' && n / all >= LOCAL_LEAST)
    .sort((a, b) => b[1] - a[1])
    .map(([kind, n]) => `${visible(known(kind), 30)} ${Math.round((n / all) * 100)}%`)
    .join(', ');
}

function Countries({ rows, unit }: { rows: Country[]; unit: string }) {
  const max = Math.max(0, ...rows.map((r) => format.ends(r.share, 0, 1)[1]));
  const any = (of: (r: Country) => unknown) => rows.some((r) => of(r) != null);
  return (
    <Table
      label={t(`Countries by share of ${unit}`, `国別の${unit}の割合`)}
      id="countries-table"
      rows={rows}
      limit={15}
      rowClass={(r) => (r.flagged ? 'flagged' : undefined)}
      columns={[
        {
          head: t('Country', '国'),
          class: 'name',
          cell: (r) => (
            <>
              {r.flagged && (
                <span class="flag-mark" title={t('Stands out', '際立つ')}>
                  ◆{' '}
                </span>
              )}
              <Plain text={nameOf(r)} longest={60} />
              {localKinds(r) && <small class="under">{localKinds(r)}</small>}
            </>
          ),
        },
        {
          head: t(`Share of ${unit}`, `${unit}の割合`),
          class: 'share',
          cell: (r) => (
            <>
              <Share of={r.share} />
              <Bar of={r.share} max={max} />
            </>
          ),
        },
        { head: t('Conversations', '通信件数'), number: true, cell: (r) => <Count n={r.flows} /> },
        ...(any((r) => r.expected)
          ? [
              {
                head: t('Expected', '見込み'),
                number: true,
                cell: (r: Country) => format.percent(r.expected),
              },
            ]
          : []),
        ...(any((r) => r.ratio)
          ? [{ head: t('Ratio', '比'), number: true, cell: (r: Country) => <Ratio of={r.ratio} /> }]
          : []),
        ...(any((r) => r.ratio_adjusted)
          ? [
              {
                head: t('Adjusted', '補正後'),
                number: true,
                hint: t(
                  'The ratio without services that are popular wherever the population goes',
                  '対象集団がどこでも使う人気サービスを除いた比',
                ),
                cell: (r: Country) => <Ratio of={r.ratio_adjusted} />,
              },
            ]
          : []),
        ...(any((r) => r.test)
          ? [
              {
                head: 'q',
                number: true,
                hint: t(
                  'Chance that a country which stands out this much does so by accident, over all countries',
                  '全ての国を通じて、これほど際立つ国が偶然そうなる確率',
                ),
                cell: (r: Country) => (
                  <span
                    title={r.test ? `p ${r.test.p}, ${visible(known(r.test.method))}` : undefined}
                  >
                    {format.probability(r.test?.q ?? r.test?.p)}
                  </span>
                ),
              },
            ]
          : []),
        evidenceColumn<Country>(),
      ]}
    />
  );
}

const NAMED = 6;

/** Names of the services that the adjusted ratio leaves out. */
function leftOut(x: Context, of: Presence): string[] {
  const names = new Map((given(x.model.services) ?? []).map((s) => [s.id, s.name]));
  return (of.adjusted_without ?? []).map((id) => names.get(id) ?? id);
}

function About({ x, of }: { x: Context; of: Presence }) {
  const left = leftOut(x, of);
  const baseline = typeof of.baseline === 'string' ? of.baseline : of.baseline?.name;
  const flagged = of.countries.filter((c) => c.flagged);
  return (
    <Lede>
      {flagged.length > 0 ? (
        <>
          {flagged.slice(0, 6).map((c, i) => (
            <>
              {i > 0 && (i === Math.min(6, flagged.length) - 1 ? t(' and ', '、') : t(', ', '、'))}
              <strong>
                <Plain text={nameOf(c)} longest={60} />
              </strong>
            </>
          ))}
          {flagged.length > 6 &&
            t(` and ${flagged.length - 6} more`, `、ほか${flagged.length - 6}か国`)}{' '}
          {t(flagged.length === 1 ? ' stands out. ' : ' stand out. ', 'が際立つ。')}
        </>
      ) : (
        of.countries.length > 0 && t('No country stands out. ', '際立つ国はない。')
      )}
      {baseline && (
        <>
          <Say
            en="The expected share comes from {baseline}. "
            ja="見込みの割合は{baseline}による。"
            baseline={<Plain text={baseline} longest={200} />}
          />
        </>
      )}
      {left.length > 0 && (
        <>
          {t(
            'The adjusted ratio leaves out services that are popular wherever the population goes (',
            '補正後の比は、対象集団がどこでも使う人気サービス（',
          )}
          <span title={visible(left.join(', '), 4000)}>
            <Plain text={left.slice(0, NAMED).join(', ')} longest={400} />
            {left.length > NAMED &&
              t(` and ${left.length - NAMED} more`, `、ほか${left.length - NAMED}件`)}
          </span>
          {t('). ', '）を除く。')}
        </>
      )}
      {of.unknown && of.unknown.flows > 0 && (
        <>
          <Say
            en="For {share} of {unit} no country is known. "
            ja="{unit}の{share}は国が分からない。"
            share={<Share of={of.unknown.share} />}
            unit={x.unit}
          />
          <CommandButton
            evidence={of.unknown.evidence}
            words={t('copy command', 'コマンドをコピー')}
          />
        </>
      )}
    </Lede>
  );
}

export function PresenceSection({ x }: { x: Context }) {
  const presence = given(x.model.presence);
  if (!presence)
    return isUnsupported(x.model.presence) ? (
      <Section id="presence" title={t('Presence', '所在')}>
        <Quiet why={x.model.presence} />
      </Section>
    ) : null;
  const rows = presence.countries ?? [];
  return (
    <Section id="presence" title={t('Presence', '所在')}>
      <About x={x} of={presence} />
      <WorldMap rows={rows} unit={x.unit} />
      {rows.length > 0 && <Countries rows={rows} unit={x.unit} />}
      <Forest rows={rows} />
      <Institutions rows={rows} />
    </Section>
  );
}
