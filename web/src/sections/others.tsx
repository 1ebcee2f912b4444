// SPDX-License-Identifier: Apache-2.0
// Sections without a drawing of their own yet, as tables of whatever the model holds, and the list
// of those that this report does not have.

import type { ComponentChildren } from 'preact';
import type { Context } from '../context';
import * as format from '../format';
import { isUnsupported, type Estimate, type Evidence, type Model, type Test } from '../model';
import { CommandButton, Interval, Plain, Section, Share, Table } from '../parts';
import { visible } from '../text';
import { OTHERS } from './contents';
import { t, textOf } from '../lang';

type Row = Record<string, unknown>;

const isObject = (v: unknown): v is Row => typeof v === 'object' && v !== null && !Array.isArray(v);
const isEstimate = (v: unknown): v is Estimate & Row =>
  isObject(v) && 'low' in v && 'high' in v && 'value' in v;
const isEvidence = (v: unknown): v is Evidence & Row => isObject(v) && 'filter' in v && 'from' in v;

function title(key: string): string {
  const words = key.replaceAll('_', ' ');
  if (/^(tls|dns|vpn|id)$/.test(words)) return words.toUpperCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const isTest = (v: unknown): v is Test & Row => isObject(v) && 'p' in v && 'method' in v;

/** An object in a cell: its values, named where their names say more than they do. */
function inWords(of: Row): string {
  return Object.entries(of)
    .map(([k, v]) => {
      if (isTest(v)) return `p ${format.probability(v.q ?? v.p)}`;
      if (k === 'kind' || k === 'id' || k === 'name') return String(v);
      if (typeof v === 'boolean') return `${v ? '' : 'not '}${k}`;
      return `${title(k)} ${isObject(v) ? inWords(v) : String(v)}`;
    })
    .join(' ');
}

function Value({ name, of }: { name: string; of: unknown }): ComponentChildren {
  if (of === null || of === undefined) return <span class="muted">–</span>;
  if (isEvidence(of)) return <CommandButton evidence={of} />;
  if (isEstimate(of))
    return name.includes('share') ? (
      <Share of={of} />
    ) : (
      <Interval of={of} as={(e) => format.estimate(e)} />
    );
  if (typeof of === 'number') return <span title={format.exact(of)}>{format.count(of)}</span>;
  if (typeof of === 'boolean') return of ? t('yes', 'はい') : t('no', 'いいえ');
  if (isTest(of))
    return <span title={visible(of.method)}>p {format.probability(of.q ?? of.p)}</span>;
  if (Array.isArray(of))
    return <Plain text={of.map((v) => (isObject(v) ? inWords(v) : String(v))).join(', ')} />;
  if (isObject(of)) return <Plain text={inWords(of)} />;
  return <Plain text={of} />;
}

const SHOWN = 20;

function Rows({ name, rows }: { name: string; rows: Row[] }) {
  const keys = [...new Set(rows.flatMap((r) => Object.keys(r)))];
  return (
    <Table
      label={title(name)}
      rows={rows}
      limit={SHOWN}
      columns={keys.map((key) => ({
        head: title(key),
        number: rows.every((r) => typeof r[key] === 'number' || isEstimate(r[key])),
        cell: (row: Row) => <Value name={key} of={row[key]} />,
      }))}
    />
  );
}

function Anything({ name, of }: { name: string; of: unknown }): ComponentChildren {
  if (isUnsupported(of))
    return <p class="quiet">{<Plain text={textOf(of, 'unsupported')} longest={2000} />}</p>;
  if (Array.isArray(of)) {
    if (!of.length) return <p class="quiet">{t('None found.', '見つからなかった。')}</p>;
    return isObject(of[0]) ? (
      <Rows name={name} rows={of.filter(isObject)} />
    ) : (
      <p>
        <Plain text={of.join(', ')} longest={2000} />
      </p>
    );
  }
  if (isObject(of) && !isEstimate(of) && !isEvidence(of))
    return (
      <>
        {Object.entries(of).map(([key, value]) => (
          <div class="part">
            <h3>{title(key)}</h3>
            <Anything name={key} of={value} />
          </div>
        ))}
      </>
    );
  return (
    <p>
      <Value name={name} of={of} />
    </p>
  );
}

export function Others({ x }: { x: Context }) {
  const there = OTHERS.filter(([key]) => x.model[key] != null && !isUnsupported(x.model[key]));
  return (
    <>
      {there.map(([key, name]) => (
        <Section id={key} title={name}>
          <Anything name={key} of={x.model[key]} />
        </Section>
      ))}
    </>
  );
}

const NAMES: [keyof Model, string][] = [
  ['fidelity', t('Data quality', 'データ品質')],
  ['totals', t('Totals', '合計')],
  ['activity', t('Activity', '活動')],
  ['services', t('Services', 'サービス')],
  ['categories', t('Categories', '分類')],
  ['rhythm', t('Rhythm', '生活リズム')],
  ['presence', t('Presence', '所在')],
  ['events', t('Events', '出来事')],
  ['concealment', t('Concealment', '秘匿')],
  ['onsets', t('Onsets and changes', '開始と変化')],
  ...OTHERS,
  ['findings', t('Findings', '所見')],
];

export function Coverage({ x }: { x: Context }) {
  const missing = NAMES.flatMap(([key, name]) => {
    const section = x.model[key];
    if (isUnsupported(section)) return [{ name, why: String(textOf(section, 'unsupported')) }];
    return section == null
      ? [
          {
            name,
            why: t(
              'This report was made without this section.',
              'この報告書はこの節なしで作成された。',
            ),
          },
        ]
      : [];
  });
  return (
    <Section id="coverage" title={t('What this report does not cover', 'この報告書が扱わない事項')}>
      {missing.length > 0 && (
        <dl class="missing">
          {missing.map((m) => (
            <div>
              <dt>{m.name}</dt>
              <dd>
                <Plain text={m.why} longest={2000} />
              </dd>
            </div>
          ))}
        </dl>
      )}
      <p class="lede">
        {t(
          'Flow telemetry cannot show what was said or read, who sat at a machine, or what happened where no exporter was looking. An address is not a person.',
          'フローテレメトリからは、何が語られ読まれたか、誰が機器の前にいたか、エクスポータの見ていない所で何が起きたかは分からない。アドレスは人ではない。',
        )}
      </p>
    </Section>
  );
}
