// SPDX-License-Identifier: Apache-2.0
// A figure: a chart by ECharts with its title, its note, the table of the same numbers, and the
// command behind the mark that the reader pressed. Drawn when it comes near the screen, again when
// its width or the colours change, and for paper before printing.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { BarChart, CustomChart, LineChart, MapChart, ScatterChart } from 'echarts/charts';
import {
  DataZoomComponent,
  GeoComponent,
  GridComponent,
  MarkAreaComponent,
  MarkLineComponent,
  TitleComponent,
  TooltipComponent,
} from 'echarts/components';
import * as echarts from 'echarts/core';
import type { EChartsCoreOption, EChartsType } from 'echarts/core';
import { LabelLayout } from 'echarts/features';
import { SVGRenderer } from 'echarts/renderers';
import type { Evidence } from './model';
import { Command } from './parts';
import { commandParts, visible } from './text';
import { onTheme, setPrinting, tokens, type Tokens } from './theme';
import { known, t } from './lang';

echarts.use([BarChart, CustomChart, LineChart, MapChart, ScatterChart]);
echarts.use([DataZoomComponent, GeoComponent, GridComponent, MarkAreaComponent, MarkLineComponent]);
echarts.use([TitleComponent, TooltipComponent, LabelLayout, SVGRenderer]);

/** What a chart is drawn for. */
export interface Canvas {
  t: Tokens;
  width: number;
  narrow: boolean;
  print: boolean;
}

export type Option = EChartsCoreOption;
export type Mark = Pick<Evidence, 'filter' | 'from' | 'to'> & { flows?: number };

interface FigureProps {
  id: string;
  title: ComponentChildren;
  /** What the chart shows, for those who do not see it. */
  label: string;
  note?: ComponentChildren;
  controls?: ComponentChildren;
  height: (c: { width: number; narrow: boolean; print: boolean }) => number;
  option: (c: Canvas) => Option;
  /** The evidence of a mark, by what ECharts hands to a click. */
  mark?: (params: MarkParams) => Mark | null;
  /** The same for charts without marks, by the grid that was pressed and where along its x axis. */
  markAt?: (grid: number, at: number) => Mark | null;
  table?: ComponentChildren;
  /** What changes with the part of the period that is shown, as local times. */
  zoomed?: (from: number, to: number, c: Canvas) => Option;
  /** Given to the caller once there is a chart, for zooming from outside. */
  chart?: { current: EChartsType | null };
  legend?: ComponentChildren;
}

export interface MarkParams {
  seriesId?: string;
  seriesIndex: number;
  dataIndex: number;
  name?: string;
  data?: unknown;
}

// A4 less its margins, in CSS pixels.
const PAPER_WIDTH = 672;
const printed = new Set<(on: boolean) => void>();

window.addEventListener('beforeprint', () => {
  setPrinting(true);
  for (const draw of printed) draw(true);
});
window.addEventListener('afterprint', () => {
  setPrinting(false);
  for (const draw of printed) draw(false);
});

/** One chart in `host`, alive until end(). */
class Drawing {
  private chart: EChartsType | null = null;
  private print = false;
  private width = 0;
  private canvas: Canvas | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly props: () => FigureProps,
    private readonly pick: (mark: Mark) => void,
  ) {}

  draw(): void {
    const width = this.print ? PAPER_WIDTH : Math.floor(this.host.clientWidth);
    if (width <= 0) return;
    const { height, option, mark, chart } = this.props();
    const narrow = width < 560;
    const size = { width, height: Math.round(height({ width, narrow, print: this.print })) };
    this.host.style.height = `${size.height}px`;
    if (!this.chart) {
      this.chart = echarts.init(this.host, null, { renderer: 'svg', ...size });
      this.chart.on('click', (params) => {
        const found = mark?.(params as unknown as MarkParams);
        if (found) this.pick(found);
      });
      this.chart.getZr().on('click', (e) => this.pressed(e.offsetX, e.offsetY));
      this.chart.on('datazoom', () => this.zoomed());
      if (chart) chart.current = this.chart;
    } else this.chart.resize(size);
    const t = tokens();
    this.canvas = { t, width, narrow, print: this.print };
    const base = { animation: false, textStyle: { fontFamily: t.font, color: t.soft } };
    this.chart.setOption({ ...base, ...option(this.canvas) }, true);
    this.scaleForPaper(size);
    this.width = width;
  }

  private pressed(x: number, y: number): void {
    const { markAt } = this.props();
    const grids = (this.chart?.getOption().grid as unknown[] | undefined)?.length ?? 0;
    for (let i = 0; markAt && i < grids; i++) {
      if (!this.chart?.containPixel({ gridIndex: i }, [x, y])) continue;
      const at = this.chart.convertFromPixel({ xAxisIndex: i }, x) as unknown as number;
      const found = markAt(i, at);
      if (found) this.pick(found);
    }
  }

  private zoomed(): void {
    const { zoomed } = this.props();
    const zoom = (
      this.chart?.getOption().dataZoom as { startValue: number; endValue: number }[]
    )?.[0];
    if (!zoomed || !zoom || !this.canvas) return;
    this.chart?.setOption(zoomed(zoom.startValue, zoom.endValue, this.canvas));
  }

  /** On paper the drawing is a picture that takes the width it gets. */
  private scaleForPaper(size: { width: number; height: number }): void {
    const svg = this.host.querySelector('svg');
    if (this.print) svg?.setAttribute('viewBox', `0 0 ${size.width} ${size.height}`);
    else svg?.removeAttribute('viewBox');
  }

  get drawn(): boolean {
    return this.chart !== null;
  }

  widthChanged(): void {
    if (this.chart && !this.print && Math.floor(this.host.clientWidth) !== this.width) this.draw();
  }

  setPrint(on: boolean): void {
    this.print = on;
    if (on || this.chart) this.draw();
  }

  end(): void {
    this.chart?.dispose();
    this.chart = null;
  }
}

