import { expect, it } from 'vitest';
import { pluginLog } from '../../../src/dataplane/plugin-log.ts';

const said = (say: (log: ReturnType<typeof pluginLog>) => void): unknown[] => {
  const lines: unknown[] = [];
  say(pluginLog((...line) => void lines.push(line)));
  return lines;
};

it('hands on what plugins say in Fastify’s ways', () => {
  expect(
    said((log) => {
      log.info('plain');
      log.warn('%s of %d', 'one', 2);
      log.error({ store: 'a:1', tries: 3, up: false, deep: { no: 1 }, none: undefined }, 'with fields');
      log.child({}).warn({ only: 'fields' });
    }),
  ).toEqual([
    ['info', 'plain', {}],
    ['warn', 'one of 2', {}],
    ['error', 'with fields', { store: 'a:1', tries: 3, up: false }],
    ['warn', 'a plugin says', { only: 'fields' }],
  ]);
});

it('keeps where an error comes from', () => {
  const error = new Error('broken');
  expect(
    said((log) => {
      log.fatal(error);
      log.warn({ err: error }, 'that was it');
    }),
  ).toEqual([
    ['error', 'broken', { error: error.stack }],
    ['warn', 'that was it', { err: error.stack }],
  ]);
});

it('says nothing of what is for developers, and nothing of nothing', () => {
  expect(
    said((log) => {
      log.debug('details');
      log.trace({ a: 1 });
      log.silent('x');
    }),
  ).toEqual([]);
  expect(said((log) => log.info(null, 'text'))).toEqual([['info', 'text', {}]]);
});
