import type { Command, Option } from 'commander';
import { SETTINGS } from '../settings.ts';

export type Shell = 'bash' | 'zsh' | 'fish';

interface Word {
  readonly word: string;
  readonly about: string;
}
interface Offer {
  readonly command: Word;
  readonly options: readonly (Word & {
    readonly short: string | undefined;
    readonly value: 'none' | 'file' | 'any';
    readonly choices: readonly string[];
  })[];
  readonly choices: readonly string[];
  readonly takesDirectory: boolean;
}

/** A script for the shell, made from the tree of commands so that it can never name what is not there. */
export function completionScript(program: Command, shell: Shell): string {
  // What help takes are the commands themselves.
  const offers = program.commands.filter((command) => command.name() !== 'help').map(offerOf);
  switch (shell) {
    case 'bash':
      return bash(offers);
    case 'zsh':
      return `#compdef banyan\nautoload -U +X bashcompinit && bashcompinit\n${bash(offers)}`;
    case 'fish':
      return fish(offers);
  }
}

function offerOf(command: Command): Offer {
  const [argument] = command.registeredArguments;
  return {
    command: { word: command.name(), about: command.summary() },
    options: [
      ...command.options.filter((option) => !option.hidden).map(optionOf),
      { word: '--help', short: '-h', about: 'explain the command', value: 'none', choices: [] },
    ],
    choices: argument?.argChoices ?? [],
    takesDirectory: argument?.name() === 'dir',
  };
}

function optionOf(option: Option): Offer['options'][number] {
  const value = !option.required ? 'none' : /<(DIR|FILE)>/.test(option.flags) ? 'file' : 'any';
  // Up to the first explanation in brackets: a menu has little room.
  return {
    word: option.long ?? '',
    short: option.short,
    about: (option.description.split(' (')[0] ?? '').trim(),
    value,
    choices: option.argChoices ?? wordsOf(option),
  };
}

const wordsOf = ({ long, required }: Option): readonly string[] =>
  required ? (SETTINGS.find(({ flag }) => long === `--${flag}`)?.parse.words ?? []) : [];

function bash(offers: readonly Offer[]): string {
  const names = offers.map((offer) => offer.command.word).join(' ');
  const cases = offers.map((offer) => {
    const values = offer.options.flatMap((option) => {
      const pattern = [option.short, option.word].filter((name) => name !== undefined).join('|');
      if (option.choices.length > 0)
        return [`        ${pattern}) COMPREPLY=($(compgen -W "${option.choices.join(' ')}" -- "$current")); return ;;`];
      if (option.value === 'file') return [`        ${pattern}) compopt -o default; COMPREPLY=(); return ;;`];
      return option.value === 'any' ? [`        ${pattern}) return ;;`] : [];
    });
    const words = [...offer.options.map((option) => option.word), ...offer.choices].join(' ');
    const rest = offer.takesDirectory ? `\n      [[ $current != -* ]] && { compopt -o dirnames; return; }` : '';
    return `    ${offer.command.word})
      case $previous in
${values.join('\n')}
      esac${rest}
      COMPREPLY=($(compgen -W "${words}" -- "$current")) ;;`;
  });
  return `_banyan() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "${names} help --help --version" -- "$current"))
    return
  fi
  case \${COMP_WORDS[1]} in
${cases.join('\n')}
    help) COMPREPLY=($(compgen -W "${names}" -- "$current")) ;;
  esac
}
complete -F _banyan banyan
`;
}

function fish(offers: readonly Offer[]): string {
  const quote = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const lines = ['complete -c banyan -f'];
  for (const { command, options, choices, takesDirectory } of offers) {
    lines.push(`complete -c banyan -n __fish_use_subcommand -a ${command.word} -d ${quote(command.about)}`);
    const seen = `-n '__fish_seen_subcommand_from ${command.word}'`;
    for (const option of options) {
      const value =
        option.choices.length > 0
          ? ` -x -a ${quote(option.choices.join(' '))}`
          : { none: '', file: ' -r -F', any: ' -x' }[option.value];
      lines.push(
        `complete -c banyan ${seen} -l ${option.word.slice(2)}${option.short === undefined ? '' : ` -s ${option.short.slice(1)}`}${value} -d ${quote(option.about)}`,
      );
    }
    if (choices.length > 0) lines.push(`complete -c banyan ${seen} -a ${quote(choices.join(' '))}`);
    if (takesDirectory) lines.push(`complete -c banyan ${seen} -a '(__fish_complete_directories)'`);
  }
  return `${lines.join('\n')}\n`;
}
