// SPDX-License-Identifier: Apache-2.0
// Made from src/analysis/glossary.def while the bundle is built: English to Japanese.
declare module 'glossary' {
  const glossary: Record<string, string>;
  export default glossary;
}
