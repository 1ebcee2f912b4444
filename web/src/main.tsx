// SPDX-License-Identifier: Apache-2.0
// The report's page, drawn from the model that lies in it and from nothing else.

import { render } from 'preact';
import { contextOf, type Context } from './context';
import { lang, t } from './lang';
import type { Model } from './model';
import { ActivitySection } from './sections/activity';
import { Data, Methods } from './sections/appendix';
import { Categories } from './sections/categories';
import { ConcealmentSection } from './sections/concealment';
import { Contents } from './sections/contents';
import { EventsSection } from './sections/events';
import { Findings, Judgements } from './sections/findings';
import { Glance } from './sections/glance';
import { Masthead, Tlp } from './sections/masthead';
import { OnsetsSection } from './sections/onsets';
import { Coverage, Others } from './sections/others';
import { Pivots } from './sections/pivots';
import { PresenceSection } from './sections/presence';
import { RhythmSection } from './sections/rhythm';
import { Services } from './sections/services';
import { Texts } from './sections/texts';
import { Timelines } from './sections/timelines';
import { visible } from './text';
import { startTheme } from './theme';

function Report({ x }: { x: Context }) {
  return (
    <div class="page">
      <Masthead x={x} />
      <Contents x={x} />
      <main>
        <Judgements x={x} />
        <Texts x={x} place="before" />
        <Findings x={x} />
        <Glance x={x} />
        <ActivitySection x={x} />
        <Services x={x} />
        <Categories x={x} />
        <RhythmSection x={x} />
        <PresenceSection x={x} />
        <EventsSection x={x} />
        <ConcealmentSection x={x} />
        <OnsetsSection x={x} />
        <Others x={x} />
        <Pivots x={x} />
        <Timelines x={x} />
        <Texts x={x} place="after" />
        <Coverage x={x} />
        <Texts x={x} place="end" />
        <Data x={x} />
        <Methods x={x} />
      </main>
      <footer>
        <Tlp of={x.model.study.tlp} />
        {t(
          `Made by telltale ${visible(x.model.provenance?.program_version)} from the telemetry named in Appendix A. This file holds everything it shows and asks no network for anything.`,
          `telltale ${visible(x.model.provenance?.program_version)}が、付録Aに記したテレメトリから作成した。このファイルは表示するすべてを含み、ネットワークに何も要求しない。`,
        )}
      </footer>
    </div>
  );
}

/** A ratio of nothing to nothing has no value: there is none then, and no chart draws it. */
function withValue(key: string, of: unknown): unknown {
  if (!/ratio/.test(key) || typeof of !== 'object' || of === null) return of;
  return 'level' in of && (of as { value?: unknown }).value === null ? null : of;
}

function start(): void {
  startTheme();
  const app = document.getElementById('app');
  const source = document.getElementById('model');
  if (!app || !source) return;
  const model = JSON.parse(source.textContent ?? '', withValue) as Model;
  document.documentElement.lang = lang;
  document.title = `${visible(model.study.name, 120)} – telltale`;
  render(<Report x={contextOf(model)} />, app);
}

start();
