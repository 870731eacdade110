/**
 * Packets between a process and its child, with descriptors: socketpair(2), sendmsg(2) and recvmsg(2) with SCM_RIGHTS. A
 * packet arrives whole or not at all; nothing here waits. Descriptors that arrive are closed at exec.
 */
import { addressOf, checked, ERRNO, errno, libc, LibcError } from "./libc.ts";
import { closeFd } from "./fd.ts";

const CALL = Deno.build.arch === "aarch64"
  ? { socketpair: 199n, sendmsg: 211n, recvmsg: 212n }
  : { socketpair: 53n, sendmsg: 46n, recvmsg: 47n };
const AF_UNIX = 1n;
const SOCK_SEQPACKET_CLOEXEC = 5n | 0o2000000n;
const MSG_DONTWAIT = 0x40n;
const MSG_NOSIGNAL = 0x4000n;
const MSG_CMSG_CLOEXEC = 0x40000000n;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MESSAGE_HEADER_BYTES = 56;
const CONTROL_HEADER_BYTES = 16;
/** Most descriptors in one packet. */
export const PACKET_FDS_MAX = 4;
/** Longest packet. */
export const PACKET_BYTES_MAX = 64 * 1024;

/** What arrived; `count` is 0 at the end. */
export interface Packet {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly fds: readonly number[];
}

/** Two connected ends, closed at exec. Throws LibcError. */
export function openPacketPair(): readonly [number, number] {
  const ends = new Int32Array(2);
  const address = addressOf(new Uint8Array(ends.buffer));
  checked(libc().syscall(CALL.socketpair, AF_UNIX, SOCK_SEQPACKET_CLOEXEC, 0n, address, 0n, 0n), "socketpair");
  return [ends[0]!, ends[1]!];
}

/** struct msghdr; `kept` must stay referenced during the call. */
function messageHeader(bytes: Uint8Array<ArrayBuffer>, control: Uint8Array<ArrayBuffer>) {
  const vector = new BigUint64Array([addressOf(bytes), BigInt(bytes.length)]);
  const vectorBytes = new Uint8Array(vector.buffer);
  const header = new Uint8Array(MESSAGE_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setBigUint64(16, addressOf(vectorBytes), true);
  view.setBigUint64(24, 1n, true);
  if (control.length > 0) {
    view.setBigUint64(32, addressOf(control), true);
    view.setBigUint64(40, BigInt(control.length), true);
  }
  return { header, view, kept: [vectorBytes, bytes, control] };
}

function controlOf(fds: readonly number[]): Uint8Array<ArrayBuffer> {
  if (fds.length === 0) return new Uint8Array(0);
  const control = new Uint8Array(CONTROL_HEADER_BYTES + Math.ceil(fds.length / 2) * 8);
  const view = new DataView(control.buffer);
  view.setBigUint64(0, BigInt(CONTROL_HEADER_BYTES + 4 * fds.length), true);
  view.setInt32(8, SOL_SOCKET, true);
  view.setInt32(12, SCM_RIGHTS, true);
  fds.forEach((fd, at) => view.setInt32(CONTROL_HEADER_BYTES + 4 * at, fd, true));
  return control;
}

/** Sends one packet; false when there is no room for it now. Throws LibcError, as when the other end is closed. */
export function trySendPacket(fd: number, bytes: Uint8Array<ArrayBuffer>, fds: readonly number[] = []): boolean {
  if (bytes.length === 0 || bytes.length > PACKET_BYTES_MAX) throw new RangeError(`a packet of ${bytes.length} bytes`);
  if (fds.length > PACKET_FDS_MAX) throw new RangeError(`${fds.length} descriptors in a packet`);
  const message = messageHeader(bytes, controlOf(fds));
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  const sent = libc().syscall(CALL.sendmsg, BigInt(fd), addressOf(message.header), flags, 0n, 0n, 0n);
  if (Number(sent) >= 0) return message.kept.length > 0;
  const code = errno();
  if (code === ERRNO.again) return false;
  throw new LibcError("sendmsg", code);
}

let receiving: Uint8Array<ArrayBuffer> | undefined;

/** The next packet, empty at the end; undefined when there is none now. Throws LibcError. */
export function tryReceivePacket(fd: number): Packet | undefined {
  receiving ??= new Uint8Array(PACKET_BYTES_MAX);
  const bytes = receiving;
  const control = new Uint8Array(CONTROL_HEADER_BYTES + 4 * PACKET_FDS_MAX);
  const message = messageHeader(bytes, control);
  const flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
  const count = Number(libc().syscall(CALL.recvmsg, BigInt(fd), addressOf(message.header), flags, 0n, 0n, 0n));
  if (count < 0) {
    const code = errno();
    if (code === ERRNO.again) return undefined;
    throw new LibcError("recvmsg", code);
  }
  return { bytes: bytes.slice(0, count), fds: receivedFds(control, Number(message.view.getBigUint64(40, true))) };
}

function receivedFds(control: Uint8Array<ArrayBuffer>, length: number): number[] {
  if (length < CONTROL_HEADER_BYTES) return [];
  const view = new DataView(control.buffer);
  if (view.getInt32(8, true) !== SOL_SOCKET || view.getInt32(12, true) !== SCM_RIGHTS) return [];
  const count = Math.min(PACKET_FDS_MAX, Math.trunc((Number(view.getBigUint64(0, true)) - CONTROL_HEADER_BYTES) / 4));
  return Array.from({ length: count }, (_, at) => view.getInt32(CONTROL_HEADER_BYTES + 4 * at, true));
}

/** Closes what came with a packet that nobody wanted. */
export function closeFds(fds: readonly number[]): void {
  for (const fd of fds) closeFd(fd);
}
