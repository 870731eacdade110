/**
 * supervise's status file: 21 bytes, or the 18 of the stock daemontools, which lack the wait and the up byte
 * [spec formats 17]. In ours the pid of a service that is down is that of its supervisor.
 */

/** Bytes that we write. */
export const STATUS_BYTES = 21;
/** Bytes of the stock daemontools. */
export const STOCK_STATUS_BYTES = 18;
const TAI_OFFSET = (1n << 62n) + 10n;
const NANOSECONDS = 1_000_000_000n;
/** A wait without a known end. */
export const WAITS_FOR_SERVICE = -2;

/** How a service stands. */
export interface Status {
  /** When it last changed: nanoseconds since 1970. */
  readonly changedNs: bigint;
  readonly pid: number;
  readonly paused: boolean;
  /** undefined: it is not started again when it ends. */
  readonly want: "up" | "down" | undefined;
  /** Seconds that it waits for another service; WAITS_FOR_SERVICE: until that is up; 0: it does not wait. */
  readonly waitSeconds: number;
  readonly up: boolean;
}

/** The file's bytes. */
export function formatStatus(status: Status): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(STATUS_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, status.changedNs / NANOSECONDS + TAI_OFFSET);
  view.setUint32(8, Number(status.changedNs % NANOSECONDS));
  view.setUint32(12, status.pid, true);
  bytes[16] = status.paused ? 1 : 0;
  bytes[17] = status.want === "up" ? 0x75 : status.want === "down" ? 0x64 : 0;
  view.setInt16(18, status.waitSeconds, true);
  bytes[20] = status.up ? 1 : 0;
  return bytes;
}

/** The status in a file of either format; undefined when it is neither. */
export function tryParseStatus(bytes: Uint8Array): Status | undefined {
  if (bytes.length !== STATUS_BYTES && bytes.length !== STOCK_STATUS_BYTES) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pid = view.getUint32(12, true);
  const stock = bytes.length === STOCK_STATUS_BYTES;
  return {
    changedNs: (view.getBigUint64(0) - TAI_OFFSET) * NANOSECONDS + BigInt(view.getUint32(8)),
    pid,
    paused: bytes[16] === 1,
    want: bytes[17] === 0x75 ? "up" : bytes[17] === 0x64 ? "down" : undefined,
    waitSeconds: stock ? 0 : view.getInt16(18, true),
    up: stock ? pid !== 0 : bytes[20] === 1,
  };
}
