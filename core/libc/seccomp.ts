/**
 * seccomp: a filter for all threads of the process that refuses to execute programs and to look into other processes.
 * For roles that start nothing. Refused calls fail with EPERM. [man seccomp.2]
 */
import { addressOf, libc, SYSCALL } from "./libc.ts";
import { setNoNewPrivileges } from "./landlock.ts";

const SET_MODE_FILTER = 1n;
const FLAG_TSYNC = 1n;
const LOAD_WORD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_GREATER_OR_EQUAL = 0x35;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const REFUSE_EPERM = 0x00050001;
const OFFSET_NUMBER = 0;
const OFFSET_ARCH = 4;
/** System calls of the x32 interface have this bit; no program of ours makes any. */
const X32_BIT = 0x40000000;

const ARCH = Deno.build.arch === "aarch64" ? 0xc00000b7 : 0xc000003e;
/** execve, execveat, ptrace, process_vm_readv, process_vm_writev. */
const REFUSED = Deno.build.arch === "aarch64"
  ? [SYSCALL.execve, SYSCALL.execveat, 117, 270, 271]
  : [SYSCALL.execve, SYSCALL.execveat, 101, 310, 311];

type Instruction = readonly [code: number, jumpTrue: number, jumpFalse: number, value: number];

function filter(): readonly Instruction[] {
  const head: Instruction[] = [[LOAD_WORD, 0, 0, OFFSET_ARCH], [JUMP_EQUAL, 0, REFUSED.length + 3, ARCH]];
  const number: Instruction[] = [
    [LOAD_WORD, 0, 0, OFFSET_NUMBER],
    [JUMP_GREATER_OR_EQUAL, REFUSED.length + 1, 0, X32_BIT],
  ];
  const refused = REFUSED.map((call, at): Instruction => [JUMP_EQUAL, REFUSED.length - at, 0, call]);
  return [...head, ...number, ...refused, [RETURN, 0, 0, ALLOW], [RETURN, 0, 0, REFUSE_EPERM]];
}

/** Refuses exec for the whole process, for good. False where the kernel has no seccomp filter. */
export function refuseExec(): boolean {
  const instructions = filter();
  const program = new Uint8Array(instructions.length * 8);
  const view = new DataView(program.buffer);
  instructions.forEach(([code, jumpTrue, jumpFalse, value], at) => {
    view.setUint16(at * 8, code, true);
    view.setUint8(at * 8 + 2, jumpTrue);
    view.setUint8(at * 8 + 3, jumpFalse);
    view.setUint32(at * 8 + 4, value, true);
  });
  const header = new Uint8Array(16); // struct sock_fprog
  const headerView = new DataView(header.buffer);
  headerView.setUint16(0, instructions.length, true);
  headerView.setBigUint64(8, addressOf(program), true);
  setNoNewPrivileges();
  return libc().syscall(SYSCALL.seccomp, SET_MODE_FILTER, FLAG_TSYNC, addressOf(header), 0n, 0n, 0n) === 0n;
}
