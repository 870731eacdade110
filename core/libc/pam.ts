/**
 * libpam: is a password right, may the account be used, a session opened and closed [man pam.3]. Opened at the first call;
 * a library that is not there is Temporary. The calls hold the thread (a module may wait two seconds after a wrong
 * password): for programs that have nothing else to do.
 */
import { errorText, Temporary } from "../errors.ts";
import { cString } from "./libc.ts";

const SYMBOLS = {
  pam_start: { parameters: ["buffer", "buffer", "buffer", "buffer"], result: "i32" },
  pam_end: { parameters: ["pointer", "i32"], result: "i32" },
  pam_set_item: { parameters: ["pointer", "i32", "buffer"], result: "i32" },
  pam_putenv: { parameters: ["pointer", "buffer"], result: "i32" },
  pam_authenticate: { parameters: ["pointer", "i32"], result: "i32" },
  pam_acct_mgmt: { parameters: ["pointer", "i32"], result: "i32" },
  pam_setcred: { parameters: ["pointer", "i32"], result: "i32" },
  pam_open_session: { parameters: ["pointer", "i32"], result: "i32" },
  pam_close_session: { parameters: ["pointer", "i32"], result: "i32" },
  pam_strerror: { parameters: ["pointer", "i32"], result: "pointer" },
} as const;
/** Linux-PAM 1.4 and up. */
const CONFDIR_SYMBOLS = {
  pam_start_confdir: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
} as const;
/** What modules free, so it has to come from the C library. */
const MEMORY_SYMBOLS = {
  calloc: { parameters: ["usize", "usize"], result: "pointer" },
  strdup: { parameters: ["buffer"], result: "pointer" },
} as const;
const CONVERSATION = { parameters: ["i32", "pointer", "pointer", "pointer"], result: "i32" } as const;

const LIBRARY = "libpam.so.0";
/** Numbers of security/_pam_types.h of Linux-PAM. */
const ITEM_RHOST = 4;
const FLAG = { silent: 0x8000, disallowNullAuthtok: 1, establishCred: 2, deleteCred: 4 } as const;
const STYLE = { promptEchoOff: 1, promptEchoOn: 2, errorMessage: 3, textInfo: 4 } as const;
/** Most messages of one call of the conversation: PAM_MAX_NUM_MSG. */
const MESSAGES_MAX = 32;
const POINTER_BYTES = 8;
/** sizeof(struct pam_response): a pointer and a number. */
const RESPONSE_BYTES = 16;

/** Results of the library [man pam.3] by name; the numbers are those of Linux-PAM. */
export const PAM = {
  success: 0,
  openError: 1,
  symbolError: 2,
  serviceError: 3,
  systemError: 4,
  bufferError: 5,
  permissionDenied: 6,
  authError: 7,
  credInsufficient: 8,
  authinfoUnavailable: 9,
  userUnknown: 10,
  maxTries: 11,
  newAuthtokRequired: 12,
  accountExpired: 13,
  sessionError: 14,
  credUnavailable: 15,
  credExpired: 16,
  credError: 17,
  conversationError: 19,
  authtokExpired: 27,
  ignore: 25,
  abort: 26,
  moduleUnknown: 28,
} as const;

type PamLibrary = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let library: PamLibrary | undefined;

/** The library; throws Temporary where it is not installed. Opened early by tests, for the sanitizer. */
export function libpam(): PamLibrary {
  try {
    return library ??= Deno.dlopen(LIBRARY, SYMBOLS).symbols;
  } catch (error) {
    throw new Temporary(`${LIBRARY} cannot be loaded, is PAM installed? (${errorText(error)})`);
  }
}

let memory: Deno.DynamicLibrary<typeof MEMORY_SYMBOLS>["symbols"] | undefined;

function libcMemory(): Deno.DynamicLibrary<typeof MEMORY_SYMBOLS>["symbols"] {
  return memory ??= Deno.dlopen("libc.so.6", MEMORY_SYMBOLS).symbols;
}

/** Who asks the library for what. */
export interface PamRequest {
  readonly service: string;
  readonly user: string;
  readonly password: string;
  /** Host of the peer, for the modules' logs and rules. */
  readonly remoteHost?: string | undefined;
  /** Folder of service files instead of /etc/pam.d; needs Linux-PAM 1.4. */
  readonly configurationFolder?: string | undefined;
  /** Variables for modules and what they run (pam_exec). */
  readonly environment?: Readonly<Record<string, string>>;
  /** Is told each phase as it begins, and its end when that is not success. */
  readonly log?: (text: string) => void;
}

/** How far it came: the phase that failed, with the library's number and text for it, and what modules said. */
export interface PamResult {
  readonly phase: "start" | "authentication" | "account" | "credentials" | "session" | "done";
  /** PAM.success when all went well. */
  readonly code: number;
  readonly text: string;
  /** Messages of modules, oldest first. */
  readonly messages: readonly string[];
}

function textAt(pointer: Deno.PointerValue): string {
  return pointer ? new Deno.UnsafePointerView(pointer).getCString() : "";
}

/** Writes an address into the C library's memory. */
function storePointer(place: Deno.PointerObject, value: Deno.PointerValue): void {
  const bytes = Deno.UnsafePointerView.getArrayBuffer(place, POINTER_BYTES);
  new DataView(bytes).setBigUint64(0, Deno.UnsafePointer.value(value), true);
}

