/** Ids of messages in the SMTP server's log and Received lines: unique on this host, short, ordered by time. */

/** Makes ids of the time, the process and a counter, base 36. */
export function createIds(nowMs: () => number, pid: number): () => string {
  let count = 0;
  const suffix = pid.toString(36);
  return () => {
    count = (count + 1) % 46_656;
    return `${nowMs().toString(36)}${count.toString(36).padStart(3, "0")}${suffix}`;
  };
}
