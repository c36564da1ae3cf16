/** The webhook that judges objects before they are taken. */
export { type AdmissionAnswer, type AdmissionRequest, createReviewer, type Reviewer } from './review.ts';
export { type AdmissionServer, startAdmission } from './server.ts';
