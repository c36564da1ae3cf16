import { type Explanation, explainQuestion } from '../../admin/views/explanation.ts';
import { readQuestion } from '../../admin/views/question.ts';
import { systemClock } from '../../kernel/clock.ts';
import type { Settings } from '../../settings.ts';
import { explanationText } from '../explanation-text.ts';
import { loadRoutes } from '../load.ts';
import type { CliHost } from '../program.ts';
import { usageError } from '../terminal.ts';
import { mentionErrors } from './mention-errors.ts';

export interface ExplainOptions {
  readonly header: readonly string[];
  readonly output: 'text' | 'json';
}

/** `banyan explain`. */
export async function explain(
  settings: Settings,
  request: string,
  options: ExplainOptions,
  host: CliHost,
): Promise<number> {
  const question = readQuestion(request, options.header);
  if (!question.ok) throw usageError(question.error);
  const loaded = await loadRoutes(settings, host);
  const { compilation, resources, specs } = loaded;
  const explanation = explainQuestion(question.value, {
    compilation,
    resources,
    specs,
    portOffset: settings.portOffset,
    nowMs: systemClock.nowMs(),
  });
  if (options.output === 'json') host.terminal.out(`${JSON.stringify(explanation, null, 2)}\n`);
  else {
    mentionErrors(loaded, host.terminal);
    host.terminal.out(explanationText(explanation, host.terminal));
  }
  return isAnswered(explanation) ? 0 : 1;
}

const isAnswered = ({ answer }: Explanation): boolean =>
  !['no-connection', 'not-found', 'bad-request'].includes(answer.kind);
