/**
 * Files and folders of the simulated disk: their content as it is read, and as it is durable; pure bookkeeping for
 * simulated_disk.ts.
 */
import type { DiskStat } from "../../storage/disk.ts";

/** Sector size at which a write tears. */
const SECTOR_BYTES = 512;
/** A write that is not in the durable content. */
export interface Write {
  readonly at: number;
  readonly bytes: Uint8Array;
  /** A sync failed after it: it can be lost at any later power cut. */
  doomed: boolean;
  /** Synced, but kept here because it came after a doomed one. */
  durable: boolean;
}

/** A file: what is read, and what a power cut leaves. */
export interface FileNode {
  readonly kind: "file";
  inode: number;
  data: Uint8Array;
  sizeBytes: number;
  /** What is durable, while `writes` holds what is not. */
  base: Uint8Array;
  writes: Write[];
  mode: number;
  modifiedMs: number;
  baseModifiedMs: number;
  links: number;
  handles: number;
}

/** A folder: its names, and the durable ones. */
export interface FolderNode {
  readonly kind: "directory";
  readonly inode: number;
  names: Map<string, Node>;
  durable: Map<string, Node>;
  mode: number;
}

/** What a name stands for. */
export type Node = FileNode | FolderNode;

/** A change of names that is not durable yet. */
export interface NameChange {
  readonly folder: FolderNode;
  readonly name: string;
  /** What the name stands for afterwards; undefined: removed. */
  readonly node: Node | undefined;
  /** A rename also removes this. */
  readonly from?: { readonly folder: FolderNode; readonly name: string };
}

/** Which of the operations that are not durable a power cut keeps: asked once for each, in order. */
export type PowerCutChoice = (operation: "name" | "write" | "sectors") => boolean;

/** Makes a change in whichever names are meant. */
export function applyChange(change: NameChange, names: (folder: FolderNode) => Map<string, Node>): void {
  if (change.from) names(change.from.folder).delete(change.from.name);
  if (change.node) names(change.folder).set(change.name, change.node);
  else names(change.folder).delete(change.name);
}

/** Puts bytes into the content that is read. */
export function writeFile(file: FileNode, bytes: Uint8Array, at: number): void {
  const end = at + bytes.length;
  if (end > file.data.length) {
    const larger = new Uint8Array(Math.max(end, 2 * file.data.length));
    larger.set(file.data.subarray(0, file.sizeBytes));
    file.data = larger;
  }
  file.data.set(bytes, at);
  file.sizeBytes = Math.max(file.sizeBytes, end);
}

/** Makes durable what a sync can. */
export function syncFile(file: FileNode, metadata: boolean): void {
  if (metadata) file.baseModifiedMs = file.modifiedMs;
  if (file.writes.some((write) => write.doomed)) {
    // Pages of a failed sync count as clean: only what was written after it is durable now.
    for (const write of file.writes) write.durable ||= !write.doomed;
  } else if (file.writes.length > 0) {
    file.base = file.data.slice(0, file.sizeBytes);
    file.writes = [];
  }
}

/** The content after a power cut. */
export function chooseWrites(file: FileNode, choose: PowerCutChoice): Uint8Array {
  const data = new Uint8Array(
    file.writes.reduce((end, { at, bytes }) => Math.max(end, at + bytes.length), file.base.length),
  );
  data.set(file.base);
  let sizeBytes = file.base.length;
  const keep = (bytes: Uint8Array, at: number) => {
    data.set(bytes, at);
    sizeBytes = Math.max(sizeBytes, at + bytes.length);
  };
  for (const { at, bytes, durable } of file.writes) {
    if (durable || choose("write")) {
      keep(bytes, at);
      continue;
    }
    for (let from = at; from < at + bytes.length;) {
      const to = Math.min(at + bytes.length, (Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES);
      if (choose("sectors")) keep(bytes.subarray(from - at, to - at), from);
      from = to;
    }
  }
  return data.subarray(0, sizeBytes);
}

/** What stat(2) tells. */
export function statOf(node: Node): DiskStat {
  const file = node.kind === "file" ? node : undefined;
  return {
    kind: node.kind,
    sizeBytes: file?.sizeBytes ?? 0,
    modifiedMs: file?.modifiedMs ?? 0,
    inode: node.inode,
    device: 1,
    mode: node.mode,
    uid: 0,
    gid: 0,
    linkCount: file?.links ?? 1,
  };
}
