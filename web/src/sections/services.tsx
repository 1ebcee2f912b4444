// SPDX-License-Identifier: Apache-2.0
import type { Context } from '../context';
import * as format from '../format';
import { given, isUnsupported, type Service } from '../model';
import { Bar, Count, evidenceColumn, Lede, Plain, Quiet, Section, Share, Table } from '../parts';

const BASIS: [string, string][] = [
  ['name', 'server name'],
  ['dpi', 'payload'],
  ['dns', 'DNS answer'],
  ['prefix', 'owned prefix'],
  ['asn', 'origin AS'],
  ['port', 'port'],
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
  if (low && high === null) return `${low} or lower`;
  return low && high && low !== high ? `${low} to ${high}` : '';
}

export function Services({ x }: { x: Context }) {
  const services = given(x.model.services);
  if (!services)
    return isUnsupported(x.model.services) ? (
      <Section id="services" title="Services">
        <Quiet why={x.model.services} />
      </Section>
    ) : null;
  const max = Math.max(0, ...services.map((s) => format.ends(s.share, 0, 1)[1]));
  const names = new Map((given(x.model.categories) ?? []).map((c) => [c.id, c.name]));
  return (
    <Section id="services" title="Services">
      {services.length ? (
        <Lede>
          Share of the {x.unit} of use, by the service they went to. The line on each bar is its 95%
          interval: the share that other days of the same population would show. Where intervals
          overlap, the order is not certain, and the ranks that the data allow stand below the rank.
        </Lede>
      ) : (
        <Lede>No conversation could be attributed to a service.</Lede>
      )}
      {services.length > 0 && (
        <Table
          label={`Services by share of ${x.unit}`}
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
              head: 'Service',
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
              head: `Share of ${x.unit}`,
              class: 'share',
              cell: (s) => (
                <>
                  <Share of={s.share} />
                  <Bar of={s.share} max={max} />
                </>
              ),
            },
            { head: 'Of octets', number: true, cell: (s) => <Share of={s.octets_share} /> },
            { head: 'Conversations', number: true, cell: (s) => <Count n={s.flows} /> },
            {
              head: 'Octets',
              number: true,
              cell: (s) => <Count n={s.octets} words={format.octets} />,
            },
            { head: 'Hosts', number: true, cell: (s) => <Count n={s.local_hosts} /> },
            {
              head: 'Known by',
              class: 'nowrap',
              hint: 'The best evidence for most of its conversations, and the share of them that other services on the same hosts could claim',
              cell: (s) => (
                <>
                  <Basis of={s} />
                  {(s.ambiguous_share ?? 0) > 0 && (
                    <small class="under">{format.percent(s.ambiguous_share)} ambiguous</small>
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
