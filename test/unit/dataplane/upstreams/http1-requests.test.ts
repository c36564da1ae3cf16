import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { HeaderList } from '../../../../src/contract/headers.ts';
import { answering, cleanUp, headOf, OK, pause, Recorder, rawServer, rigFor, until } from './support.ts';

afterEach(cleanUp);

/** Keeps what it is sent; answers once `complete` says so. */
async function listening(complete: (text: string) => boolean, answer = OK) {
  const seen = { text: '', writes: [] as string[] };
  const server = await rawServer((socket) => {
    let answered = false;
    socket.on('data', (data) => {
      const text = data.toString('latin1');
      seen.writes.push(text);
      seen.text += text;
      if (answered || !complete(seen.text)) return;
      answered = true;
      socket.write(answer, 'latin1');
    });
  });
  return { server, seen, rig: rigFor(server.port) };
}

const headEnded = (text: string): boolean => text.includes('\r\n\r\n');

describe('the head of a request', () => {
  it('has the target, the authority, the headers as given, and nothing else', async () => {
    const { rig, seen } = await listening(headEnded);
    const headers = HeaderList.from([
      ['accept', '*/*'],
      ['x-a', '1'],
      ['x-a', '2'],
      ['x-name', 'caf\xe9'],
    ]);
    await rig.start({ target: '/a%2Fb?c=d', authority: 'A.example.com:81', headers }).recorder.ended;
    expect(seen.text).toBe(
      'GET /a%2Fb?c=d HTTP/1.1\r\nhost: A.example.com:81\r\naccept: */*\r\nx-a: 1\r\nx-a: 2\r\nx-name: caf\xe9\r\n\r\n',
    );
  });

  it.each([
    ['GET without a body', { method: 'GET' }, undefined],
    ['DELETE without a body', { method: 'DELETE' }, undefined],
    ['POST without a body', { method: 'POST' }, 'content-length: 0'],
    ['PUT without a body', { method: 'PUT' }, 'content-length: 0'],
    ['PATCH without a body', { method: 'PATCH' }, 'content-length: 0'],
    ['an empty body', { method: 'GET', hasBody: true, bodyLength: 0 }, 'content-length: 0'],
  ])('frames %s', async (_title, head, wanted) => {
    const { rig, seen } = await listening(headEnded);
    const { recorder, exchange } = rig.start(head);
    exchange.end();
    await recorder.ended;
    expect(seen.text.match(/content-length.*|transfer-encoding.*/g)?.map((line) => line.trim())).toEqual(
      wanted === undefined ? undefined : [wanted],
    );
  });

  it('leaves out what is the business of another connection', async () => {
    const { rig, seen } = await listening(headEnded);
    const names = ['host', 'connection', 'content-length', 'transfer-encoding', 'keep-alive', 'upgrade', 'expect'];
    await rig.start({ headers: HeaderList.from(names.map((name) => [name, 'x'] as const)) }).recorder.ended;
    expect(seen.text).toBe('GET / HTTP/1.1\r\nhost: orders.example.com\r\n\r\n');
  });

  it.each([
    ['a line end in a value', { headers: HeaderList.from([['x-a', '1\r\nx-evil: 1']]) }],
    ['a character that would become a line end', { headers: HeaderList.from([['x-a', '1\u010ax-evil: 1']]) }],
    ['a space in a name', { headers: HeaderList.from([['x a', '1']]) }],
    ['a space in the target', { target: '/a HTTP/1.1' }],
    ['an empty target', { target: '' }],
    ['a line end in the authority', { authority: 'a\r\nx: 1' }],
    ['a space in the method', { method: 'GET /' }],
  ])('is not written with %s', async (_title, head) => {
    const { rig, seen } = await listening(headEnded);
    const recorder = await rig.start(head).recorder.ended;
    expect(recorder.failure).toMatchObject({ reason: 'local-reset', nothingSent: true });
    expect((await rig.start().recorder.ended).body).toBe('ok');
    expect(seen.text).toBe('GET / HTTP/1.1\r\nhost: orders.example.com\r\n\r\n');
  });
});

