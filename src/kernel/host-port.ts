/** An address with its port: `10.0.0.1:80`, `[::1]:80`. */
export const hostPort = (address: string, port: number): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
