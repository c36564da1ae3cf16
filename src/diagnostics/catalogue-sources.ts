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
    summary: 'A link out of its namespace’s folder, back to a folder that holds it, or to a file that is not there.',
    consequence: 'Nothing behind it is applied.',
    remedy: 'Put the files themselves there.',
  },
  'file-passed-over': {
    severity: 'hint',
    summary: 'A file whose name ends in .json, or in .YAML or .YML.',
    consequence: 'It is as if it were not there.',
    remedy: 'Nothing, if it holds no routes; else rename it: JSON is read as YAML, too.',
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
  'kind-not-served': {
    severity: 'hint',
    summary: 'Kinds that the API server does not know: their CRDs are not installed.',
    consequence: 'There are no such objects; once a CRD is installed, they are read without a restart.',
    remedy: 'Nothing, where nobody writes such objects; else install the CRD.',
  },
  'kind-denied': {
    severity: 'error',
    summary: 'The API server does not let the gateway read a kind.',
    consequence:
      'Objects of it stay as they were last known; where they were never read, what needs them fails, and the gateway does not start without its policies and routes.',
    remedy: 'Grant get, list and watch on it to the gateway’s ServiceAccount.',
  },
  'deletion-held': {
    severity: 'warning',
    summary: 'More than half of the objects of a kind were gone at once.',
    consequence: 'They stay in service until a second list, half a minute later, finds them gone as well.',
    remedy: 'Restore them if it was a mistake; SIGHUP confirms it at once.',
  },
  'saved-state-served': {
    severity: 'warning',
    summary: 'The API server could not be read at the start; what was saved last is served.',
    consequence: 'Changes since then are not in service; they will be as soon as it answers.',
    remedy: 'See to the API server.',
  },
} as const satisfies Readonly<Record<string, CatalogueEntry>>;
