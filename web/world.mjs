// SPDX-License-Identifier: Apache-2.0
// The world's countries for a map of a page's width: world-atlas 50m (which has Singapore, Hong
// Kong, Malta, Bahrain), without Antarctica, its arcs thinned and put on a coarser grid. Countries
// share arcs, so thinning an arc leaves no gap between neighbours.
import { readFileSync } from 'node:fs';

const GRID = 20000; // steps over 360 degrees: 0.018 degrees
const TOLERANCE = 0.045; // degrees; a third of a pixel on a map 900 pixels wide
const ANTARCTICA = '010';

function decode(topology) {
  const { scale, translate } = topology.transform;
  return topology.arcs.map((arc) => {
    let x = 0;
    let y = 0;
    return arc.map(([dx, dy]) => {
      x += dx;
      y += dy;
      return [x * scale[0] + translate[0], y * scale[1] + translate[1]];
    });
  });
}

function distance(p, a, b) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const len = dx * dx + dy * dy;
  const t = len ? Math.max(0, Math.min(1, ((p[0] - a[0]) * dx + (p[1] - a[1]) * dy) / len)) : 0;
  return Math.hypot(p[0] - a[0] - t * dx, p[1] - a[1] - t * dy);
}

// Douglas and Peucker 1973, with a stack. A closed arc is cut at its point farthest from the start
// first, and keeps four points, so that an island stays an area.
function thin(points, tolerance) {
  const keep = new Uint8Array(points.length);
  const last = points.length - 1;
  keep[0] = keep[last] = 1;
  const farthest = (from, to) => {
    let at = -1;
    let most = -1;
    for (let i = from + 1; i < to; i++) {
      const d = distance(points[i], points[from], points[to]);
      if (d > most) [most, at] = [d, i];
    }
    return [at, most];
  };
  const closed = points[0][0] === points[last][0] && points[0][1] === points[last][1];
  const stack = [[0, last, closed ? 2 : 0]];
  while (stack.length) {
    const [from, to, force] = stack.pop();
    const [at, most] = farthest(from, to);
    if (at < 0 || (most <= tolerance && !force)) continue;
    keep[at] = 1;
    stack.push([from, at, Math.max(0, force - 1)], [at, to, Math.max(0, force - 1)]);
  }
  return points.filter((_, i) => keep[i]);
}

function quantise(points) {
  let px = 0;
  let py = 0;
  const out = [];
  for (const [lon, lat] of points) {
    const x = Math.round(((lon + 180) / 360) * GRID);
    const y = Math.round(((lat + 90) / 360) * GRID);
    if (out.length && x === px && y === py && out.length > 3) continue;
    out.push([x - px, y - py]);
    [px, py] = [x, y];
  }
  return out;
}

function renumber(node, number) {
  if (Array.isArray(node)) return node.map((n) => renumber(n, number));
  return node < 0 ? ~number(~node) : number(node);
}

export function makeWorld(path) {
  const topology = JSON.parse(readFileSync(path, 'utf8'));
  const arcs = decode(topology);
  const used = new Map();
  const kept = [];
  const number = (i) => {
    if (!used.has(i)) {
      used.set(i, kept.length);
      kept.push(quantise(thin(arcs[i], TOLERANCE)));
    }
    return used.get(i);
  };
  const geometries = topology.objects.countries.geometries
    .filter((g) => g.id !== ANTARCTICA && g.arcs)
    .map((g) => ({
      type: g.type,
      id: g.id,
      arcs: renumber(g.arcs, number),
      properties: { name: g.properties.name },
    }));
  return {
    type: 'Topology',
    objects: { countries: { type: 'GeometryCollection', geometries } },
    arcs: kept,
    transform: { scale: [360 / GRID, 360 / GRID], translate: [-180, -90] },
  };
}
