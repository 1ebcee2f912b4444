// SPDX-License-Identifier: Apache-2.0
// Made by web/world.mjs while the bundle is built.
declare module 'world' {
  import type { Topology, GeometryCollection } from 'topojson-specification';
  const world: Topology<{ countries: GeometryCollection<{ name: string }> }>;
  export default world;
}
