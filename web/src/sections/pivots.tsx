// SPDX-License-Identifier: Apache-2.0
// What was done behind addresses that the population came out of for a while.

import type { Context } from '../context';
import * as format from '../format';
import { t } from '../lang';
import { given, isUnsupported, type Behind, type Pivot } from '../model';
import {
  Bar,
  Command,
  CommandButton,
  Count,
  evidenceColumn,
  Lede,
  Plain,
  Quiet,
  Section,
  Share,
  Table,
} from '../parts';
import { longRange } from '../zone';
import { Anything } from './others';

const SHOWN = 10;

function Ranking({
  rows,
  head,
  id,
  unit,
}: {
  rows: Behind[];
  head: string;
  id: string;
  unit: string;
}) {
  if (!rows.length) return null;
  const max = Math.max(0, ...rows.map((r) => (r.share ? format.ends(r.share, 0, 1)[1] : 0)));
  return (
    <Table
      label={head}
      id={id}
      rows={rows}
      limit={SHOWN}
      columns={[
        { head: '#', class: 'rank', cell: (r, i) => r.rank ?? i + 1 },
        { head, class: 'name', cell: (r) => <Plain text={r.name ?? r.id} longest={60} /> },
        {
          head: t(`Share of ${unit} behind it`, `その先の${unit}に占める割合`),
          class: 'share',
          cell: (r) => (
            <>
              <Share of={r.share} />
              {r.share && <Bar of={r.share} max={max} />}
            </>
          ),
        },
        { head: t('Conversations', '通信件数'), number: true, cell: (r) => <Count n={r.flows} /> },
        {
          head: t('Octets', 'オクテット数'),
          number: true,
          cell: (r) => <Count n={r.octets} words={format.octets} />,
        },
        { head: t('Days', '日数'), number: true, cell: (r) => <Count n={r.days} /> },
        evidenceColumn<Behind>(),
      ]}
    />
  );
}

/** Who of the population spoke with it, how much came out of it. */
function Facts({ of }: { of: Pivot }) {
  const by = of.reached_by;
  return (
    <dl class="values">
      <div>
        <dt>{t('Came out of it', 'そこから出た通信')}</dt>
        <dd>
          <Count n={of.flows} />
          <small class="under">
            {format.octets(of.octets)}
            {of.days !== undefined && t(` on ${format.plural(of.days, 'day')}`, `、${of.days}日`)}
          </small>
        </dd>
      </div>
      {by && (
        <div>
          <dt>{t('The population’s conversations with it', '対象集団とそことの通信')}</dt>
          <dd>
            <Count n={by.flows} /> <CommandButton evidence={by.evidence} />
            <small class="under">
              {format.octets(by.octets)}{' '}
              {t(`by ${format.plural(by.local_hosts, 'host')}`, `、内部ホスト${by.local_hosts}台`)}
            </small>
          </dd>
        </div>
      )}
    </dl>
  );
}

function Devices({ of }: { of: unknown }) {
  if (of == null || (Array.isArray(of) && !of.length)) return null;
  return (
    <>
      <h4>{t('Devices behind it', 'その先の機器')}</h4>
      {isUnsupported(of) ? <Quiet why={of} /> : <Anything name="devices" of={of} />}
    </>
  );
}

/** Its dates as the study has them; of an older model, the days of its window. */
function datesOf(of: Pivot, x: Context): string {
  const day = (time: string | undefined, less: number) => {
    const local = x.zone.local(Date.parse(time ?? '') - less);
    return Number.isFinite(local) ? new Date(local).toISOString().slice(0, 10) : '';
  };
  const [from, to] = [of.from_date ?? day(of.from, 0), of.to_date ?? day(of.to, 1)];
  return from && to ? longRange(from, to) : '';
}

function One({ of, at, x }: { of: Pivot; at: number; x: Context }) {
  const unit = x.unit;
  const dates = datesOf(of, x);
  const nothing = !of.services?.length && !of.categories?.length;
  return (
    <div class="part pivot">
      <h3>
        <Plain text={of.label || of.prefix} longest={120} />
        <small class="under">
          {of.label && <Plain text={of.prefix} longest={60} />}
          {of.label && dates && ', '}
          {dates}
        </small>
      </h3>
      <Facts of={of} />
      {nothing && (
        <p class="quiet">
          {t('Nothing that came out of it was recorded.', 'そこから出た通信は記録されていない。')}
        </p>
      )}
      <Ranking
        rows={of.services ?? []}
        head={t('Service', 'サービス')}
        id={`pivot-${at}-services`}
        unit={unit}
      />
      <Ranking
        rows={of.categories ?? []}
        head={t('Category', '分類')}
        id={`pivot-${at}-categories`}
        unit={unit}
      />
      <Devices of={of.devices} />
      {of.evidence && <Command evidence={of.evidence} />}
    </div>
  );
}

export function Pivots({ x }: { x: Context }) {
  const all = given(x.model.pivots);
  if (!all) return null;
  const chains = given(x.model.concealment)?.chains;
  return (
    <Section id="pivots" title={t('Pivots', '経由地点')}>
      <Lede>
        {t(
          'What addresses asked for while the study says that the population came out of them. Others may share such an address: what came out of it need not be the population’s, and none of it is in the other sections.',
          '対象集団が経由したと調査が述べる期間に、それらのアドレスから出た通信を示す。アドレスは他者と共有されうるため、その通信が対象集団のものとは限らず、他の節には一切含めない。',
        )}
        {Array.isArray(chains) && chains.length > 0 && (
          <>
            {' '}
            <a href="#chains">
              {t(
                'What follows from the population’s own: chains.',
                '対象集団の通信に続くもの：連鎖',
              )}
            </a>
          </>
        )}
      </Lede>
      {all.length === 0 && <p class="quiet">{t('None found.', '見つからなかった。')}</p>}
      {all.map((of, i) => (
        <One of={of} at={i} x={x} />
      ))}
    </Section>
  );
}
