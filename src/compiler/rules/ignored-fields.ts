import { reportAt, type SubjectRule } from './rule.ts';

/** Fields that Istio acts on at an ingress and that do nothing here, where no narrower finding says so. */
export const ignoredFields: SubjectRule = ({ attachable: { object } }) =>
  (object.body.spec.http ?? []).flatMap(({ retries }, i) =>
    retries?.retryRemoteLocalities === true
      ? [
          reportAt('ignored-field', object, ['spec', 'http', i, 'retries', 'retryRemoteLocalities'], {
            message: 'a retry goes to another host by the same balancing, whatever its locality',
          }),
        ]
      : [],
  );
