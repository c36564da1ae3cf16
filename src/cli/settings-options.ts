import { loadSettings, SETTINGS, type SettingKey, type Settings, settingSpec } from '../settings.ts';
import { type Terminal, usageError } from './terminal.ts';

export interface SettingNeeds {
  /** What the command cannot do without. */
  readonly required?: readonly SettingKey[];
  readonly defaults?: Readonly<Partial<Record<SettingKey, string>>>;
}

/** The settings of one command line. */
export async function settingsFromOptions(
  options: Readonly<Record<string, unknown>>,
  terminal: Terminal,
  { required = [], defaults = {} }: SettingNeeds = {},
): Promise<Settings> {
  const flags: Partial<Record<SettingKey, string>> = {};
  for (const { key } of SETTINGS) {
    const given = options[key];
    if (typeof given === 'string') flags[key] = given;
  }
  const file = typeof options['settings'] === 'string' ? options['settings'] : undefined;
  const outcome = await loadSettings({ flags, file, defaults });
  if (!outcome.ok) throw usageError(outcome.error.join('\n        '), "'banyan <command> --help' lists the settings");
  for (const warning of outcome.value.warnings)
    terminal.err(`${terminal.paintError('yellow', 'banyan:')} ${warning}\n`);
  for (const key of required) {
    if (outcome.value.settings[key] !== undefined) continue;
    const { flag, value, env, about } = settingSpec(key);
    throw usageError(
      `--${flag} is missing (${about})`,
      `add --${flag} ${value}, set ${env}, or write '${key}:' into a file given by --settings`,
    );
  }
  return outcome.value.settings;
}
