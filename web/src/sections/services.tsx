// SPDX-License-Identifier: Apache-2.0
import type { Context } from '../context';
import * as format from '../format';
import { given, isUnsupported, type Service } from '../model';
import { Bar, Count, evidenceColumn, Lede, Plain, Quiet, Section, Share, Table } from '../parts';
import { t } from '../lang';

const BASIS: [string, string][] = [
  ['name', t('server name', 'サーバ名')],
  ['dpi', t('payload', 'ペイロード')],
  ['dns', t('DNS answer', 'DNS応答')],
  ['prefix', t('owned prefix', '保有プレフィックス')],
  ['asn', t('origin AS', 'オリジンAS')],
  ['port', t('port', 'ポート')],
];

function Basis({ of }: { of: Service }) {
  const sum = BASIS.reduce((n, [key]) => n + (of.basis?.[key] ?? 0), 0);
  if (!sum) return <span class="muted">–</span>;
  const parts = BASIS.map(([key, name]) => ({ name, n: of.basis?.[key] ?? 0 }))
    .filter((p) => p.n > 0)
    .sort((a, b) => b.n - a.n);
  const words = (p: { name: string; n: number }) => `${p.name} ${Math.round((p.n / sum) * 100)}%`;
  const [first] = parts;
  return <span title={parts.map(words).join(', ')}>{first && words(first)}</span>;
}

/** The ranks that the data allow, where they are more than one. */
function ranks(s: Service): string {
  const { rank_low: low, rank_high: high } = s;
  if (low && high === null) return t(`${low} or lower`, `${low}位以下`);
  return low && high && low !== high ? `${low}–${high}` : '';
}

export function Services({ x }: { x: Context }) {
  const services = given(x.model.services);
  if (!services)
    return isUnsupported(x.model.services) ? (
      <Section id="services" title={t('Services', 'サービス')}>
        <Quiet why={x.model.services} />
      </Section>
    ) : null;
  const max = Math.max(0, ...services.map((s) => format.ends(s.share, 0, 1)[1]));
  const names = new Map((given(x.model.categories) ?? []).map((c) => [c.id, c.name]));
  return (
    <Section id="services" title={t('Services', 'サービス')}>
      {services.length ? (
        <Lede>
          {t(
            `Share of the ${x.unit} of use, by the service they went to. The line on each bar is its 95% interval: the share that other days of the same population would show. Where intervals overlap, the order is not certain, and the ranks that the data allow stand below the rank.`,
            `利用の${x.unit}に占めるサービス別の割合。棒の上の線は95%信頼区間、すなわち同じ集団の他の日々が示すはずの割合である。区間が重なる場合は順序が確かでなく、データの許す順位を順位の下に示す。`,
          )}
        </Lede>
      ) : (
        <Lede>
          {t(
            'No conversation could be attributed to a service.',
            'サービスに帰属できた通信はない。',
          )}
        </Lede>
      )}
      {services.length > 0 && (
        <Table
          label={t(`Services by share of ${x.unit}`, `${x.unit}に占めるサービス別の割合`)}
          id="services-table"
          rows={services}
          limit={15}
          columns={[
            {
              head: '#',
              class: 'rank',
              cell: (s) => (
                <>
                  {s.rank}
                  {ranks(s) && <small class="under">{ranks(s)}</small>}
                </>
              ),
            },
            {
              head: t('Service', 'サービス'),
              class: 'name',
              cell: (s) => (
                <>
                  <Plain text={s.name} longest={60} />
                  <small class="under">
                    <Plain text={names.get(s.category) ?? s.category} longest={40} />
                  </small>
                </>
              ),
            },
            {
              head: t(`Share of ${x.unit}`, `${x.unit}の割合`),
              class: 'share',
              cell: (s) => (
                <>
                  <Share of={s.share} />
                  <Bar of={s.share} max={max} />
                </>
              ),
            },
            {
              head: t('Of octets', 'オクテット比'),
              number: true,
              cell: (s) => <Share of={s.octets_share} />,
            },
            {
              head: t('Conversations', '通信件数'),
              number: true,
              cell: (s) => <Count n={s.flows} />,
            },
            {
              head: t('Octets', 'オクテット数'),
              number: true,
              cell: (s) => <Count n={s.octets} words={format.octets} />,
            },
            { head: t('Hosts', 'ホスト'), number: true, cell: (s) => <Count n={s.local_hosts} /> },
            {
              head: t('Known by', '根拠'),
              class: 'nowrap',
              hint: t(
                'The best evidence for most of its conversations, and the share of them that other services on the same hosts could claim',
                '大半の通信の最良の証拠と、同じホスト上の他のサービスのものでもありうる割合',
              ),
              cell: (s) => (
                <>
                  <Basis of={s} />
                  {(s.ambiguous_share ?? 0) > 0 && (
                    <small class="under">
                      {t(
                        `${format.percent(s.ambiguous_share)} ambiguous`,
                        `曖昧${format.percent(s.ambiguous_share)}`,
                      )}
                    </small>
                  )}
                </>
              ),
            },
            evidenceColumn<Service>(),
          ]}
        />
      )}
    </Section>
  );
}
