import type { ResourceKind } from '../../resources/kinds.ts';

/** `contact`: whether the server answers at all. */
type Concern = ResourceKind | 'discovery' | 'contact';

export interface SourceLog {
  info(message: string): void;
  warn(message: string): void;
}

/** Says what goes wrong with the API server: once, not once for each kind and try. */
export class Troubles {
  readonly #log: SourceLog;
  readonly #server: string;
  readonly #now = new Map<Concern, string>();

  constructor(server: string, log: SourceLog) {
    this.#server = server;
    this.#log = log;
  }

  of(kind: ResourceKind): string | undefined {
    return this.#now.get(kind);
  }

  add(about: Concern, { message }: Error): void {
    const known = [...this.#now.values()].includes(message);
    this.#now.set(about, message);
    if (!known) this.#log.warn(`the API server ${this.#server} cannot be followed (${about}): ${message}; tried again`);
  }

  end(about: Concern): void {
    if (this.#now.delete(about) && this.#now.size === 0)
      this.#log.info(`the API server ${this.#server} is followed again`);
  }
}
