import { Argument, Command, CommanderError, Option } from 'commander';
import type { FilterSpec } from '../contract/plugin.ts';
import { LIMIT_SETTINGS, type SettingKey, type Settings, settingSpec } from '../settings.ts';
import { withAdvice } from './advice.ts';
import { answerHelp } from './help-command.ts';
import { type SettingNeeds, settingsFromOptions } from './settings-options.ts';
import { CliError, type Terminal, usageError } from './terminal.ts';

/** What only the composition root can provide. */
export interface CliHost {
  readonly terminal: Terminal;
  readonly version: string;
  /** Folder of the example routes. */
  readonly examples: string;
  /** Runs until it is told to stop; the exit code. */
  serve(settings: Settings): Promise<number>;
  demo(settings: Settings): Promise<number>;
  /** The pure halves of the plugins, own ones among them, in their order. */
  filterSpecs(settings: Settings): Promise<readonly FilterSpec[]>;
}

/** Settings that decide what the routes come to. */
const COMPILING: readonly SettingKey[] = [
  'meshConfig',
  'gatewayLabels',
  'gatewayNamespace',
  'clusterDomain',
  'maxFileMib',
  'plugin',
  ...(['kubernetes', 'kubeconfig', 'namespaceSelector'] as const),
];
const SERVING: readonly SettingKey[] = [
  ...([
    'portOffset',
    'listenAddress',
    'proxyProtocolFrom',
    'adminAddress',
    'adminPort',
    'adminHosts',
    'allowLoopback',
  ] as const),
  ...(['logFormat', 'logLevel', 'accessLog', 'accessLogFile', 'drainSeconds', 'workers', 'redisUrl'] as const),
  ...(['accessLogSampling', 'fastLane', 'interimOverHttp1', 'istioMetrics', 'otlpEndpoint', 'traceSampling'] as const),
  ...(['stateDir', 'writeStatus', 'admissionPort', 'admissionCerts'] as const),
  ...LIMIT_SETTINGS.map(({ key }) => key),
];

const DEMO_DEFAULTS = {
  portOffset: '8000',
  listenAddress: '127.0.0.1',
  logFormat: 'text',
  accessLog: 'text',
  workers: '1',
} as const;

const EXIT_CODES = {
  check:
    '  0  nothing is wrong (warnings may be there, unless --max-warnings says otherwise)\n  1  errors were found\n  2  wrong arguments, or the directory or cluster cannot be read',
  explain:
    '  0  answered\n  1  no route fits, or nothing listens there\n  2  wrong arguments, or the directory or cluster cannot be read',
  routes:
    '  0  answered, if only that there are none\n  2  wrong arguments, or the directory or cluster cannot be read',
  wait: '  0  in service\n  1  refused, or not in service in time\n  2  wrong arguments, or the cluster cannot be read',
  serve:
    '  0  stopped as told\n  1  failed: a port is in use, or an error of its own\n  2  wrong arguments, the directory or cluster cannot be read, or the access log cannot be written',
};

/** Runs one command line. Resolves with the exit code, everything said already. */
export async function runCli(argv: readonly string[], host: CliHost): Promise<number> {
  let exitCode = 0;
  const program = buildProgram(host, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return exitCode;
  } catch (error) {
    return sayWhy(error, host.terminal);
  }
}

function sayWhy(error: unknown, terminal: Terminal): number {
  // Commander has said it already; help and version are no failures.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (!(error instanceof CliError)) throw error;
  terminal.err(`${terminal.paintError('red', 'banyan:')} ${error.message}\n`);
  if (error.hint !== undefined) terminal.err(`${terminal.paintError('dim', `        ${error.hint}`)}\n`);
  return error.exitCode;
}

