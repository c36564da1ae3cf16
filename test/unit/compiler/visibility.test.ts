import { describe, expect, it } from 'vitest';
import { isExportedTo, visibilityAtGateway } from '../../../src/compiler/visibility.ts';

const PUBLIC = ['*'];
const GATEWAY = 'istio-system';

describe('how a VirtualService is seen from the namespace of the gateway’s pod', () => {
  it.each([
    { exportTo: undefined, home: 'shop', is: 'public' },
    { exportTo: [], home: 'shop', is: 'public' },
    { exportTo: ['*'], home: 'shop', is: 'public' },
    { exportTo: [GATEWAY], home: 'shop', is: 'explicit' },
    { exportTo: ['other', GATEWAY], home: 'shop', is: 'explicit' },
    { exportTo: ['.'], home: GATEWAY, is: 'private' },
    { exportTo: [GATEWAY], home: GATEWAY, is: 'private' },
    { exportTo: ['.', 'other'], home: GATEWAY, is: 'private' },
    { exportTo: ['.'], home: 'shop', is: undefined },
    { exportTo: ['infra'], home: 'shop', is: undefined },
    { exportTo: ['.', 'infra'], home: 'shop', is: undefined },
  ])('exportTo $exportTo in $home: $is', ({ exportTo, home, is }) => {
    expect(visibilityAtGateway(exportTo, home, GATEWAY, PUBLIC)).toBe(is);
  });

  it.each([
    { meshDefault: ['.'], home: 'shop', is: undefined },
    { meshDefault: ['.'], home: GATEWAY, is: 'private' },
    { meshDefault: ['*'], home: 'shop', is: 'public' },
    // Names in the mesh's default are not honoured for VirtualServices (istio-semantics §1.2).
    { meshDefault: [GATEWAY], home: 'shop', is: undefined },
  ])('without exportTo the mesh’s default $meshDefault holds in $home: $is', ({ meshDefault, home, is }) => {
    expect(visibilityAtGateway(undefined, home, GATEWAY, meshDefault)).toBe(is);
  });
});

describe('who may delegate to a VirtualService', () => {
  it.each([
    { exportTo: undefined, meshDefault: ['*'], home: 'shop', viewer: 'infra', may: true },
    { exportTo: ['infra'], meshDefault: ['*'], home: 'shop', viewer: 'infra', may: true },
    { exportTo: ['.'], meshDefault: ['*'], home: 'shop', viewer: 'shop', may: true },
    { exportTo: undefined, meshDefault: ['infra'], home: 'shop', viewer: 'infra', may: true },
    { exportTo: ['.'], meshDefault: ['*'], home: 'shop', viewer: 'infra', may: false },
    { exportTo: ['istio-system'], meshDefault: ['*'], home: 'shop', viewer: 'infra', may: false },
    { exportTo: undefined, meshDefault: ['.'], home: 'shop', viewer: 'infra', may: false },
  ])(
    'exportTo $exportTo (mesh $meshDefault) of $home lets $viewer: $may',
    ({ exportTo, meshDefault, home, viewer, may }) => {
      expect(isExportedTo(exportTo, home, viewer, meshDefault)).toBe(may);
    },
  );
});
