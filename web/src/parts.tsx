// SPDX-License-Identifier: Apache-2.0
// The parts that sections are made of.

import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import * as format from './format';
import type { Estimate, Evidence, Unsupported } from './model';
import { commandOf, commandParts, visible } from './text';
import { known, lang, t, textOf } from './lang';

export function Section(props: { id: string; title: string; children: ComponentChildren }) {
  return (
    <section id={props.id} aria-labelledby={`${props.id}-title`}>
      <h2 id={`${props.id}-title`}>{props.title}</h2>
      {props.children}
    </section>
  );
}

export function Lede({ children }: { children: ComponentChildren }) {
  return <p class="lede">{children}</p>;
}

/** A sentence in the page's language with parts that are more than text at its {names}. */
export function Say(props: { en: string; ja: string; [name: string]: ComponentChildren }) {
  const template = lang === 'ja' ? props.ja : props.en;
  return (
    <>
      {template
        .split(/(\{\w+\})/)
        .map((part) => (/^\{\w+\}$/.test(part) ? props[part.slice(1, -1)] : part))}
    </>
  );
}

export function Quiet({ why }: { why: Unsupported }) {
  return <p class="quiet">{visible(textOf(why, 'unsupported'), 2000)}</p>;
}

/** Text from the model: nothing hidden in it, and it cannot turn the line around it. */
export function Plain({ text, longest }: { text: unknown; longest?: number }) {
  return <bdi>{visible(typeof text === 'string' ? known(text) : text, longest)}</bdi>;
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'offscreen';
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    return done;
  }
}

function useCopy(text: string): [string | null, () => void] {
  const [said, say] = useState<string | null>(null);
  const run = async () => {
    say(
      (await copy(text))
        ? t('Copied', 'コピー済み')
        : t('Select and copy it by hand', '手動で選択してコピー'),
    );
    setTimeout(() => say(null), 1600);
  };
  return [said, run];
}

type Window = Pick<Evidence, 'filter' | 'from' | 'to'> & { flows?: number };

/** The command that shows the flows behind a number, in full. */
export function Command({ evidence }: { evidence: Window }) {
  const command = commandOf(evidence);
  const [said, run] = useCopy(command);
  return (
    <div class="command">
      <code tabIndex={0}>
        {commandParts(evidence).map((part, i) => (
          <>
            {i > 0 && ' '}
            <span class={part.startsWith('--') ? 'nowrap' : undefined}>{part}</span>
          </>
        ))}
      </code>
      <button
        type="button"
        onClick={run}
        aria-label={t(`Copy command: ${command}`, `コマンドをコピー：${command}`)}
      >
        {said ?? t('Copy', 'コピー')}
      </button>
      {evidence.flows !== undefined && (
        <span
          class="command-n"
          title={t(
            `${format.exact(evidence.flows)} flows`,
            `${format.exact(evidence.flows)}フロー`,
          )}
        >
          {format.plural(evidence.flows, 'flow', 'flows', '{n}フロー')}
        </span>
      )}
    </div>
  );
}

/** The same as a button in a table's row. */
export function CommandButton({
  evidence,
  words = t('copy', 'コピー'),
}: {
  evidence: Evidence | null | undefined;
  words?: string;
}) {
  const command = evidence ? commandOf(evidence) : '';
  const [said, run] = useCopy(command);
  if (!evidence) return null;
  return (
    <button
      type="button"
      class="row-command"
      onClick={run}
      title={t(
        `${command}\n${format.exact(evidence.flows)} flows. Press to copy.`,
        `${command}\n${format.exact(evidence.flows)}フロー。押すとコピーする。`,
      )}
      aria-label={t(`Copy command: ${command}`, `コマンドをコピー：${command}`)}
    >
      {said ?? words}
    </button>
  );
}

export function Count({
  n,
  words = format.count,
}: {
  n?: number | null;
  words?: typeof format.count;
}) {
  return (
    <span data-value={n ?? undefined} title={format.exact(n)}>
      {words(n)}
    </span>
  );
}