describe('the body of a request', () => {
  it('goes out with the head when it is there already', async () => {
    const { rig, seen } = await listening((text) => text.endsWith('x=1'));
    await rig.start({ bodyLength: 3 }, ['x=1']).recorder.ended;
    expect(seen.writes).toEqual(['POST / HTTP/1.1\r\nhost: orders.example.com\r\ncontent-length: 3\r\n\r\nx=1']);
  });

  it('is chunked when its length is not known, with its trailers behind it', async () => {
    const { rig, seen } = await listening((text) => text.includes('0\r\n'));
    const { recorder, exchange } = rig.start({ method: 'POST', hasBody: true, bodyLength: undefined });
    exchange.write(Buffer.from('some '));
    exchange.write(Buffer.from(''));
    exchange.write(Buffer.from('body of more than nine'));
    exchange.end(
      HeaderList.from([
        ['x-sum', '42'],
        ['content-length', '3'],
      ]),
    );
    await recorder.ended;
    expect(seen.text.slice(seen.text.indexOf('\r\n\r\n') + 4)).toBe(
      '5\r\nsome \r\n16\r\nbody of more than nine\r\n0\r\nx-sum: 42\r\n\r\n',
    );
  });

  it('may be written while it is being answered', async () => {
    const server = await rawServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
        socket.on('data', (data) => {
          const last = data.includes('0\r\n\r\n');
          socket.write(last ? '0\r\n\r\n' : '4\r\necho\r\n');
        });
      });
    });
    const { recorder, exchange } = rigFor(server.port).start({ method: 'POST', hasBody: true, bodyLength: undefined });
    await until(() => recorder.status === 200);
    exchange.write(Buffer.from('one'));
    await until(() => recorder.body === 'echo');
    exchange.write(Buffer.from('two'));
    await until(() => recorder.body === 'echoecho');
    exchange.end();
    await recorder.ended;
    expect(recorder.events.at(-1)).toBe('end');
  });

  it.each([
    ['too long', ['four', 'more']],
    ['too short', ['on']],
  ])('never passes for whole when it is %s', async (_title, parts) => {
    const { rig, server } = await listening((text) => text.endsWith('nothing'));
    const { recorder } = rig.start({ bodyLength: 4 }, parts);
    await recorder.ended;
    expect(recorder.failure).toMatchObject({ reason: 'local-reset', nothingSent: false });
    await until(() => server.sockets.size === 0);
  });

  it('is not sent on when the answer has come, and the connection ends with it', async () => {
    const { rig, server } = await listening(headEnded, 'HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nno!');
    const { recorder, exchange } = rig.start({ method: 'POST', hasBody: true, bodyLength: 1_000_000 });
    exchange.write(Buffer.alloc(1000));
    await recorder.ended;
    expect([recorder.status, recorder.body]).toEqual([413, 'no!']);
    expect(exchange.write(Buffer.alloc(1000))).toBe(true);
    exchange.end();
    await until(() => server.sockets.size === 0);
    expect(recorder.failure).toBeUndefined();
  });

  it('waits for 100 Continue if its writer does', async () => {
    const server = await rawServer((socket) => {
      socket.once('data', (data) => {
        expect(data.toString()).toContain('expect: 100-continue\r\n');
        socket.write('HTTP/1.1 100 Continue\r\n\r\n');
        socket.once('data', (body) => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`));
      });
    });
    const rig = rigFor(server.port);
    const { recorder, exchange } = rig.start({ method: 'POST', hasBody: true, bodyLength: 4, expectContinue: true });
    await until(() => recorder.informational.length === 1);
    exchange.write(Buffer.from('body'));
    exchange.end();
    await recorder.ended;
    expect([recorder.status, recorder.body]).toEqual([200, 'body']);
  });
});

describe('nothing is reported within the call that starts a try', () => {
  it.each([['a new connection'], ['a connection that is there']])('on %s', async (title) => {
    const server = await rawServer(answering(() => OK));
    const rig = rigFor(server.port);
    if (title !== 'a new connection') await rig.start().recorder.ended;
    const recorder = new Recorder();
    rig.cluster.start(rig.host(), headOf(), recorder, 'HTTP/1.1');
    expect(recorder.events).toEqual([]);
    await recorder.ended;
    expect(recorder.events).toEqual(['connected', 'head 200', 'end']);
  });
});

const MiB = 1024 * 1024;

describe('a hundred megabytes', () => {
  it('go up no faster than the server reads, and arrive whole', async () => {
    const received = createHash('sha256');
    let bytes = 0;
    let reading = false;
    const server = await rawServer((socket) => {
      let headSeen = false;
      socket.pause();
      setTimeout(() => {
        reading = true;
        socket.resume();
      }, 100);
      socket.on('data', (data) => {
        let body = data;
        if (!headSeen) {
          headSeen = true;
          body = data.subarray(data.indexOf('\r\n\r\n') + 4);
        }
        received.update(body);
        bytes += body.length;
        if (bytes === 100 * MiB) socket.write(OK);
      });
    });
    const rig = rigFor(server.port);
    const sent = createHash('sha256');
    const { recorder, exchange } = rig.start({ method: 'POST', hasBody: true, bodyLength: 100 * MiB });
    let written = 0;
    const fill = (): void => {
      while (written < 100 * MiB) {
        const chunk = Buffer.alloc(64 * 1024, written / MiB);
        sent.update(chunk);
        written += chunk.length;
        if (!exchange.write(chunk)) return;
      }
      exchange.end();
    };
    recorder.onWritable = fill;
    fill();
    await pause(60);
    expect(reading || written < 16 * MiB).toBe(true);
    await recorder.ended;
    expect(recorder.body).toBe('ok');
    expect(received.digest('hex')).toBe(sent.digest('hex'));
  });

  it.each([
    ['a length', false],
    ['chunks', true],
  ])('come down no faster than they are taken, by %s', async (_title, chunked) => {
    const sent = createHash('sha256');
    let written = 0;
    const server = await rawServer((socket) => {
      socket.once('data', () => {
        socket.write(
          `HTTP/1.1 200 OK\r\n${chunked ? 'transfer-encoding: chunked' : `content-length: ${100 * MiB}`}\r\n\r\n`,
        );
        const fill = (): void => {
          while (written < 100 * MiB) {
            const chunk = Buffer.alloc(64 * 1024, written / MiB);
            sent.update(chunk);
            written += chunk.length;
            if (chunked) socket.write('10000\r\n');
            const more = socket.write(chunk);
            if (chunked) socket.write('\r\n');
            if (!more) return;
          }
          if (chunked) socket.write('0\r\n\r\n');
        };
        socket.on('drain', fill);
        fill();
      });
    });
    const { recorder, exchange } = rigFor(server.port).start();
    const received = createHash('sha256');
    let bytes = 0;
    let afterPause = 0;
    recorder.onChunk = (chunk) => {
      received.update(chunk);
      bytes += chunk.length;
    };
    recorder.onAnswer = () => exchange.pause();
    await until(() => recorder.status === 200);
    await pause(50);
    // What is read once may still be reported, and no more.
    afterPause = bytes;
    expect(afterPause).toBeLessThanOrEqual(128 * 1024);
    expect(written).toBeLessThan(16 * MiB);
    exchange.resume();
    await recorder.ended;
    expect(bytes).toBe(100 * MiB);
    expect(received.digest('hex')).toBe(sent.digest('hex'));
  });
});

describe('an upgrade', () => {
  const UPGRADED = 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nx-a: 1\r\n\r\n';

  it('becomes a tunnel, early bytes included, that counts until it ends', async () => {
    let request = '';
    const server = await rawServer((socket) => {
      socket.once('data', (data) => {
        request = data.toString('latin1');
        socket.write(`${UPGRADED}early`);
        socket.on('data', (more) => socket.write(more));
        socket.on('end', () => socket.end());
      });
    });
    const rig = rigFor(server.port);
    const recorder = await rig.start({ upgrade: 'websocket' }).recorder.ended;
    expect(request).toContain('connection: upgrade\r\nupgrade: websocket\r\n');
    expect(recorder.events).toEqual(['connected', 'upgraded']);
    expect([...(recorder.headers ?? [])]).toEqual([
      ['upgrade', 'websocket'],
      ['x-a', '1'],
    ]);
    const { tunnel } = recorder;
    let echoed = Buffer.from(recorder.first ?? []).toString();
    const events: string[] = [];
    if (tunnel === undefined) throw new Error('no tunnel');
    tunnel.onData = (chunk) => {
      echoed += Buffer.from(chunk).toString();
    };
    tunnel.onEnd = () => events.push('end');
    tunnel.onClose = () => events.push('close');
    tunnel.write(Buffer.from(' and late'));
    await until(() => echoed === 'early and late');
    expect(rig.upstreams.snapshot()[0]).toMatchObject({ activeRequests: 1, activeConnections: 1 });
    tunnel.end();
    await until(() => events.length === 2);
    expect(events).toEqual(['end', 'close']);
    expect(rig.upstreams.snapshot()[0]).toMatchObject({ activeRequests: 0, activeConnections: 0 });
  });

  it('that is refused is an ordinary answer', async () => {
    const server = await rawServer(answering(() => 'HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno'));
    const recorder = await rigFor(server.port).start({ upgrade: 'websocket' }).recorder.ended;
    expect([recorder.status, recorder.body]).toEqual([403, 'no']);
  });

  it('keeps bytes that come before anybody listens', async () => {
    const server = await rawServer((socket) => {
      socket.once('data', () => {
        socket.write(UPGRADED);
        setTimeout(() => socket.write('one'), 5);
        setTimeout(() => socket.end('two'), 10);
      });
    });
    const recorder = await rigFor(server.port).start({ upgrade: 'websocket' }).recorder.ended;
    await pause(30);
    const { tunnel } = recorder;
    if (tunnel === undefined) throw new Error('no tunnel');
    let text = '';
    let ended = false;
    tunnel.onData = (chunk) => {
      text += Buffer.from(chunk).toString();
    };
    tunnel.onEnd = () => {
      ended = true;
    };
    await until(() => ended);
    expect(text).toBe('onetwo');
    tunnel.destroy();
  });
});

describe('a try that is not wanted any more', () => {
  it('takes its connection with it, and reports nothing', async () => {
    const server = await rawServer((socket) => void socket.resume());
    const { recorder, exchange } = rigFor(server.port).start();
    await until(() => recorder.events.length === 1 && server.sockets.size === 1);
    exchange.cancel();
    exchange.cancel();
    await until(() => server.sockets.size === 0);
    expect(recorder.events).toEqual(['connected']);
  });

  it('may be ended from within its own answer', async () => {
    const server = await rawServer(answering(() => OK));
    const rig = rigFor(server.port);
    const { recorder, exchange } = rig.start();
    recorder.onAnswer = () => exchange.cancel();
    await until(() => server.sockets.size === 0 && recorder.status === 200);
    expect(recorder.events).toEqual(['connected', 'head 200']);
    expect((await rig.start().recorder.ended).body).toBe('ok');
  });

  it('costs no connection when nothing was sent yet', async () => {
    const server = await rawServer(answering(() => OK));
    const rig = rigFor(server.port);
    await rig.start().recorder.ended;
    const { exchange } = rig.start();
    exchange.cancel();
    expect((await rig.start().recorder.ended).connection?.reused).toBe(true);
    expect(server.accepted()).toBe(1);
  });
});
