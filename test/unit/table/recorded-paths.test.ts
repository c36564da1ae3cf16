import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { PathNormalization } from '../../../src/table/model.ts';
import { normalizePath, splitTarget } from '../../../src/table/path.ts';

/* What the recorded gateway forwarded is what it matched: our normalisation of the same targets must agree. */

const ROOT = new URL('../../istio/', import.meta.url);
const MODES: Readonly<Record<string, PathNormalization>> = {
  DEFAULT: 'base',
  BASE: 'base',
  NONE: 'none',
  MERGE_SLASHES: 'merge-slashes',
  DECODE_AND_MERGE_SLASHES: 'decode-and-merge-slashes',
};

interface Case {
  readonly requests: readonly {
    readonly id: string;
    readonly target?: string;
    readonly raw?: string;
    readonly times?: number;
  }[];
}

interface Answers {
  readonly answers: Readonly<
    Record<string, { readonly status?: number; readonly attempts?: readonly { readonly target: string }[] }>
  >;
}

const readText = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const readJson = <T>(path: string): T => JSON.parse(readText(path)) as T;

/** Rules that change a path or take a token out of a query. */
const CHANGES_TARGETS = /\b(?:rewrite|uriRegexRewrite|jwtRules|pathPrefix):/;

function cases(category: string): readonly string[] {
  return readdirSync(new URL(`${category}/`, ROOT)).map((name) => `${category}/${name}`);
}

function changesTargets(name: string): boolean {
  const files = readdirSync(new URL(`${name}/resources/`, ROOT), { recursive: true, encoding: 'utf8' });
  return files.some((file) => file.endsWith('.yaml') && CHANGES_TARGETS.test(readText(`${name}/resources/${file}`)));
}

function modeOf(name: string): PathNormalization {
  const mesh = existsSync(new URL(`${name}/mesh.yaml`, ROOT)) ? readText(`${name}/mesh.yaml`) : '';
  return MODES[/normalization:\s*(\w+)/.exec(mesh)?.[1] ?? 'DEFAULT'] ?? 'base';
}

describe('recorded targets', () => {
  it.each([...cases('paths'), ...cases('match'), ...cases('random')])(
    'of %s reach the backend as we normalise them',
    (name) => {
      const rewrites = changesTargets(name);
      const { answers } = readJson<Answers>(`${name}/answers.json`);
      for (const { id, target = '/', raw, times } of readJson<Case>(`${name}/case.json`).requests) {
        if (raw !== undefined || times !== undefined) continue;
        const { path, query } = splitTarget(target);
        const normal = normalizePath(path, modeOf(name));
        const reached = answers[id]?.attempts ?? [];
        if (rewrites || reached.length === 0) continue;
        expect(reached.map((attempt) => attempt.target)).toEqual(
          reached.map(() => (normal.ok ? normal.path + query : normal.error)),
        );
      }
    },
  );

  it('that failed to be normalised were answered 400', () => {
    const failed = cases('paths').flatMap((name) => {
      const { answers } = readJson<Answers>(`${name}/answers.json`);
      const { requests } = readJson<Case>(`${name}/case.json`);
      return requests
        .filter(({ target, raw }) => raw === undefined && target?.startsWith('/') === true)
        .filter(({ target = '' }) => !normalizePath(splitTarget(target).path, modeOf(name)).ok)
        .map(({ id }) => answers[id]?.status);
    });
    expect(failed.length).toBeGreaterThan(2);
    expect(new Set(failed)).toEqual(new Set([400]));
  });
});
