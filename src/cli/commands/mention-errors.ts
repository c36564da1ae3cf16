import type { LoadedRoutes } from '../load.ts';
import type { Terminal } from '../terminal.ts';

/** Whoever looks at a part of the whole should know that not all of it is sound. */
export function mentionErrors({ dir, diagnostics }: LoadedRoutes, terminal: Terminal): void {
  const errors = diagnostics.filter((finding) => finding.severity === 'error').length;
  if (errors === 0) return;
  const found = errors === 1 ? 'an error' : `${errors} errors`;
  terminal.err(
    `${terminal.paintError('yellow', `there ${errors === 1 ? 'is' : 'are'} ${found} in ${dir === undefined ? 'the cluster' : 'these files'}`)}; see \`banyan check ${dir ?? '--kubernetes'}\`\n`,
  );
}
