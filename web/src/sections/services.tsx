// SPDX-License-Identifier: Apache-2.0
import type { Context } from '../context';
import * as format from '../format';
import { given, isUnsupported, type Ambiguous, type Service } from '../model';
import {
  Bar,
  Count,
  evidenceColumn,
  Lede,
  Plain,
  Quiet,
  Ratio,
  Section,
  Share,
  Table,
  type Column,
} from '../parts';
import { visible } from '../text';
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

/** The same on the line of all ranks. */
function RankLine({ of, last }: { of: Service; last: number }) {
  const { rank_low: low, rank_high: high } = of;
  if (!ranks(of) || !low || last < 2) return null;
  const at = (rank: number) => Math.min(1, (rank - 1) / (last - 1)) * 96 + 2;
  return (
    <svg class="rank-line" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      <line class="rank-all" x1="2" x2="98" y1="3" y2="3" />
      <line class="rank-may" x1={at(low) - 2} x2={at(high ?? last) + 2} y1="3" y2="3" />
    </svg>
  );
}

/** The share without and with every conversation that may be this one's or another's. */
export function AmbiguousRange({ of }: { of?: Ambiguous | null }) {
  if (!of || !(of.flows > 0)) return null;
  const whole = of.interval ?? of;
  const worded = format.share({
    value: of.high,
    low: whole.low ?? null,
    high: whole.high ?? null,
    level: of.interval?.level ?? 0.95,
  });
  const [low, high] = [format.percent(of.low), format.percent(of.high)];
  return (
    <small class="under ambiguous" title={worded.exact}>
      {t(
        `${low} to ${high} without and with what may be another’s`,
        `他のものでもありうる通信を除くと${low}、含めると${high}`,
      )}
    </small>
  );
}

/** Its share where the study's reference population is, and how many times that it has here. */
function Reference({ of }: { of: Service }) {
  if (!of.reference) return <span class="muted">–</span>;
  return (
    <>
      <Ratio of={of.reference.ratio} />
      <small class="under">
        <span title={format.share(of.reference.share).exact}>
          {t('there ', '基準集団 ')}
          <span data-value={of.reference.share.value}>
            {format.share(of.reference.share).value}
          </span>
        </span>
      </small>
    </>
  );
}

/** Beside a reference there is room for one column of both. */
function volumes(together: boolean): Column<Service>[] {
  const flows = t('Conversations', '通信件数');
  const octets = t('Octets', 'オクテット数');
  if (!together)
    return [
      { head: flows, number: true, cell: (s) => <Count n={s.flows} /> },
      { head: octets, number: true, cell: (s) => <Count n={s.octets} words={format.octets} /> },
    ];
  return [
    {
      head: t('Conversations, octets', '通信件数、オクテット数'),
      number: true,
      cell: (s) => (
        <>
          <Count n={s.flows} />
          <small class="under">
            <Count n={s.octets} words={format.octets} />
          </small>
        </>
      ),
    },
  ];
}

/** Which population it is. */
function referenceNote(x: Context): string {
  const of = x.model.study.reference;
  const name = visible(of?.name ?? '', 120);
  return name
    ? t(
        `The reference population is ${name}; the ratio is the share here over the share there, with its 95% interval.`,
        `基準集団は${name}。比は、基準集団での割合に対するここでの割合であり、95%信頼区間を添える。`,
      )
    : '';
}

export function Services({ x }: { x: Context }) {
  const services = given(x.model.services);
  if (!services)
    return isUnsupported(x.model.services) ? (
      <Section id="services" title={t('Services', 'サービス')}>
        <Quiet why={x.model.services} />
      </Section>
    ) : null;
  const ends = services.flatMap((s) => [format.ends(s.share, 0, 1)[1], s.ambiguous?.high ?? 0]);
  const max = Math.max(0, ...ends);
  const last = Math.max(1, ...services.map((s) => s.rank_high ?? s.rank), 30);
  const ambiguous = services.some((s) => (s.ambiguous?.flows ?? 0) > 0);
  const referred = services.some((s) => s.reference);
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
                  <RankLine of={s} last={last} />
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
                  <Bar of={s.share} max={max} upTo={s.ambiguous?.high} />
                  <AmbiguousRange of={s.ambiguous} />
                </>
              ),
            },
            {
              head: t('Of octets', 'オクテット比'),
              number: true,
              cell: (s) => <Share of={s.octets_share} />,
            },
            ...(referred
              ? [
                  {
                    head: t('Against reference', '基準集団との比'),
                    number: true,
                    hint: t(
                      'Its share over its share in the reference population that the study names',
                      '調査が指定した基準集団での割合に対する、ここでの割合の比',
                    ),
                    cell: (s: Service) => <Reference of={s} />,
                  },
                ]
              : []),
            ...volumes(referred),
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
      {referred && referenceNote(x) && (
        <p class="note">
          <bdi>{referenceNote(x)}</bdi>
        </p>
      )}
      {ambiguous && (
        <p class="note">
          {t(
            'The faint end of a bar is what may be this service’s or another’s on the same hosts: it is not counted here, and its owner cannot be told.',
            '棒の薄い部分は、同じホスト上のこのサービスのものか他のものか区別できない通信であり、ここには数えていない。',
          )}
        </p>
      )}
    </Section>
  );
}
