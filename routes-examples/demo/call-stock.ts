import http2 from 'node:http2';

/** A gRPC call through the gateway, for the tour: prints each message and the status. `npm run demo:grpc` */
const session = http2.connect(process.argv[2] ?? 'http://127.0.0.1:8080');
session.on('error', (error) => {
  console.error(`${error.message}: is the gateway running (npm start)?`);
  process.exitCode = 1;
});
const stream = session.request({
  ':method': 'POST',
  ':path': '/demo.Stock/Watch',
  ':authority': 'orders.example.com',
  'content-type': 'application/grpc',
  te: 'trailers',
});
stream.on('data', (chunk: Buffer) => {
  for (let at = 0; at + 7 <= chunk.length; at += 5 + chunk.readUInt32BE(at + 1))
    console.log(chunk.toString('utf8', at + 7, at + 7 + chunk.readUInt8(at + 6)));
});
stream.on('trailers', (trailers) => console.log(`grpc-status ${trailers['grpc-status']}`));
stream.on('close', () => session.close());
stream.end(Buffer.from([0, 0, 0, 0, 0]));