/** The whole tree of commands. What a command does is loaded when it runs, so that one never waits for another's libraries. */
function buildProgram(host: CliHost, done: (exitCode: number) => void): Command {
  const { terminal } = host;
  const program = new Command('banyan')
    .description(
      'An ingress API gateway that is safe to share: every team keeps its own routes, as Istio resources, in its own namespace.',
    )
    .version(host.version, '-V, --version', 'print the version')
    .helpCommand(false)
    .showHelpAfterError("('banyan --help' lists the commands)")
    .exitOverride()
    .configureHelp({ styleTitle: (title) => terminal.paint('bold', title), sortSubcommands: false })
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
      outputError: (text, write) =>
        write(withAdvice(text).replace(/^error: /, `${terminal.paintError('red', 'banyan:')} `)),
      ...(terminal.width !== undefined && { getOutHelpWidth: () => terminal.width as number }),
    });

  addServe(program, host, done);
  addCheck(program, host, done);
  addExplain(program, host, done);
  addRoutes(program, host, done);
  addWait(program, host, done);

  command(program, 'completion', 'print a completion script for a shell')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      text(
        'Examples',
        '  source <(banyan completion bash)\n  banyan completion fish > ~/.config/fish/completions/banyan.fish',
      ),
    )
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScript } = await import('./completion.ts');
      terminal.out(completionScript(program, shell));
    });
  command(program, 'version', 'print the version of banyan and of its runtime').action(() => {
    terminal.out(`banyan ${host.version} (Node ${process.versions.node}, ${process.platform}-${process.arch})\n`);
  });
  answerHelp(program, command(program, 'help', 'explain a command'));
  return program;
}

function addServe(program: Command, host: CliHost, done: (exitCode: number) => void): void {
  withSettings(command(program, 'serve', 'run the gateway'), ['dir', ...COMPILING, ...SERVING])
    .addHelpText(
      'after',
      text(
        'Examples',
        '  banyan serve --dir routes\n  banyan serve --dir routes --port-offset 8000      80 is at 8080, 443 at 8443\n  BANYAN_DIR=/etc/banyan/routes banyan serve --settings /etc/banyan/settings.yaml',
      ),
    )
    .addHelpText('after', text('Exit codes', EXIT_CODES.serve))
    .action(async (options) =>
      done(await host.serve(await settingsFromOptions(options, host.terminal, { command: 'serve', anySource: true }))),
    );
  const demo = command(program, 'demo', 'run the gateway on its example routes, with their upstreams');
  withSettings(demo, ['portOffset', 'adminPort', 'logFormat', 'logLevel', 'accessLog', 'workers'], DEMO_DEFAULTS)
    .addHelpText(
      'after',
      '\nServes routes-examples on 127.0.0.1: port 80 at 8080 and 443 at 8443, unless --port-offset says otherwise.',
    )
    .action(async (options) =>
      done(
        await host.demo(
          await settingsFromOptions({ ...options, dir: host.examples }, host.terminal, {
            command: 'demo',
            defaults: DEMO_DEFAULTS,
          }),
        ),
      ),
    );
}

function addCheck(program: Command, host: CliHost, done: (exitCode: number) => void): void {
  withSettings(command(program, 'check', 'say what is wrong with a directory of routes'), COMPILING)
    .argument('[dir]', 'the directory; also --dir, BANYAN_DIR or the settings file')
    .addOption(hiddenDir())
    .addOption(
      new Option('-o, --output <format>', 'how findings are written')
        .choices(['text', 'json', 'github'])
        .default('text'),
    )
    .option(
      '--include <folder>',
      'read this folder too, although it is marked by .banyanignore; may be repeated',
      collect,
      [],
    )
    .option('-q, --quiet', 'errors alone; no output when there are none')
    .option('--max-warnings <n>', 'exit 1 when there are more warnings than this')
    .addHelpText(
      'after',
      text(
        'Examples',
        '  banyan check routes\n  banyan check routes --output github --max-warnings 0      annotations on a pull request\n  banyan check routes --output json | jq .diagnostics',
      ),
    )
    .addHelpText('after', text('Exit codes', EXIT_CODES.check))
    .action(async (dir: string | undefined, options) => {
      if (dir !== undefined && options.dir !== undefined && dir !== options.dir)
        throw usageError(
          `two directories are given: ${dir} and --dir ${options.dir}`,
          'it takes one directory at a time',
        );
      const settings = await settingsFromOptions(dir === undefined ? options : { ...options, dir }, host.terminal, {
        command: 'check',
        anySource: true,
      });
      const { check } = await import('./commands/check.ts');
      done(await check(settings, options, host));
    });
}

