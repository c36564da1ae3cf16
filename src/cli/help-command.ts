import type { Command } from 'commander';
import { didYouMean } from '../settings.ts';
import { usageError } from './terminal.ts';

/** `banyan help check`. Commander's own prints the help of the program for a command that is none, and does not say why. */
export function answerHelp(program: Command, help: Command): void {
  const names = program.commands.map((one) => one.name());
  help.argument('[command]', 'absent: all of them').action((name: string | undefined) => {
    if (name === undefined) return program.outputHelp();
    const known = program.commands.find((one) => one.name() === name);
    if (known !== undefined) return known.outputHelp();
    throw usageError(`there is no command '${name}'${didYouMean(name, names)}`, "'banyan --help' lists the commands");
  });
}
