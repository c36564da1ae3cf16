/** application/grpc and application/grpc+proto; grpc-web is not among them (istio-semantics §7.4). */
const GRPC = /^application\/grpc(?:\+.*)?$/;

export const isGrpcType = (contentType: string | undefined): boolean =>
  contentType !== undefined && GRPC.test(contentType);