function addExplain(program: Command, host: CliHost, done: (exitCode: number) => void): void {
  withSettings(command(program, 'explain', 'say which route answers a request, and why no other'), [
    'dir',
    ...COMPILING,
    'portOffset',
  ])
    .argument('<request>', "such as 'GET https://shop.example.com/cart'; the method may be left out")
    .option('-H, --header <line>', "a header of the request, 'name: value'; may be repeated", collect, [])
    .addOption(outputOption(['text', 'json']))
    .addHelpText(
      'after',
      text(
        'Examples',
        "  banyan explain 'GET https://shop.example.com/cart' --dir routes\n  banyan explain 'POST http://shop.example.com/cart' -H 'x-preview: pr-7' --dir routes --output json",
      ),
    )
    .addHelpText('after', text('Exit codes', EXIT_CODES.explain))
    .action(async (request: string, options) => {
      const settings = await settingsFromOptions(options, host.terminal, { command: 'explain', anySource: true });
      const { explain } = await import('./commands/explain.ts');
      done(await explain(settings, request, options, host));
    });
}

function addRoutes(program: Command, host: CliHost, done: (exitCode: number) => void): void {
  withSettings(command(program, 'routes', 'list the routes by host, with owner and destination'), ['dir', ...COMPILING])
    .option('--host <host>', 'only those that answer for this host name')
    .option('--namespace <name>', 'only those of this namespace')
    .option('--owner <name>', 'only those of this object: its name, namespace/name or Kind/namespace/name')
    .addOption(outputOption(['text', 'wide', 'json']))
    .addHelpText(
      'after',
      text(
        'Examples',
        '  banyan routes --dir routes\n  banyan routes --dir routes --host shop.example.com --output wide',
      ),
    )
    .addHelpText('after', text('Exit codes', EXIT_CODES.routes))
    .action(async (options) => {
      const settings = await settingsFromOptions(options, host.terminal, { command: 'routes', anySource: true });
      const { routes } = await import('./commands/routes.ts');
      done(await routes(settings, options, host));
    });
}

function addWait(program: Command, host: CliHost, done: (exitCode: number) => void): void {
  withSettings(command(program, 'wait', 'wait until what an object of a cluster says is in service'), ['kubeconfig'])
    .argument('<object>', 'virtualservice/NAME, gateway/NAME, ratelimit/NAME, edgepolicy/NAME or policyexemption/NAME')
    .option('-n, --namespace <name>', "its namespace; else the kubeconfig's")
    .option('--timeout <time>', 'how long at most: seconds, or 90s, 2m', '30')
    .addHelpText('after', text('Examples', '  kubectl apply -f cart.yaml && banyan wait virtualservice/cart -n shop'))
    .addHelpText(
      'after',
      '\nIt waits for the word on this version of the object. What changes around it, such as labels of its\nnamespace, makes no new version: the word of before may stand for a second or two.',
    )
    .addHelpText('after', text('Exit codes', EXIT_CODES.wait))
    .action(async (object: string, options) => {
      const settings = await settingsFromOptions(options, host.terminal, { command: 'wait' });
      const { wait } = await import('./commands/wait.ts');
      done(await wait(settings, object, options, host.terminal));
    });
}

const command = (program: Command, name: string, about: string): Command =>
  program
    .command(name)
    .summary(about)
    .showHelpAfterError(`('banyan ${name} --help' says what it takes)`)
    .description(`${about[0]?.toUpperCase()}${about.slice(1)}.`);

const text = (title: string, body: string): string => `\n${title}:\n${body}`;
const outputOption = (formats: readonly string[]): Option =>
  new Option('-o, --output <format>', 'how it is written').choices(formats).default('text');
const collect = (line: string, lines: readonly string[]): readonly string[] => [...lines, line];
const hiddenDir = (): Option => new Option('--dir <DIR>', 'the directory').hideHelp();

/** A setting that was given several times, as it is written elsewhere. */
const joined = (value: string, before: string | undefined): string =>
  before === undefined ? value : `${before},${value}`;

function withSettings(
  command: Command,
  keys: readonly SettingKey[],
  defaults: NonNullable<SettingNeeds['defaults']> = {},
): Command {
  for (const key of keys) {
    const { flag, value, about, env, alone, repeated, ...spec } = settingSpec(key);
    const fallback = defaults[key] ?? spec.fallback;
    const preset = fallback === undefined || fallback === '' ? '' : `default: ${fallback}, `;
    const option = new Option(alone ? `--${flag}` : `--${flag} <${value}>`, `${about} (${preset}env: ${env})`);
    if (LIMIT_SETTINGS.some((limit) => limit.key === key)) option.helpGroup('Limits:');
    command.addOption(repeated ? option.argParser(joined) : option);
  }
  return command.option(
    '--settings <FILE>',
    'YAML with any of these settings, as portOffset: 8000 (env: BANYAN_SETTINGS); a flag wins over the environment, that over the file',
  );
}
