// SPDX-License-Identifier: Apache-2.0
import { AmbiguousRange } from './services';
import { useMemo, useState } from 'preact/hooks';
import { axis, endLabels, Figure, fit, tip, tooltip, type Canvas, type Option } from '../chart';
import type { Context } from '../context';
import * as format from '../format';
import { given, isUnsupported, type Category, type Estimate } from '../model';
import { Count, evidenceColumn, Plain, Quiet, Section, Share, Table } from '../parts';
import { whiskers } from '../whisker';
import { known, t } from '../lang';

type Of = 'share' | 'octets_share';

const estimateOf = (c: Category, of: Of): Estimate => c[of] ?? c.share;

function option(rows: Category[], of: Of, unit: string, c: Canvas): Option {
  const left = c.narrow ? 134 : 168;
  const pixels = left - 12;
  const worded = rows.map((r) => format.share(estimateOf(r, of)));
  return {
    grid: { left, right: c.narrow ? 56 : 150, top: 6, bottom: 30 },
    xAxis: axis(c, {
      type: 'value',
      min: 0,
      splitNumber: c.narrow ? 2 : 5,
      axisLine: { show: false },
      axisLabel: {
        color: c.t.muted,
        fontSize: 12,
        formatter: (n: number) => format.percent(n).replace('.0%', '%'),
      },
    }),
    yAxis: axis(c, {
      type: 'category',
      inverse: true,
      splitLine: { show: false },
      data: rows.map((r) => fit(r.name, pixels)),
      axisLabel: { color: c.t.ink, fontSize: 12.5, width: pixels, interval: 0 },
    }),
    tooltip: tooltip(c, {
      trigger: 'item',
      formatter: (p: { dataIndex: number }) => {
        const row = rows[p.dataIndex];
        if (!row) return '';
        const w = format.share(row.share);
        const o = row.octets_share && format.share(row.octets_share);
        return tip(
          row.name,
          [
            [t(`Of ${unit}`, `${unit}比`), `${w.value} (${w.range})`],
            ...(o
              ? [[t('Of octets', 'オクテット比'), `${o.value} (${o.range})`] as [string, string]]
              : []),
            [t('Conversations', '通信件数'), format.exact(row.flows)],
            [t('Local hosts', '内部ホスト'), format.exact(row.local_hosts)],
          ],
          row.evidence,
        );
      },
    }),
    series: [
      {
        id: 'categories',
        type: 'bar',
        barWidth: 13,
        data: rows.map((r) => ({
          value: estimateOf(r, of).value,
          itemStyle: { color: r.id === 'unknown' ? c.t.absent : c.t.fill },
        })),
        emphasis: { itemStyle: { color: c.t.ink } },
      },
      whiskers(
        rows.map((r, i) => [...format.ends(estimateOf(r, of), 0, 1), i]),
        c,
      ),
      endLabels(
        worded,
        rows.map((r, i) => [format.ends(estimateOf(r, of), 0, 1)[1], i]),
        c,
      ),
    ],
  };
}

function CategoryTable({ rows, unit }: { rows: Category[]; unit: string }) {
  return (
    <Table
      label={t('Categories', '分類')}
      id="categories-table"
      rows={rows}
      columns={[
        {
          head: t('Category', '分類'),
          class: 'name',
          cell: (r) => <Plain text={r.name} longest={60} />,
        },
        {
          head: t(`Of ${unit}`, `${unit}比`),
          number: true,
          cell: (r) => (
            <>
              <Share of={r.share} />
              <AmbiguousRange of={r.ambiguous} />
            </>
          ),
        },
        {
          head: t('Of octets', 'オクテット比'),
          number: true,
          cell: (r) => <Share of={r.octets_share} />,
        },
        { head: t('Conversations', '通信件数'), number: true, cell: (r) => <Count n={r.flows} /> },
        {
          head: t('Octets', 'オクテット数'),
          number: true,
          cell: (r) => <Count n={r.octets} words={format.octets} />,
        },
        { head: t('Hosts', 'ホスト'), number: true, cell: (r) => <Count n={r.local_hosts} /> },
        { head: t('Days', '日数'), number: true, cell: (r) => <Count n={r.days} /> },
        evidenceColumn<Category>(),
      ]}
    />
  );
}

function Mix({ rows, unit }: { rows: Category[]; unit: string }) {
  const [of, setOf] = useState<Of>('share');
  const draw = useMemo(() => (c: Canvas) => option(rows, of, unit, c), [rows, of]);
  const octets = unit !== known('octets') && rows.some((r) => r.octets_share);
  return (
    <Figure
      id="chart-categories"
      title={t(
        `Share of ${of === 'share' ? unit : 'octets'}`,
        `${of === 'share' ? unit : 'オクテット'}に占める割合`,
      )}
      label={t(
        `Bar chart with intervals: the share of each of ${rows.length} categories.`,
        `区間付きの棒グラフ：${rows.length}分類の割合。`,
      )}
      height={() => 40 + rows.length * 27}
      option={draw}
      mark={(p) => (p.seriesId === 'categories' ? (rows[p.dataIndex]?.evidence ?? null) : null)}
      controls={
        octets && (
          <div class="segments" role="group" aria-label={t('Measure', '測る量')}>
            <button type="button" aria-pressed={of === 'share'} onClick={() => setOf('share')}>
              {unit.charAt(0).toUpperCase() + unit.slice(1)}
            </button>
            <button
              type="button"
              aria-pressed={of === 'octets_share'}
              onClick={() => setOf('octets_share')}
            >
              {t('Octets', 'オクテット数')}
            </button>
          </div>
        )
      }
      note={t('Lines on the bars are 95% intervals.', '棒の上の線は95%信頼区間である。')}
      table={<CategoryTable rows={rows} unit={unit} />}
    />
  );
}

export function Categories({ x }: { x: Context }) {
  const rows = given(x.model.categories);
  if (!rows)
    return isUnsupported(x.model.categories) ? (
      <Section id="categories" title={t('Categories', '分類')}>
        <Quiet why={x.model.categories} />
      </Section>
    ) : null;
  return (
    <Section id="categories" title={t('Categories', '分類')}>
      {rows.length ? (
        <Mix rows={rows} unit={x.unit} />
      ) : (
        <p class="quiet">{t('No conversation has a category.', '分類のある通信はない。')}</p>
      )}
    </Section>
  );
}
