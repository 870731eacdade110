/**
 * Tells when a service appears in a folder. One that is moved or linked there is whole and told at once; a folder that is
 * made there is told when nothing has happened for a while, so that it is not met half built.
 */
import { closeFd } from "../../../core/libc/fd.ts";
import {
  INOTIFY,
  inotifyAdd,
  openInotify,
  parseInotifyEvents,
  type Poller,
  tryReadFd,
} from "../../../core/libc/poll.ts";

/** A folder made in place counts as built after so long without events. */
export const SETTLE_MS = 1000;
const READ_BYTES = 64 * 1024;

/** Watches until the function that it gives is called. Throws LibcError. */
export function watchFolder(poller: Poller, folder: string, appeared: () => void): () => void {
  const fd = openInotify();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    inotifyAdd(fd, folder, INOTIFY.create | INOTIFY.movedTo | INOTIFY.movedFrom | INOTIFY.delete);
  } catch (error) {
    closeFd(fd);
    throw error;
  }
  const buffer = new Uint8Array(READ_BYTES);
  const token = poller.watch(fd, () => {
    const count = tryReadFd(fd, buffer) ?? 0;
    const events = parseInotifyEvents(buffer.subarray(0, count)).filter(({ name }) => !name.startsWith("."));
    if (events.length === 0) return;
    const isMaking = events.some(({ mask }) => (mask & INOTIFY.create) !== 0 && (mask & INOTIFY.isDirectory) !== 0);
    clearTimeout(timer);
    if (isMaking || timer !== undefined) {
      timer = setTimeout(() => {
        timer = undefined;
        appeared();
      }, SETTLE_MS);
    } else appeared();
  });
  return () => {
    clearTimeout(timer);
    poller.unwatch(token);
    closeFd(fd);
  };
}
