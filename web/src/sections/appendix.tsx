// SPDX-License-Identifier: Apache-2.0
// Appendix A: the data behind the report. Appendix B: how its numbers are made.

import type { Context } from '../context';
import * as format from '../format';
import { given, isUnsupported, type Fidelity, type FidelityDay, type Source } from '../model';
import { Count, Plain, Quiet, Section, Table } from '../parts';
import { visible } from '../text';
import { localTime, longRange, utcTime } from '../zone';

const midnight = (date: string) => Date.parse(`${date}T00:00:00Z`);

function DaysTable({ of }: { of: FidelityDay[] }) {
  return (
    <Table
      label="Data quality by day"
      id="fidelity-table"
      rows={of}
      limit={14}
      rowClass={(d) => (d.used === false || d.hours_with_data === 0 ? 'absent' : undefined)}
      columns={[
        { head: 'Day', class: 'nowrap', cell: (d) => localTime(midnight(d.date), false) },
        { head: 'Hours with data', number: true, cell: (d) => <Count n={d.hours_with_data} /> },
        {
          head: 'Records',
          number: true,
          cell: (d) => <Count n={d.records} words={format.exact} />,
        },
        { head: 'Flows', number: true, cell: (d) => <Count n={d.flows} words={format.exact} /> },
        { head: 'Lost', number: true, cell: (d) => <Count n={d.records_lost} /> },
        { head: 'Lost share', number: true, cell: (d) => format.percent(d.lost_share) },
        { head: 'Rejected', number: true, cell: (d) => <Count n={d.rejected} /> },
        {
          head: 'Sampling',
          number: true,
          cell: (d) => (d.sampling ?? []).map((n) => (n > 1 ? `1:${n}` : 'none')).join(', ') || '–',
        },
        { head: 'Exporters', number: true, cell: (d) => <Count n={d.exporters} /> },
        { head: 'Score', number: true, cell: (d) => d.score?.toFixed(2) ?? '–' },
        { head: 'Used', cell: (d) => (d.used === false ? 'no' : 'yes') },
      ]}
    />
  );
}

function FidelityPart({ of }: { of: Fidelity }) {
  return (
    <>
      {(of.warnings ?? []).length > 0 && (
        <ul class="warnings">
          {of.warnings.map((w) => (
            <li>
              <Plain text={w} longest={1000} />
            </li>
          ))}
        </ul>
      )}
      <p>
        {of.robust && (
          <>
            Comparable throughout: {longRange(of.robust.from, of.robust.to)}.{' '}
            <Plain text={of.robust.why} longest={600} />{' '}
          </>
        )}
        {of.days_used !== undefined && (
          <>
            {of.days_used} of {of.days_of_period ?? of.days.length} days are used for shares and
            intervals.{' '}
          </>
        )}
        {of.score_is && (
          <>
            A day’s score is <Plain text={of.score_is} longest={300} />
            {of.threshold !== undefined && <>; days under {of.threshold} are left out</>}.
          </>
        )}
      </p>
      <DaysTable of={of.days ?? []} />
    </>
  );
}

function Digest({ of }: { of?: string | null }) {
  if (!of) return <span class="muted">–</span>;
  return (
    <code class="digest">
      <Plain text={of} longest={140} />
    </code>
  );
}

function Sources({ of }: { of: Source[] }) {
  return (
    <Table
      label="Sources"
      id="sources-table"
      rows={of}
      limit={20}
      columns={[
        {
          head: 'Source',
          class: 'name path',
          cell: (s) => (
            <>
              <Plain text={s.path} longest={160} />
              <small class="under">
                SHA-256 <Digest of={s.sha256} />
              </small>
            </>
          ),
        },
        { head: 'Format', cell: (s) => <Plain text={s.format} longest={40} /> },
        {
          head: 'First and last record',
          cell: (s) => (
            <span class="nowrap">
              {utcTime(s.first)}
              <br />
              {utcTime(s.last)}
            </span>
          ),
        },
        {
          head: 'Records',
          number: true,
          cell: (s) => <Count n={s.records} words={format.exact} />,
        },
        { head: 'Kept', number: true, cell: (s) => <Count n={s.kept} words={format.exact} /> },
        {
          head: 'Outside',
          number: true,
          cell: (s) => <Count n={s.outside} words={format.exact} />,
        },
        {
          head: 'Duplicates',
          number: true,
          cell: (s) => <Count n={s.duplicates} words={format.exact} />,
        },
        {
          head: 'Rejected',
          number: true,
          cell: (s) => <Count n={s.rejected} words={format.exact} />,
        },
      ]}
    />
  );
}

