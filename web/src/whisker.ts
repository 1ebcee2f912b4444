// SPDX-License-Identifier: Apache-2.0
// Intervals drawn over bars and points: data are [low, high, row], the line runs along x.

import type { Canvas } from './chart';

interface Api {
  value(i: number): number;
  coord(p: [number, number]): [number, number];
}

export function whiskers(data: [number, number, number][], c: Canvas, extra: object = {}): object {
  return {
    type: 'custom',
    silent: true,
    z: 5,
    clip: true,
    data,
    encode: { x: [0, 1], y: 2 },
    renderItem: (_: unknown, api: Api) => {
      const [x0, y] = api.coord([api.value(0), api.value(2)]);
      const [x1] = api.coord([api.value(1), api.value(2)]);
      const line = (ax: number, ay: number, bx: number, by: number) => ({
        type: 'line',
        shape: { x1: ax, y1: ay, x2: bx, y2: by },
        style: { stroke: c.t.ink, lineWidth: 1.3 },
      });
      return {
        type: 'group',
        children: [line(x0, y, x1, y), line(x0, y - 4, x0, y + 4), line(x1, y - 4, x1, y + 4)],
      };
    },
    ...extra,
  };
}
