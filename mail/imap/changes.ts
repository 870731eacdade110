/**
 * What happened between the snapshot that a client knows and the current one: expunges, arrivals, flags. Since snapshots never
 * change, the store keeps no list of pending changes for a session, and two sessions cannot disturb each other.
 */
import type { ImapSnapshot } from "./backend.ts";

/** The difference of two snapshots. */
export interface SnapshotChanges {
  /** Indices in the known snapshot of messages that are gone, ascending. */
  readonly expunged: readonly number[];
  /** Indices in the current snapshot of messages that both have and whose flags differ, ascending. */
  readonly reflagged: readonly number[];
  /** Messages at the end of the current snapshot that the known one has not. */
  readonly arrived: number;
}

const NOTHING: SnapshotChanges = { expunged: [], reflagged: [], arrived: 0 };

/** Compares the snapshot a client knows with the current one. */
export function compareSnapshots(known: ImapSnapshot, current: ImapSnapshot): SnapshotChanges {
  if (known.uids === current.uids && known.flags === current.flags) return NOTHING;
  const expunged: number[] = [];
  const reflagged: number[] = [];
  let at = 0;
  for (let index = 0; index < known.uids.length; index++) {
    if (known.uids[index] !== current.uids[at]) {
      expunged.push(index);
      continue;
    }
    if (known.flags[index] !== current.flags[at]) reflagged.push(at);
    at++;
  }
  return { expunged, reflagged, arrived: current.uids.length - at };
}

/** For each message of the known snapshot its index in the current one, or -1; undefined when they are the same. */
export function currentIndices(known: ImapSnapshot, current: ImapSnapshot): Int32Array | undefined {
  if (known.uids === current.uids) return undefined;
  const indices = new Int32Array(known.uids.length);
  let at = 0;
  for (let index = 0; index < indices.length; index++) {
    indices[index] = known.uids[index] === current.uids[at] ? at++ : -1;
  }
  return indices;
}