function Provenance({ x }: { x: Context }) {
  const p = x.model.provenance ?? {};
  const rows: [string, string][] = [
    ['Report generated', utcTime(p.generated)],
    ['Program', `telltale ${visible(p.program_version)}`],
    ['Engine', p.engine ? `${visible(p.engine.kind)} ${visible(p.engine.version)}` : '–'],
    ['Seed of everything random', p.seed === undefined ? '–' : String(p.seed)],
    ['Countries and origin AS', p.geo ? `${visible(p.geo.name)}, ${visible(p.geo.date)}` : 'none'],
    [
      'Catalogue',
      p.catalogue
        ? `${format.exact(p.catalogue.entries)} entries of ${visible(p.catalogue.date)}, SHA-256 ${visible(p.catalogue.sha256)}`
        : 'none',
    ],
    ['Tor consensus', p.tor ? `${visible(p.tor.from)} to ${visible(p.tor.to)}` : 'none'],
    [
      'Definitions',
      Object.entries(p.definitions ?? {})
        .map(([k, v]) => `${visible(k)} ${visible(v)}`)
        .join(', ') || '–',
    ],
    ['Model', `${visible(x.model.schema)}, digest ${visible(p.digest ?? '–')}`],
  ];
  return (
    <dl class="provenance">
      {rows.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Data({ x }: { x: Context }) {
  const fidelity = given(x.model.fidelity);
  const sources = x.model.provenance?.sources ?? [];
  return (
    <Section id="data" title="Appendix A: the data">
      <h3>Completeness</h3>
      {isUnsupported(x.model.fidelity) && <Quiet why={x.model.fidelity} />}
      {fidelity && <FidelityPart of={fidelity} />}
      <h3>Sources</h3>
      {sources.length ? <Sources of={sources} /> : <p class="quiet">No source was imported.</p>}
      <h3>Provenance</h3>
      <Provenance x={x} />
    </Section>
  );
}

export function Methods({ x }: { x: Context }) {
  const presence = given(x.model.presence);
  return (
    <Section id="methods" title="Appendix B: methods">
      <dl class="methods">
        <dt>Conversations</dt>
        <dd>
          What is counted is a conversation: the two directions of one exchange between an address
          of the population and another. One that an exporter cut into several records, or that two
          exporters saw, counts once. The study’s measure:{' '}
          <Plain text={x.model.study.measure} longest={600} />.
        </dd>
        <dt>Roles</dt>
        <dd>
          Consumed: the population opened it. Served: others opened it towards a server of the
          population, which answered. Peer: both sides are alike, as in file sharing. Unanswered:
          scans and the like. Usage, rhythm and presence are about consumed and peer.
        </dd>
        <dt>Services</dt>
        <dd>
          A conversation belongs to a service by the best evidence there is: the server’s name, then
          the payload’s protocol, a DNS answer that the same client had before, an address range
          that the service owns, the origin AS, the port. A shared host without a name stays
          ambiguous.
        </dd>
        <dt>Intervals</dt>
        <dd>
          An interval says where the long-run value lies that other days of the same population
          would show, 95 times of 100. Days are the unit, since conversations of one day are not
          independent of each other, nor is a day of its neighbours. Plain counts of what was
          recorded carry none.
        </dd>
        <dt>Expected shares</dt>
        <dd>
          A country’s ratio is its share over the share that the baseline gives it; the adjusted one
          leaves out services that are popular wherever the population goes.
          {presence?.fdr !== undefined &&
            ` A country stands out when its adjusted ratio is above 1 at a false discovery rate of ${format.percent(presence.fdr).replace('.0%', '%')} over all countries.`}{' '}
          Address space does not know people’s habits: where it is the baseline, the ratio must be
          well above 1 and the country met locally too, through its government, news, universities
          or laboratories.
        </dd>
        <dt>Words</dt>
        <dd>
          Likelihood is given in the seven bands of ICD 203, from almost no chance (1 to 5%) to
          almost certain (95 to 99%). Confidence is about the sources and methods, and stands apart.
          A measurement is stated as one.
        </dd>
        <dt>Evidence</dt>
        <dd>
          Each number can be checked: the command beside it lists exactly the flows that it counts,
          in the study’s folder. <code>telltale verify</code> checks a whole report against its
          store.
        </dd>
        <dt>Times</dt>
        <dd>
          Dates and hours are those of {x.zoneLabel}, by the zone’s own history. Times marked UTC
          are UTC.
        </dd>
      </dl>
    </Section>
  );
}
