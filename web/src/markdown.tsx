// SPDX-License-Identifier: Apache-2.0
// The analyst's Markdown as elements, made from the lexer's tokens one by one: there is no markup that
// could come through. Raw HTML is shown as the text it is, links lead only where links of a report
// may, pictures are those that the study's folder had.

import type { ComponentChildren } from 'preact';
import { marked, type Token, type Tokens } from 'marked';
import { visible } from './text';

const LONGEST = 200_000;
const ENTITIES: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  nbsp: '\u00a0',
  ndash: '–',
  mdash: '—',
};

function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|(\w{2,8}));/gi, (whole, dec, hex, name) => {
    if (name) return ENTITIES[String(name)] ?? whole;
    const code = dec ? Number(dec) : parseInt(String(hex), 16);
    return code > 0x1f && code < 0x110000 ? String.fromCodePoint(code) : whole;
  });
}

/** A line's end is a space, and nothing between characters that are written without spaces. */
const joined = (text: string) =>
  text
    .replace(/([\u3000-\u9fff\uff00-\uffef])[ ]*\n[ ]*(?=[\u3000-\u9fff\uff00-\uffef])/g, '$1')
    .replaceAll('\n', ' ');

const plain = (text: string) => visible(joined(decoded(text)), LONGEST);

/** Where a link may lead: the web, mail, and this page. */
function safe(href: string): string | undefined {
  return /^(https?:\/\/|mailto:|#)/i.test(href) && !/[\u0000-\u0020]/.test(href) ? href : undefined;
}

type Pictures = Record<string, string>;

function Picture({ of, pictures }: { of: Tokens.Image; pictures: Pictures }) {
  const source = Object.hasOwn(pictures, of.href) ? pictures[of.href] : undefined;
  if (!source?.startsWith('data:image/')) {
    const href = safe(of.href);
    return href ? (
      <a href={href} rel="noreferrer">
        {plain(of.text || of.href)}
      </a>
    ) : (
      <>{plain(of.text)}</>
    );
  }
  return (
    <span class="picture">
      <img src={source} alt={plain(of.text)} />
      {of.title && <small>{plain(of.title)}</small>}
    </span>
  );
}

function Inline({ of, pictures }: { of: Token[] | undefined; pictures: Pictures }) {
  return <>{(of ?? []).map((token) => inline(token as Tokens.Generic, pictures))}</>;
}

function inline(token: Tokens.Generic, pictures: Pictures): ComponentChildren {
  const inner = token.tokens ? <Inline of={token.tokens} pictures={pictures} /> : null;
  switch (token.type) {
    case 'strong':
      return <strong>{inner}</strong>;
    case 'em':
      return <em>{inner}</em>;
    case 'del':
      return <del>{inner}</del>;
    case 'codespan':
      return <code>{visible(token.text, LONGEST)}</code>;
    case 'br':
      return <br />;
    case 'link': {
      const href = safe(String(token.href));
      return href ? (
        <a href={href} rel="noreferrer" title={token.title ? plain(token.title) : undefined}>
          {inner}
        </a>
      ) : (
        inner
      );
    }
    case 'image':
      return <Picture of={token as Tokens.Image} pictures={pictures} />;
    case 'checkbox':
      return token.checked ? '☑ ' : '☐ ';
    case 'text':
    case 'escape':
      return inner ?? plain(String(token.text));
    default: // raw HTML, and whatever a later lexer knows
      return visible(token.raw, LONGEST);
  }
}

function Table({ of, pictures }: { of: Tokens.Table; pictures: Pictures }) {
  const cell = (c: Tokens.TableCell, Tag: 'th' | 'td') => (
    <Tag class={c.align === 'right' ? 'number' : undefined}>
      <Inline of={c.tokens} pictures={pictures} />
    </Tag>
  );
  return (
    <div class="scroll" tabIndex={0}>
      <table>
        <thead>
          <tr>{of.header.map((c) => cell(c, 'th'))}</tr>
        </thead>
        <tbody>
          {of.rows.map((row) => (
            <tr>{row.map((c) => cell(c, 'td'))}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Heading({ of, pictures }: { of: Tokens.Heading; pictures: Pictures }) {
  const inner = <Inline of={of.tokens} pictures={pictures} />;
  return of.depth <= 2 ? <h3>{inner}</h3> : <h4>{inner}</h4>;
}

function block(token: Tokens.Generic, pictures: Pictures): ComponentChildren {
  switch (token.type) {
    case 'space':
    case 'def':
      return null;
    case 'heading':
      return <Heading of={token as Tokens.Heading} pictures={pictures} />;
    case 'code':
      return (
        <pre>
          {String(token.text)
            .split('\n')
            .map((line) => `${visible(line, LONGEST)}\n`)}
        </pre>
      );
    case 'hr':
      return <hr />;
    case 'blockquote':
      return (
        <blockquote>
          <Blocks of={token.tokens} pictures={pictures} />
        </blockquote>
      );
    case 'list': {
      const items = (token as Tokens.List).items.map((item) => (
        <li>
          <Blocks of={item.tokens} pictures={pictures} />
        </li>
      ));
      return token.ordered ? <ol start={Number(token.start) || 1}>{items}</ol> : <ul>{items}</ul>;
    }
    case 'table':
      return <Table of={token as Tokens.Table} pictures={pictures} />;
    case 'paragraph':
      return (
        <p>
          <Inline of={token.tokens} pictures={pictures} />
        </p>
      );
    case 'html':
      return <p>{visible(token.raw.trim().replaceAll('\n', ' '), LONGEST)}</p>;
    default:
      return inline(token, pictures);
  }
}

function Blocks({ of, pictures }: { of: Token[] | undefined; pictures: Pictures }) {
  return <>{(of ?? []).map((token) => block(token as Tokens.Generic, pictures))}</>;
}

/** The first heading of the highest order, which becomes the section's title. */
export function titleOf(text: string): string | null {
  const first = marked.lexer(text).find((token) => token.type !== 'space');
  return first?.type === 'heading' && (first as Tokens.Heading).depth === 1
    ? plain((first as Tokens.Heading).text)
    : null;
}

export function Markdown({ text, pictures }: { text: string; pictures: Pictures }) {
  const tokens = marked.lexer(text);
  const from =
    titleOf(text) === null ? 0 : tokens.findIndex((token) => token.type === 'heading') + 1;
  return (
    <div class="prose">
      <Blocks of={tokens.slice(from)} pictures={pictures} />
    </div>
  );
}
