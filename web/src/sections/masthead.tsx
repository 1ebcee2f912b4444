// SPDX-License-Identifier: Apache-2.0
import * as format from '../format';
import type { Context } from '../context';
import type { Study } from '../model';
import { Plain } from '../parts';
import { ThemeButton } from '../theme';
import { longRange, utcTime } from '../zone';

const SHOWN_PREFIXES = 6;

function Population({ of }: { of: Study['population'] }) {
  const item = (p: Study['population'][number]) => (
    <li>
      <code>
        <Plain text={p.prefix} />
      </code>{' '}
      {p.label && <Plain text={p.label} />}
    </li>
  );
  const rest = of.slice(SHOWN_PREFIXES);
  return (
    <>
      <ul class="population">{of.slice(0, SHOWN_PREFIXES).map(item)}</ul>
      {rest.length > 0 && (
        <details>
          <summary>{format.count(rest.length)} more prefixes</summary>
          <ul class="population">{rest.map(item)}</ul>
        </details>
      )}
    </>
  );
}

export function Masthead({ x }: { x: Context }) {
  const { study, provenance } = x.model;
  const first = x.dates[0] ?? study.from;
  const last = x.dates[x.dates.length - 1] ?? study.to;
  return (
    <header class="masthead">
      <div class="brand">
        <span class="mark" aria-hidden="true" />
        <span>telltale</span>
        <span class="brand-kind">Report on flow telemetry</span>
        <ThemeButton />
      </div>
      <h1>
        <Plain text={study.name} />
      </h1>
      <dl class="facts">
        <div>
          <dt>Period</dt>
          <dd>
            {longRange(first, last)}
            <small>
              {format.plural(x.dates.length, 'day')} of {x.zoneLabel}
            </small>
          </dd>
        </div>
        <div class="wide">
          <dt>Population</dt>
          <dd>
            <Population of={study.population ?? []} />
          </dd>
        </div>
        <div>
          <dt>Generated</dt>
          <dd>
            {utcTime(provenance?.generated)}
            <small>
              telltale <Plain text={provenance?.program_version} />
            </small>
          </dd>
        </div>
      </dl>
    </header>
  );
}
