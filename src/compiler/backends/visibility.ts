/** How far away from the viewer's namespace an object is exported from; `hidden`: not to the viewer at all. */
export type Reach = 'own' | 'named' | 'public' | 'hidden';

/** `exportTo` with the mesh's default filled in. `~` hides an object from everybody unless `*` stands beside it (istio-semantics §2.4). */
export function reach(exportTo: readonly string[], home: string, viewer: string): Reach {
  if (exportTo.includes('*')) return 'public';
  if (exportTo.includes('~')) return 'hidden';
  if (home === viewer && (exportTo.includes('.') || exportTo.includes(home))) return 'own';
  return exportTo.includes(viewer) ? 'named' : 'hidden';
}
