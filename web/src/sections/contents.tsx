// SPDX-License-Identifier: Apache-2.0
// Which sections this report has, in the page's order.

import type { Context } from '../context';
import { partsOf, type Place } from './texts';
import { given, isUnsupported, type Model } from '../model';
import { t } from '../lang';

/** Sections after the main ones, mostly drawn by others.tsx as tables of what the model holds. */
export const OTHERS: [keyof Model, string][] = [
  ['recon', t('Reconnaissance', '偵察')],
  ['contacts', t('Lasting relationships', '長く続く関係')],
  ['devices', t('Devices', '機器')],
  ['compare', t('Comparison', '比較')],
  ['pivots', t('Pivots', '経由地点')],
  ['timelines', t('Timelines', '時系列')],
];

const MAIN: [keyof Model, string][] = [
  ['findings', t('Findings', '所見')],
  ['totals', t('At a glance', '概要')],
  ['activity', t('Activity', '活動')],
  ['services', t('Services', 'サービス')],
  ['categories', t('Categories', '分類')],
  ['rhythm', t('Rhythm', '生活リズム')],
  ['presence', t('Presence', '所在')],
  ['events', t('Events', '出来事')],
  ['concealment', t('Concealment', '秘匿')],
  ['onsets', t('Onsets and changes', '開始と変化')],
];

export function hasSection(x: Context, name: string): boolean {
  if (name === 'data' || name === 'fidelity') return true;
  return given(x.model[name as keyof Model] as object) !== null;
}

export function Contents({ x }: { x: Context }) {
  const shown = ([id]: [keyof Model, string]) =>
    id === 'findings' ||
    hasSection(x, id) ||
    (id !== 'events' && id !== 'onsets' && isUnsupported(x.model[id]));
  const there = [...MAIN.filter(shown), ...OTHERS.filter(([id]) => hasSection(x, id))];
  const words = (place: Place) => partsOf(x, place).map((p): [string, string] => [p.id, p.title]);
  const judged = given(x.model.judgements)?.findings.length;
  const entries: [string, string][] = [
    ...(judged ? [['judgements', t('Key judgements', '主要判断')] as [string, string]] : []),
    ...words('before'),
    ...there,
    ...words('after'),
    ['coverage', t('Not covered', '対象外の事項')],
    ...words('end'),
    ['data', t('Appendix A: data', '付録A：データ')],
    ['methods', t('Appendix B: methods', '付録B：方法')],
  ];
  return (
    <nav class="contents" aria-label={t('Contents', '目次')}>
      <h2>{t('Contents', '目次')}</h2>
      <ol>
        {entries.map(([id, title]) => (
          <li>
            <a href={`#${id}`}>{title}</a>
          </li>
        ))}
      </ol>
    </nav>
  );
}