/** Answers of the program to a module's prompts: the name where it is shown, the password where it is not. */
function converse(request: PamRequest, messages: string[]) {
  return (count: number, list: Deno.PointerValue, answers: Deno.PointerValue): number => {
    if (!list || !answers || count < 1 || count > MESSAGES_MAX) return PAM.conversationError;
    const responses = libcMemory().calloc(BigInt(count), BigInt(RESPONSE_BYTES));
    if (!responses) return PAM.bufferError;
    const view = new Deno.UnsafePointerView(list);
    for (let at = 0; at < count; at++) {
      const message = view.getPointer(at * POINTER_BYTES); // struct pam_message: style, text
      if (!message) return PAM.conversationError;
      const fields = new Deno.UnsafePointerView(message);
      const style = fields.getInt32(0);
      if (style === STYLE.errorMessage || style === STYLE.textInfo) {
        messages.push(textAt(fields.getPointer(POINTER_BYTES)));
        continue;
      }
      if (style !== STYLE.promptEchoOff && style !== STYLE.promptEchoOn) return PAM.conversationError;
      const answer = libcMemory().strdup(cString(style === STYLE.promptEchoOff ? request.password : request.user));
      const place = Deno.UnsafePointer.offset(responses, at * RESPONSE_BYTES);
      if (!answer || !place) return PAM.bufferError;
      storePointer(place, answer);
    }
    storePointer(answers, responses);
    return PAM.success;
  };
}

function start(
  request: PamRequest,
  conversation: Uint8Array<ArrayBuffer>,
): { code: number; handle: Deno.PointerValue } {
  const handle = new BigUint64Array(1);
  const out = new Uint8Array(handle.buffer);
  const [service, user] = [cString(request.service), cString(request.user)];
  const folder = request.configurationFolder;
  const code = folder === undefined
    ? libpam().pam_start(service, user, conversation, out)
    : confdirLibrary().pam_start_confdir(service, user, conversation, cString(folder), out);
  return { code, handle: Deno.UnsafePointer.create(handle[0]!) };
}

let confdir: Deno.DynamicLibrary<typeof CONFDIR_SYMBOLS>["symbols"] | undefined;

function confdirLibrary(): Deno.DynamicLibrary<typeof CONFDIR_SYMBOLS>["symbols"] {
  libpam();
  try {
    return confdir ??= Deno.dlopen(LIBRARY, CONFDIR_SYMBOLS).symbols;
  } catch (error) {
    throw new Temporary(`a folder of PAM services needs Linux-PAM 1.4 (${errorText(error)})`);
  }
}

/** The phases in order; the session is opened and closed, for what its modules do at a login. */
const PHASES = [
  { phase: "authentication", call: "pam_authenticate", flags: FLAG.disallowNullAuthtok },
  { phase: "account", call: "pam_acct_mgmt", flags: 0 },
  { phase: "credentials", call: "pam_setcred", flags: FLAG.establishCred },
  { phase: "session", call: "pam_open_session", flags: FLAG.silent },
  { phase: "session", call: "pam_close_session", flags: FLAG.silent },
  { phase: "credentials", call: "pam_setcred", flags: FLAG.deleteCred },
] as const;

/**
 * Runs authentication, account, credentials and session of a service; ends at the first phase that fails. Throws
 * Temporary when libpam is not there, RangeError for a NUL in a text.
 */
export function runPam(request: PamRequest): PamResult {
  const messages: string[] = [];
  libpam();
  libcMemory();
  const callback = new Deno.UnsafeCallback(CONVERSATION, converse(request, messages));
  const conversation = new Uint8Array(new BigUint64Array([Deno.UnsafePointer.value(callback.pointer), 0n]).buffer);
  try {
    const { code, handle } = start(request, conversation);
    if (code !== PAM.success || !handle) return { phase: "start", code, text: describe(handle, code), messages };
    const result = runPhases(handle, request, messages);
    libpam().pam_end(handle, result.code);
    return result;
  } finally {
    callback.close();
  }
}

/** What pam_setcred gives when no module of the service has to do with credentials (pam_exec has not). */
const NO_MODULE = PAM.permissionDenied;

function runPhases(handle: Deno.PointerValue, request: PamRequest, messages: readonly string[]): PamResult {
  const { environment = {}, log, remoteHost } = request;
  if (remoteHost) libpam().pam_set_item(handle, ITEM_RHOST, cString(remoteHost));
  for (const [name, value] of Object.entries(environment)) libpam().pam_putenv(handle, cString(`${name}=${value}`));
  for (const { phase, call, flags } of PHASES) {
    log?.(`${call} of service ${request.service}`);
    const code = libpam()[call](handle, flags);
    if (code === PAM.success || (phase === "credentials" && code === NO_MODULE)) continue;
    const text = describe(handle, code);
    log?.(`${call}: ${text}`);
    return { phase, code, text, messages };
  }
  return { phase: "done", code: PAM.success, text: "", messages };
}

function describe(handle: Deno.PointerValue, code: number): string {
  return textAt(libpam().pam_strerror(handle, code)) || `error ${code}`;
}
