// SPDX-License-Identifier: Apache-2.0
// Who did what, hour by hour: one strip for each host, service and role, the hours themselves below it.

import type { Context } from '../context';
import * as format from '../format';
import { known, t } from '../lang';
import { given, type Timeline, type TimelineRow } from '../model';
import { Command, Count, evidenceColumn, Lede, Plain, Section, Table } from '../parts';
import { levelOf, Strip, type Cell } from '../strip';
import { subjectName } from '../subject';
import { visible } from '../text';
import { localTime } from '../zone';

const HOUR = 3_600_000;
const MOST_CELLS = 168;
const SHOWN = 12;
const ROLES: Record<string, string> = {
  consumed: t('consumed', '利用'),
  served: t('served', '提供'),
  peer: t('peer', 'ピア'),
  unanswered: t('unanswered', '無応答'),
};
const roleOf = (role: string) => ROLES[role] ?? role;

/** The cells of a timeline's strips. */
interface Grid {
  from: number;
  width: number;
  cells: number;
  midnights: number[];
}

interface Actor {
  local: string;
  service: string;
  role: string;
  flows: number;
  octets: number;
  hours: number;
  first: number;
  last: number;
  cells: number[];
}

function gridOf(x: Context, of: Timeline): Grid {
  const [from, to] = [Date.parse(of.from), Date.parse(of.to)];
  const hours = Math.max(1, Math.ceil((to - from) / HOUR) || 1);
  const width = Math.ceil(hours / MOST_CELLS);
  const cells = Math.ceil(hours / width);
  const dayOf = (i: number) => Math.floor(x.zone.local(from + i * width * HOUR) / (24 * HOUR));
  const midnights = Array.from({ length: cells }, (_, i) => i).filter(
    (i) => i > 0 && dayOf(i) !== dayOf(i - 1),
  );
  return { from, width, cells, midnights };
}

/** The rows of one host, service and role together, in the order in which they began. */
function actorsOf(rows: TimelineRow[], grid: Grid): Actor[] {
  const all = new Map<string, Actor>();
  for (const r of rows) {
    const key = `${r.local} ${r.service} ${r.role}`;
    const start = Date.parse(r.time);
    const actor = all.get(key) ?? {
      local: r.local,
      service: r.service,
      role: r.role,
      flows: 0,
      octets: 0,
      hours: 0,
      first: Infinity,
      last: -Infinity,
      cells: new Array<number>(grid.cells).fill(0),
    };
    const cell = Math.floor((start - grid.from) / (grid.width * HOUR));
    if (cell >= 0 && cell < grid.cells) actor.cells[cell] = (actor.cells[cell] ?? 0) + r.flows;
    actor.flows += r.flows;
    actor.octets += r.octets;
    actor.hours++;
    actor.first = Math.min(actor.first, start);
    actor.last = Math.max(actor.last, start);
    all.set(key, actor);
  }
  return [...all.values()].sort((a, b) => a.first - b.first || b.flows - a.flows);
}

const flowsIn = (n: number) => format.plural(n, 'conversation', 'conversations', '通信{n}件');

function cellsOf(x: Context, of: Actor, grid: Grid, most: number): Cell[] {
  return of.cells.map((n, i) => ({
    level: levelOf(n, most),
    title: `${localTime(x.zone.local(grid.from + i * grid.width * HOUR))}: ${flowsIn(n)}`,
  }));
}

