import { loadSettings, SETTINGS, type SettingKey, type Settings } from '../settings.ts';
import { type Terminal, usageError } from './terminal.ts';

export interface SettingNeeds {
  /** Whose help lists the settings. */
  readonly command: string;
  /** A directory, or a cluster, without which the command has nothing to read. */
  readonly anySource?: boolean;
  readonly defaults?: Readonly<Partial<Record<SettingKey, string>>>;
}

/** The settings of one command line. */
export async function settingsFromOptions(
  options: Readonly<Record<string, unknown>>,
  terminal: Terminal,
  { command, defaults = {}, anySource = false }: SettingNeeds,
): Promise<Settings> {
  const flags: Partial<Record<SettingKey, string>> = {};
  for (const { key } of SETTINGS) {
    const given = options[key];
    if (typeof given === 'string') flags[key] = given;
    else if (given === true) flags[key] = 'yes';
  }
  const file = typeof options['settings'] === 'string' ? options['settings'] : undefined;
  const outcome = await loadSettings({ flags, file, defaults });
  if (!outcome.ok) throw usageError(outcome.error.join('\n        '), `'banyan ${command} --help' lists the settings`);
  for (const warning of outcome.value.warnings)
    terminal.err(`${terminal.paintError('yellow', 'banyan:')} ${warning}\n`);
  const { dir, kubernetes } = outcome.value.settings;
  if (anySource && dir === undefined && !kubernetes)
    throw usageError(
      'there is nothing to read: --dir is missing (the routes: DIR/<namespace>/**/*.yaml), and so is --kubernetes',
      "add --dir DIR, set BANYAN_DIR, or write 'dir:' into a file given by --settings; or add --kubernetes for a cluster",
    );
  return outcome.value.settings;
}