function useDrawing(props: FigureProps, pick: (mark: Mark) => void) {
  const host = useRef<HTMLDivElement>(null);
  const latest = useRef(props);
  latest.current = props;
  const drawing = useRef<Drawing | null>(null);
  useEffect(() => {
    if (!host.current) return;
    const made = new Drawing(host.current, () => latest.current, pick);
    drawing.current = made;
    const near = new IntersectionObserver(
      (entries) => entries.some((e) => e.isIntersecting) && !made.drawn && made.draw(),
      { rootMargin: '600px' },
    );
    const size = new ResizeObserver(() => made.widthChanged());
    near.observe(host.current);
    size.observe(host.current);
    const forPrint = (on: boolean) => made.setPrint(on);
    printed.add(forPrint);
    const endTheme = onTheme(() => made.drawn && made.draw());
    return () => {
      near.disconnect();
      size.disconnect();
      printed.delete(forPrint);
      endTheme();
      made.end();
    };
  }, []);
  // A changed measure or selection is a changed `option`.
  useEffect(() => {
    if (drawing.current?.drawn) drawing.current.draw();
  }, [props.option]);
  return host;
}

export function Figure(props: FigureProps) {
  const [picked, setPicked] = useState<Mark | null>(null);
  const host = useDrawing(props, setPicked);
  return (
    <figure id={props.id} class="figure">
      <figcaption>
        <h3>{props.title}</h3>
        {props.controls && <div class="controls">{props.controls}</div>}
      </figcaption>
      {props.legend}
      <div ref={host} class="chart" role="img" aria-label={props.label} />
      {props.note && <p class="note">{props.note}</p>}
      {picked && <Command evidence={picked} />}
      {props.table && (
        <details class="behind">
          <summary>{t('Show as table', '表で示す')}</summary>
          {props.table}
        </details>
      )}
    </figure>
  );
}

/** A tooltip as elements, never as markup: names in it come from the network. */
export function tip(title: string, rows: [string, string][], mark?: Mark | null): HTMLElement {
  const box = document.createElement('div');
  box.className = 'tip';
  const head = document.createElement('strong');
  head.textContent = visible(known(title), 120);
  box.append(head);
  const list = document.createElement('dl');
  for (const [name, value] of rows) {
    const [dt, dd] = [document.createElement('dt'), document.createElement('dd')];
    dt.textContent = visible(name, 80);
    dd.textContent = value;
    list.append(dt, dd);
  }
  box.append(list);
  if (mark) {
    const code = document.createElement('code');
    for (const part of commandParts(mark)) {
      const span = document.createElement('span');
      span.className = part.startsWith('--') ? 'nowrap' : '';
      span.textContent = visible(part, 400);
      code.append(span, ' ');
    }
    const hint = document.createElement('small');
    hint.textContent = t(
      'Press the mark to keep this command.',
      '印を押すとこのコマンドを残せる。',
    );
    box.append(code, hint);
  }
  return box;
}

export function tooltip(c: Canvas, extra: object = {}): object {
  return {
    confine: true,
    transitionDuration: 0,
    padding: 0,
    borderWidth: 1,
    borderColor: c.t.rule,
    backgroundColor: c.t.paper,
    textStyle: { color: c.t.ink, fontSize: 13, fontFamily: c.t.font },
    extraCssText: 'max-width:min(380px,calc(100vw - 48px));white-space:normal;',
    ...extra,
  };
}

/** Axes as every chart has them. */
export function axis(c: Canvas, extra: object = {}): object {
  return {
    axisLine: { show: true, lineStyle: { color: c.t.rule } },
    axisTick: { show: false },
    axisLabel: { color: c.t.muted, fontSize: 12, fontFamily: c.t.font, hideOverlap: true },
    splitLine: { show: true, lineStyle: { color: c.t.hair } },
    nameTextStyle: { color: c.t.muted, fontSize: 12, fontFamily: c.t.font },
    ...extra,
  };
}

/** `text` no longer than a label of `pixels` holds. */
export function fit(text: string, pixels: number): string {
  const most = Math.max(4, Math.floor(pixels / 6.6));
  const shown = visible(known(text), 200);
  return shown.length > most ? `${[...shown].slice(0, most - 1).join('')}…` : shown;
}

/** A value with its interval as a label at a bar's end. */
export function endLabels(
  worded: { value: string; range: string }[],
  at: [number, number][],
  c: Canvas,
): object {
  const style = { fontFamily: c.t.font, fontSize: 12 };
  return {
    type: 'scatter',
    silent: true,
    symbolSize: 0.01,
    data: at,
    label: {
      show: true,
      position: 'right',
      distance: 8,
      rich: { v: { ...style, color: c.t.ink, fontWeight: 600 }, r: { ...style, color: c.t.muted } },
      formatter: (p: { dataIndex: number }) => {
        const w = worded[p.dataIndex];
        if (!w) return '';
        return c.narrow || !w.range ? `{v|${w.value}}` : `{v|${w.value}} {r| ${w.range}}`;
      },
    },
  };
}
