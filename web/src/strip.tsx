// SPDX-License-Identifier: Apache-2.0
// A row of hours or days in a table's cell: the stronger the colour, the more.

export interface Cell {
  /** 0 to 6 of the ramp; null where there is nothing */
  level: number | null;
  title: string;
}

/** The step of the ramp for `n` of at most `most`; logarithmic, as conversations are. */
export function levelOf(n: number, most: number): number | null {
  if (!(n > 0)) return null;
  return most > 1 ? Math.min(6, 1 + Math.round((5 * Math.log(n)) / Math.log(most))) : 4;
}

/** `marks` are the cells that a line stands before: midnights, months. */
export function Strip({ cells, marks = [] }: { cells: Cell[]; marks?: number[] }) {
  const gap = cells.length > 60 ? 0 : 0.08;
  return (
    <svg
      class="strip"
      viewBox={`0 0 ${Math.max(1, cells.length)} 10`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <rect class="strip-none" x="0" y="0" width={cells.length} height="10" />
      {cells.map(
        (c, i) =>
          c.level !== null && (
            <rect
              class={`strip-${c.level}`}
              x={i + gap / 2}
              y="0"
              width={1 - gap + (gap ? 0 : 0.02)}
              height="10"
            >
              <title>{c.title}</title>
            </rect>
          ),
      )}
      {marks.map((at) => (
        <line class="strip-mark" x1={at} x2={at} y1="0" y2="10" />
      ))}
    </svg>
  );
}
