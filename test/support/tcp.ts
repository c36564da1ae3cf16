import net from 'node:net';

/** The one rule of a gateway for TCP: to `db.test`, of `frame({ db: … }, 'TCP')`. */
export const TCP_ROUTE = `
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: db }
spec:
  hosts: ["*"]
  gateways: [edge]
  tcp: [{ route: [{ destination: { host: db.test } }] }]`;

/** What a client at that address is told until its connection is closed; '' where it is told nothing. Rejects when it breaks off in between. */
export function toldTo(localAddress: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = net.connect({ port, host: '127.0.0.1', localAddress });
    socket.on('close', () => resolve(said));
    socket.on('data', (chunk) => {
      said += chunk.toString();
    });
    socket.on('error', (error) => (said === '' ? resolve('') : reject(error)));
  });
}
