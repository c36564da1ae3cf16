const HOST_AND_PORT = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::(\d{1,20}))?$/;
const MAX_PORT = 65_535;

/** Host and port as they may stand in an absolute URL, without user part: what Envoy takes no such host for makes it no URL (istio-semantics §7.1, §7.2 `referer`). */
export function isUrlAuthority(authority: string): boolean {
  const parts = HOST_AND_PORT.exec(authority);
  return parts !== null && Number(parts[1] ?? 0) <= MAX_PORT;
}
