import { CliError } from '../cli/terminal.ts';
import type { Log } from '../control/log.ts';
import type { ListenerReport } from '../dataplane/index.ts';

/** Says what became of each port, once each time it changes. */
export class ListenerLog {
  readonly #log: Log;
  #said = new Map<string, string>();

  constructor(log: Log) {
    this.#log = log;
  }

  report(reports: readonly ListenerReport[]): void {
    const now = new Map<string, string>();
    for (const report of reports) {
      const place = `${report.address}:${report.boundPort}`;
      now.set(place, `${report.state} ${report.error ?? ''}`);
      if (this.#said.get(place) !== now.get(place)) this.#sayPort(place, report);
      for (const { serverId, reason } of report.unusable) {
        const key = `${place} ${serverId}`;
        now.set(key, reason);
        if (this.#said.get(key) !== reason)
          this.#log.warn('a TLS server lets nobody in', { server: serverId, port: report.port, reason });
      }
    }
    for (const place of this.#said.keys())
      if (!now.has(place) && !place.includes(' ')) this.#log.info('not listening any more', { address: place });
    this.#said = now;
  }

  #sayPort(place: string, report: ListenerReport): void {
    if (report.state === 'listening') this.#log.info('listening', { address: place, gatewayPort: report.port });
    else
      this.#log.error('cannot listen; it is tried again', {
        address: place,
        gatewayPort: report.port,
        reason: reasonOf(report.error),
      });
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use by another program',
  EACCES: 'ports below 1024 are for root; shift them by --port-offset',
  EADDRNOTAVAIL: 'this machine does not have that address',
};
const reasonOf = (error: string | undefined): string =>
  Object.entries(REASONS).find(([code]) => error?.includes(code))?.[1] ?? error ?? 'unknown';

/** For a start that came to nothing. */
export function nothingListens(reports: readonly ListenerReport[]): CliError {
  const lines = reports.map(({ address, boundPort, error }) => `${address}:${boundPort}: ${reasonOf(error)}`);
  return new CliError(`no port of any Gateway can be listened on\n        ${lines.join('\n        ')}`, {
    exitCode: 1,
    hint: 'stop what is in the way, or shift all ports by --port-offset N',
  });
}
