import type { CatalogueEntry } from './catalogue.ts';

/** What shows when files are read, and when what they say is put into service. */
export const SOURCE_FINDINGS = {
  'file-unreadable': {
    severity: 'error',
    summary: 'A file or folder that cannot be read.',
    consequence: 'Nothing of it is applied; what it said when it was last readable stays in service.',
    remedy: 'Give the gateway the right to read it, or take it out.',
  },
  'link-not-followed': {
    severity: 'error',
    summary: 'A link out of its namespace’s folder, or back to a folder that holds it.',
    consequence: 'Nothing behind it is applied.',
    remedy: 'Put the files themselves there.',
  },
  'namespace-assumed': {
    severity: 'hint',
    summary: 'A file outside the folders of namespaces, with an object that names none.',
    consequence: 'It belongs to the namespace that is told.',
    remedy: 'Put the file into <namespace>/, or write metadata.namespace.',
  },
  'too-many-files': {
    severity: 'error',
    summary: 'The directory has more files than are read.',
    consequence: 'Those beyond the limit are not applied.',
    remedy: 'Serve a directory that holds routes alone.',
  },
  'nothing-to-serve': {
    severity: 'warning',
    summary: 'The directory holds no resource.',
    consequence: 'No listener is opened and no request is answered.',
    remedy: 'Put files into <namespace>/<name>.yaml below it, or name another directory.',
  },
  'namespace-held-back': {
    severity: 'error',
    summary: 'The compiler failed on what this namespace says; the fault is Banyan’s.',
    consequence: 'The namespace keeps its last good state; all others are up to date.',
    remedy: 'Undo the last change of this namespace, and report the message to the makers of Banyan.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>;