/** An estimate: its value, and its interval more quietly. */
export function Interval({ of, as }: { of?: Estimate | null; as: (e: Estimate) => format.Worded }) {
  if (!of) return <span class="muted">–</span>;
  const worded = as(of);
  return (
    <span
      class="interval"
      data-value={of.value}
      data-low={of.low ?? undefined}
      data-high={of.high ?? undefined}
      title={worded.exact}
    >
      <span class="value">{worded.value}</span>
      {worded.range && <span class="range"> ({worded.range})</span>}
    </span>
  );
}

export const Share = ({ of }: { of?: Estimate | null }) => <Interval of={of} as={format.share} />;
export const Ratio = ({ of }: { of?: Estimate | null }) => (
  <Interval of={of} as={(e) => format.estimate(e, format.times)} />
);

/** A bar with its interval as a whisker, on a scale that ends at `max`; lighter up to what it may also be. */
export function Bar({ of, max, upTo }: { of: Estimate; max: number; upTo?: number }) {
  const x = (n: number) => (max > 0 ? Math.max(0, Math.min(1, n / max)) * 100 : 0);
  const [low, high] = format.ends(of, 0, max);
  return (
    <svg class="bar" viewBox="0 0 100 12" preserveAspectRatio="none" aria-hidden="true">
      <rect class="bar-fill" x="0" y="2.5" width={x(of.value)} height="7" />
      {upTo !== undefined && upTo > of.value && (
        <rect class="bar-maybe" x={x(of.value)} y="2.5" width={x(upTo) - x(of.value)} height="7" />
      )}
      <line class="bar-whisker" x1={x(low)} x2={x(high)} y1="6" y2="6" />
      <line class="bar-whisker" x1={x(low)} x2={x(low)} y1="3.6" y2="8.4" />
      <line class="bar-whisker" x1={x(high)} x2={x(high)} y1="3.6" y2="8.4" />
    </svg>
  );
}

export interface Column<Row> {
  head: ComponentChildren;
  cell: (row: Row, index: number) => ComponentChildren;
  /** numbers are set to the right */
  number?: boolean;
  class?: string;
  hint?: string;
}

interface TableProps<Row> {
  label: string;
  id?: string;
  rows: Row[];
  columns: Column<Row>[];
  /** rows shown at first; the rest on demand and in print */
  limit?: number;
  rowClass?: (row: Row) => string | undefined;
  /** on a narrow screen each row is a card, its cells with their heads */
  cards?: boolean;
}

export function Table<Row>(props: TableProps<Row>) {
  const { label, id, rows, columns, limit = 0, rowClass, cards } = props;
  const [all, setAll] = useState(false);
  const cut = limit > 0 && rows.length > limit + 2 && !all;
  const classOf = (c: Column<Row>) => [c.number ? 'number' : '', c.class ?? ''].join(' ').trim();
  return (
    <>
      <div class="scroll" role="region" aria-label={label} tabIndex={0}>
        <table
          id={id}
          class={[cut ? 'cut' : '', cards ? 'cards' : ''].join(' ').trim() || undefined}
        >
          <thead>
            <tr>
              {columns.map((c) => (
                <th scope="col" class={classOf(c)} title={c.hint}>
                  {c.head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, i) => (
              <tr class={[rowClass?.(row) ?? '', cut && i >= limit ? 'more' : ''].join(' ').trim()}>
                {columns.map((c) => (
                  <td
                    class={classOf(c)}
                    data-head={cards && typeof c.head === 'string' ? c.head : undefined}
                  >
                    {c.cell(row, i)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {cut && (
        <button type="button" class="all" onClick={() => setAll(true)}>
          {t(
            `Show all ${format.count(rows.length)} rows`,
            `全${format.count(rows.length)}行を表示`,
          )}
        </button>
      )}
    </>
  );
}

export function evidenceColumn<Row extends { evidence?: Evidence | null }>(): Column<Row> {
  return {
    head: t('Command', 'コマンド'),
    class: 'screen',
    hint: t(
      'Copies the command that lists exactly these flows',
      'まさにこれらのフローを一覧するコマンドをコピーする',
    ),
    cell: (row) => <CommandButton evidence={row.evidence} />,
  };
}
