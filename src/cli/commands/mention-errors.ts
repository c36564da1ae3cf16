import type { LoadedRoutes } from '../load.ts';
import type { Terminal } from '../terminal.ts';

/** Whoever looks at a part of the whole should know that not all of it is sound. */
export function mentionErrors({ dir, place, diagnostics }: LoadedRoutes, terminal: Terminal): void {
  const errors = diagnostics.filter((finding) => finding.severity === 'error').length;
  if (errors === 0) return;
  const found = errors === 1 ? 'is an error' : `are ${errors} errors`;
  const where = place === dir ? 'these files' : place;
  const check = ['banyan check', dir, place === dir ? undefined : '--kubernetes'].filter((word) => word !== undefined);
  terminal.err(`${terminal.paintError('yellow', `there ${found} in ${where}`)}; see \`${check.join(' ')}\`\n`);
}
