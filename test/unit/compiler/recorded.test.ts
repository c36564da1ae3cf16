import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contradiction, loadCase, predict } from '../../support/simulate.ts';

/**
 * Every recorded request of these categories is routed by the compiled table and the reference matcher; what is known
 * without sending anything must not contradict Istio's answer.
 */
const CATEGORIES = [
  'match',
  'hosts',
  'order',
  'delegate',
  'destination',
  'redirect',
  'rewrite',
  'direct-response',
  'weights',
  'random',
];

/** What is settled elsewhere than in the table: by the lanes, by header operations on answers, by upstreams. */
const SETTLED_ELSEWHERE = new Set([
  'match/headers  / x-tier: gold (2)', // blanks around a value are taken off by the parser
  'match/headers-special  / x-request-id: mine', // the gateway's own id takes the place of the client's
  'match/headers-special  /id',
  'match/headers-special  POST /', // content-length is added by the client
  'match/repeated-headers  h2c / cookie: a=1 cookie: b=2', // HTTP/2 joins cookie lines
  'hosts/spelling  user@shop.example.com', // refused on purpose (edge-security S-11)
  'destination/protocols  wrong-h1.example.com', // the backend speaks another protocol
  'destination/protocols  wrong-h2.example.com',
  'redirect/with-headers  /location', // response operations on Location
  'redirect/with-headers  /no-location',
  'rewrite/prefix  /j/ ', // a blank in the target
  'direct-response/body  /unicode', // recorded as bytes
  'direct-response/body  /binary',
  'direct-response/body  HEAD',
  'direct-response/status  /204/body',
  'direct-response/status  /304/body',
  'direct-response/status  gRPC', // gRPC callers get 200 with grpc-status
  'direct-response/status  gRPC 200',
  'weights/headers-and-retries  all tries', // retries are counted together
  'random/seed-32  18 payments/routes.5 meant', // a method that HTTP/1.1 does not have
]);

const casesOf = (category: string): readonly string[] =>
  readdirSync(join('test/istio', category)).map((name) => join('test/istio', category, name));

describe.each(CATEGORIES)('recorded answers: %s', (category) => {
  it.each(casesOf(category))('%s', (dir) => {
    const recorded = loadCase(dir);
    const wrong = recorded.requests.flatMap((request) => {
      const answer = recorded.answers[request.id];
      const prediction = predict(recorded, request);
      if (answer === undefined || prediction === undefined) return [];
      // "A broken rule answers for its own match" (product.md), where Istio lets it vanish.
      if (prediction.kind === 'status' && prediction.cause === 'delegate-missing') return [];
      if (SETTLED_ELSEWHERE.has(`${recorded.name}  ${request.id}`)) return [];
      const found = contradiction(prediction, answer);
      return found === undefined ? [] : [`${request.id}: ${found}`];
    });
    expect(wrong).toEqual([]);
  });
});