function Strips({ x, of, id }: { x: Context; of: Timeline; id: string }) {
  const grid = gridOf(x, of);
  const actors = actorsOf(of.rows, grid);
  const most = Math.max(0, ...actors.flatMap((a) => a.cells));
  const hours =
    grid.width === 1 ? t('hour', '1時間') : t(`${grid.width} hours`, `${grid.width}時間`);
  return (
    <>
      <Table
        label={t('Who did what, hour by hour', '誰が何をしたか（時間別）')}
        id={id}
        rows={actors}
        limit={SHOWN}
        columns={[
          {
            head: t('Host', 'ホスト'),
            class: 'address',
            cell: (a) => <Plain text={a.local} longest={60} />,
          },
          {
            head: t('Service', 'サービス'),
            cell: (a) => (
              <>
                <Plain text={subjectName(x, { kind: 'service', id: a.service })} longest={60} />
                {a.role !== 'consumed' && (
                  <small class="under">
                    <Plain text={roleOf(a.role)} longest={40} />
                  </small>
                )}
              </>
            ),
          },
          {
            head: (
              <span class="strip-ends">
                <span>{localTime(x.zone.local(grid.from))}</span>
                <span>{localTime(x.zone.local(Date.parse(of.to)))}</span>
              </span>
            ),
            class: 'strip-cell',
            cell: (a) => <Strip cells={cellsOf(x, a, grid, most)} marks={grid.midnights} />,
          },
          {
            head: t('Hours', '時間数'),
            number: true,
            cell: (a) => <Count n={a.hours} />,
          },
          {
            head: t('Conversations', '通信件数'),
            number: true,
            cell: (a) => <Count n={a.flows} />,
          },
          {
            head: t('Octets', 'オクテット数'),
            number: true,
            cell: (a) => <Count n={a.octets} words={format.octets} />,
          },
        ]}
      />
      <p class="note">
        {t(
          `Each mark is ${grid.width === 1 ? 'an hour' : hours} of ${x.zoneLabel}; the stronger its colour, the more conversations, up to ${format.count(most)}.`,
          `一目盛りは${x.zoneLabel}の${hours}。色が強いほど通信が多い（最大${format.count(most)}件）。`,
        )}
        {of.rows_in_all > of.rows.length &&
          t(
            ` The first ${format.count(of.rows.length)} of ${format.count(of.rows_in_all)} rows are told.`,
            `全${format.count(of.rows_in_all)}行のうち、最初の${format.count(of.rows.length)}行を示す。`,
          )}
      </p>
    </>
  );
}

function Hours({ x, of, id }: { x: Context; of: Timeline; id: string }) {
  return (
    <details class="behind">
      <summary>
        {t(
          `The ${format.count(of.rows.length)} rows by hour`,
          `時間別の${format.count(of.rows.length)}行`,
        )}
      </summary>
      <Table
        label={t('Rows by hour', '時間別の行')}
        id={id}
        rows={of.rows}
        limit={SHOWN}
        columns={[
          {
            head: t('Hour', '時刻'),
            class: 'nowrap',
            cell: (r) => localTime(x.zone.local(Date.parse(r.time))),
          },
          {
            head: t('Host', 'ホスト'),
            class: 'address',
            cell: (r) => <Plain text={r.local} longest={60} />,
          },
          {
            head: t('Service', 'サービス'),
            cell: (r) => (
              <Plain text={subjectName(x, { kind: 'service', id: r.service })} longest={60} />
            ),
          },
          { head: t('Role', '役割'), cell: (r) => <Plain text={roleOf(r.role)} longest={40} /> },
          {
            head: t('Conversations', '通信件数'),
            number: true,
            cell: (r) => <Count n={r.flows} />,
          },
          {
            head: t('Octets', 'オクテット数'),
            number: true,
            cell: (r) => <Count n={r.octets} words={format.octets} />,
          },
          evidenceColumn<TimelineRow>(),
        ]}
      />
    </details>
  );
}

function titleOf(x: Context, of: Timeline): string {
  const subject = known(visible(subjectName(x, of.subject), 80));
  if (of.reason === 'onset')
    return t(`${subject}: its first hours`, `${subject}：開始直後の数時間`);
  return [visible(of.label, 120), subject].filter((s) => s).join(': ');
}

function One({ x, of, at }: { x: Context; of: Timeline; at: number }) {
  return (
    <div class="part timeline">
      <h3>
        <bdi>{titleOf(x, of)}</bdi>
      </h3>
      {of.rows.length > 0 ? (
        <Strips x={x} of={of} id={`timeline-${at}`} />
      ) : (
        <p class="quiet">{t('Nothing happened in it.', 'この期間の通信はない。')}</p>
      )}
      {of.rows.length > 0 && <Hours x={x} of={of} id={`timeline-hours-${at}`} />}
      <Command evidence={of.evidence} />
    </div>
  );
}

export function Timelines({ x }: { x: Context }) {
  const all = given(x.model.timelines);
  if (!all) return null;
  return (
    <Section id="timelines" title={t('Timelines', '時系列')}>
      <Lede>
        {t(
          'Who did what, hour by hour: of the spans that the study names, and of the first hours of what began.',
          '誰が何をいつ行ったかを時間ごとに示す。対象は、調査が指定した期間と、新たに始まったものの最初の数時間である。',
        )}
      </Lede>
      {all.length === 0 && <p class="quiet">{t('None found.', '見つからなかった。')}</p>}
      {all.map((of, i) => (
        <One x={x} of={of} at={i} />
      ))}
    </Section>
  );
}
