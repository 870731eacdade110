/** Counts the messages of queues on disk, for qmailmrtg -q and -Q [spec formats 1]. */
import { pathExists } from "../../core/path_exists.ts";

/** Queues that a folder holds at most. */
const QUEUES_MAX = 1000;

/** Which numbers, and how the queue is split. */
export interface QueueCountOptions {
  /** Messages with local and remote recipients, instead of all and those in todo. */
  readonly local: boolean;
  readonly split: number;
  readonly bigTodo: boolean;
}

function filesIn(folder: string): number {
  try {
    let count = 0;
    for (const entry of Deno.readDirSync(folder)) if (!entry.isDirectory) count++;
    return count;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return 0;
    throw error;
  }
}

function filesBelow(folder: string, split: number): number {
  let count = 0;
  for (let at = 0; at < split; at++) count += filesIn(`${folder}/${at}`);
  return count;
}

/** Two numbers over queue1, queue2, … and nqueue of a folder; or of the folder itself when it is a queue. */
export function queueCounts(folder: string, options: QueueCountOptions): [number, number] {
  const queues: string[] = [];
  for (let at = 1; at <= QUEUES_MAX && pathExists(`${folder}/queue${at}`); at++) queues.push(`${folder}/queue${at}`);
  if (pathExists(`${folder}/nqueue`)) queues.push(`${folder}/nqueue`);
  if (queues.length === 0) queues.push(folder);
  const counts: [number, number] = [0, 0];
  for (const queue of queues) {
    counts[0] += filesBelow(`${queue}/${options.local ? "local" : "mess"}`, options.split);
    if (options.local) counts[1] += filesBelow(`${queue}/remote`, options.split);
    else counts[1] += options.bigTodo ? filesBelow(`${queue}/todo`, options.split) : filesIn(`${queue}/todo`);
  }
  return counts;
}
