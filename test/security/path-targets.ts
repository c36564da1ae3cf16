/** Spellings of `/name` that somebody on the way takes for it (edge-security §1, P-01 to P-12 and P-17). */
export function spellingsOf(name: string): readonly (readonly [row: string, target: string])[] {
  const code = (letter: string): string => letter.charCodeAt(0).toString(16);
  const escaped = (text: string): string => [...text].map((letter) => `%${code(letter)}`).join('');
  const first = `%${code(name)}${name.slice(1)}`;
  const last = `${name.slice(0, -1)}${escaped(name.slice(-1))}`;
  const rows: Readonly<Record<string, readonly string[]>> = {
    'P-01': ['/N', '/N/', '/N/x', '/N?x', '/N?', '/N%3fx', '/N%3F', '/N/?/../y', '/N?/../x'],
    'P-02': ['/N#x', '/N#', '/x#/../N', '/x%23/../N', '/N%23', '/N%23/../N'],
    'P-03': ['//N', '///N', '/.//N', '/N//x', '//.//N', '/x//..//N', '/x///../../N', '//N//'],
    'P-04': ['/./N', '/%2e/N', '/%2E/N', '/././N', '/.%2f/N', '/N/.', '/N/./x', '/N/%2e'],
    'P-05': [
      '/x/../N',
      '/../N',
      '/x/%2e%2e/N',
      '/x/.%2e/N',
      '/x/%2E./N',
      '/x/..%2fN',
      '/x%2f..%2fN',
      '/x%2F..%2FN',
      '/x/y/../../N',
      '/x/y/../../../../N',
      '/N/x/..',
      '/N/x/../y',
      '/x/..%2f..%2fN',
      '/%2e%2e/%2e%2e/N',
    ],
    'P-06': ['/%2fN', '/%2FN', '/N%2f', '/N%2fx', '/N%2F', '/%2f%2fN', '/x%2f/../N'],
    'P-07': ['/x\\..\\N', '/\\N', '/%5cN', '/%5CN', '/x%5c..%5cN', '/x\\../N', '/N\\x', '/N%5cx', '\\N'],
    'P-08': ['/FIRST', '/LAST', '/ALL', '/ALL/x', '/x/../ALL', '/%2e%2fALL', '/UPPER'],
    'P-09': [
      '/%25FIRST',
      '/%252e/N',
      '/x/%252e%252e/N',
      '/x/%252e%252e%252fN',
      '/%c0%ae/N',
      '/x/%c0%ae%c0%ae/N',
      '/x/%e0%80%ae%e0%80%ae/N',
      '/%u002e/N',
      '/%u002e%u002e/N',
      '/%u2215N',
      '/.%09./N',
      '/x/.%09./N',
      '/x/..%0d/N',
      '/x%0d%0a/../N',
      '/N%0d%0a',
      '/N%00',
      '/N%00.png',
      '/%00/../N',
      '/N%20',
      '/N%09',
      '/%20/../N',
      '/x/..%ff/N',
    ],
    'P-10': ['/api../N', '/api%2e%2e/N', '/api/../N', '/api/%2e%2e/N', '/api..%2fN', '/api%2f../N', '/api/..\\N'],
    'P-11': ['/api/..;/N', '/api/..;x=1/N', '/api/.;/../N', '/api;/../N', '/api..;/N'],
    'P-12': ['/;x/../N', '/..;/N', '/x/..;/N', '/x/.;/../N', '/x;y/../N', '/.;x/N'],
    'P-17': ['/%', '/%zz', '/%zz/../N', '/N%', '/N/%', '/N%2', '/%%2e/N', '/x/%2%65/../N', '/%%36%31', '/x/%2e%/../N'],
  };
  return Object.entries(rows).flatMap(([row, targets]) =>
    targets.map(
      (target) =>
        [
          row,
          target
            .replaceAll('%25FIRST', `%25${code(name)}${name.slice(1)}`)
            .replaceAll('FIRST', first)
            .replaceAll('LAST', last)
            .replaceAll('ALL', escaped(name))
            .replaceAll('UPPER', escaped(name).toUpperCase())
            .replaceAll('N', name),
        ] as const,
    ),
  );
}

/** What servers that know path parameters take for `/name` as well, and a rule for it does not (P-12, P-13, P-19). */
export const parameterSpellingsOf = (name: string): readonly string[] =>
  ['/N;a=b', '/N;', '/N;x/y', '/;x/N', '/x/%2e%2e;/N', '/x/%2E.;a=b/N', '/x/y/.%2e;/%2e%2e;/N', '/%2e;/N'].map(
    (target) => target.replaceAll('N', name),
  );

/**
 * The path as Tomcat and Jetty have it: parameters off each segment, then escapes decoded, then dot segments resolved
 * (Servlet 6.0 §3.5.2).
 */
export function servletPathOf(target: string): string {
  const segments: string[] = [];
  for (const written of (target.split('?')[0] ?? '').split('/').slice(1)) {
    const [name = ''] = written.split(';');
    const segment = name.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (segment === '..') segments.pop();
    else if (segment !== '.' && segment !== '') segments.push(segment);
  }
  return `/${segments.join('/')}`;
}

const PIECES =
  '/ / / // . .. ./ ../ /../ \\ ; ;x %2e %2E %2f %2F %5c %5C %25 %2 % %% %zz %00 %09 %0a %20 %23 %3b %3f ? # x api'.split(
    ' ',
  );

/** A path made of what paths are twisted with, in which the name stands somehow. */
export function randomTarget(random: () => number, name: string): string {
  const piece = (): string => PIECES[Math.floor(random() * PIECES.length)] as string;
  const pieces = (): string => Array.from({ length: Math.floor(random() * 6) }, piece).join('');
  const spelled = [...name]
    .map((letter) => {
      const code = letter.charCodeAt(0).toString(16);
      return random() < 0.8 ? letter : random() < 0.8 ? `%${code}` : `%25${code}`;
    })
    .join('');
  return `/${pieces()}${random() < 0.5 ? '/' : ''}${spelled}${pieces()}`;
}
