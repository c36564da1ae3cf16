import { describe, expect, it } from 'vitest';
import { messagesOf, pages, resourcePages } from '../../../scripts/generate-resource-docs.ts';
import { CATALOGUE } from '../../../src/diagnostics/index.ts';
import { KINDS } from '../../../src/resources/registry.ts';
import { OBJECT_META } from '../../../src/resources/support.ts';

const keysOf = (messages: Iterable<readonly [string, readonly string[]]>): readonly string[] =>
  [...messages].flatMap(([message, fields]) => fields.map((field) => `${message}.${field}`)).toSorted();

describe('the pages of resources', () => {
  it.each(pages().map((page) => [page.title, page] as const))(
    'say something of every field of %s, and of no other',
    (_, page) => {
      const inSchema = keysOf(
        [...messagesOf(page)].map(([message, fields]) => [message, fields.map(({ name }) => name)]),
      );
      const said = keysOf(
        Object.entries(page.support.messages).map(([message, fields]) => [message, Object.keys(fields)]),
      );
      expect(
        said.filter((key) => !inSchema.includes(key)),
        'notes for fields that are gone',
      ).toEqual([]);
      expect(
        inSchema.filter((key) => !said.includes(key)),
        'fields without a note',
      ).toEqual([]);
    },
  );

  it('say something of every field of metadata', () => {
    const fields = KINDS.Gateway.schema.definitions?.['ObjectMeta']?.properties ?? {};
    expect(Object.keys(OBJECT_META['ObjectMeta'] ?? {}).toSorted()).toEqual(Object.keys(fields).toSorted());
  });

  it('leave no field without a meaning', () => {
    for (const [path, page] of resourcePages()) {
      const rows = page.split('\n').filter((line) => line.startsWith('| `'));
      for (const line of rows) expect(line.split(/(?<!\\)\|/)[3]?.trim(), `${path}: ${line}`).not.toBe('');
    }
  });

  it('name only diagnostics that there are', () => {
    for (const [path, page] of resourcePages()) {
      for (const [, code = ''] of page.matchAll(/reported as `([a-z-]+)`/g))
        expect(CATALOGUE, path).toHaveProperty([code]);
    }
  });

  it('link only to messages of the same page', () => {
    for (const [path, page] of resourcePages()) {
      const sections = new Set([...page.matchAll(/^## (\w+)$/gm)].map(([, name = '']) => name.toLowerCase()));
      for (const [, anchor = ''] of page.matchAll(/\]\(#([a-z0-9]+)\)/g)) expect(sections, path).toContain(anchor);
    }
  });
});
