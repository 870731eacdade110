/**
 * Conversations of systemd's protocol (userdb.ts): any number of calls a connection, one after another. Password hashes
 * go to root only; others get records marked incomplete.
 */
import { concatBytes } from "../../core/bytes.ts";
import { errorText, Permanent } from "../../core/errors.ts";
import { VERSION } from "../../core/version.ts";
import type { NameSource } from "./name_source.ts";
import type { Peer } from "./peer_server.ts";
import {
  formatError,
  formatReply,
  groupRecord,
  type JsonObject,
  MESSAGE_BYTES_MAX,
  parseCall,
  USERDB_DESCRIPTION,
  USERDB_INTERFACE,
  userRecord,
  type VarlinkCall,
} from "./userdb.ts";

/** What a conversation needs. */
export interface UserdbBackend {
  readonly source: Pick<NameSource, "ask" | "has">;
  /** Name of the service: that of its socket. */
  readonly service: string;
  readonly log: (level: "alert" | "debug", text: string) => void;
}

/** An error of the protocol as the end of a call. */
class Refused extends Error {
  override name = "Refused";
  readonly parameters: JsonObject;

  constructor(error: string, parameters: JsonObject = {}) {
    super(error);
    this.parameters = parameters;
  }
}

const ERROR = {
  notFound: `${USERDB_INTERFACE}.NoRecordFound`,
  badService: `${USERDB_INTERFACE}.BadService`,
  notAvailable: `${USERDB_INTERFACE}.ServiceNotAvailable`,
  conflicting: `${USERDB_INTERFACE}.ConflictingRecordFound`,
  noEnumeration: `${USERDB_INTERFACE}.EnumerationNotSupported`,
  noMethod: "org.varlink.service.MethodNotFound",
  noInterface: "org.varlink.service.InterfaceNotFound",
  badParameter: "org.varlink.service.InvalidParameter",
  expectedMore: "org.varlink.service.ExpectedMore",
} as const;

type Question = Pick<VarlinkCall, "parameters" | "more">;
/** Gives the answers of a call; none is "not found". */
type Method = (question: Question, peer: Peer, backend: UserdbBackend) => Promise<JsonObject[]>;

const METHODS: Readonly<Record<string, Method>> = {
  [`${USERDB_INTERFACE}.GetUserRecord`]: getUserRecord,
  [`${USERDB_INTERFACE}.GetGroupRecord`]: getGroupRecord,
  [`${USERDB_INTERFACE}.GetMemberships`]: getMemberships,
  "org.varlink.service.GetInfo": () =>
    Promise.resolve([{
      vendor: "IndiMail",
      product: "nssd",
      version: VERSION,
      url: "https://indimail.org",
      interfaces: ["org.varlink.service", USERDB_INTERFACE],
    }]),
  "org.varlink.service.GetInterfaceDescription": ({ parameters }) => {
    if (parameters["interface"] !== USERDB_INTERFACE) throw new Refused(ERROR.noInterface);
    return Promise.resolve([{ description: USERDB_DESCRIPTION }]);
  },
};

function textParameter({ parameters }: Question, name: string): string | undefined {
  const value = parameters[name] ?? undefined;
  if (value !== undefined && typeof value !== "string") throw new Refused(ERROR.badParameter, { parameter: name });
  return value;
}

function numberParameter({ parameters }: Question, name: string): string | undefined {
  const value = parameters[name] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
    throw new Refused(ERROR.badParameter, { parameter: name });
  }
  return String(value);
}

function checkService(question: Question, backend: UserdbBackend): void {
  if (textParameter(question, "service") !== backend.service) throw new Refused(ERROR.badService);
}

async function getUserRecord(question: Question, peer: Peer, backend: UserdbBackend): Promise<JsonObject[]> {
  checkService(question, backend);
  const { source, service } = backend;
  const [name, uid] = [textParameter(question, "userName"), numberParameter(question, "uid")];
  const all = name === undefined && uid === undefined;
  if (all && !(question.more && source.has("passwdAll"))) throw new Refused(ERROR.noEnumeration);
  const rows = name !== undefined
    ? await source.ask("passwdByName", name)
    : uid !== undefined
    ? await source.ask("passwdByUid", uid)
    : await source.ask("passwdAll");
  const shadows = new Map<string, readonly string[]>();
  if (peer.uid === 0 && rows.length > 0) {
    const found = all ? await source.ask("shadowAll") : await source.ask("shadowByName", name ?? rows[0]![0]!);
    for (const shadow of found) shadows.set(shadow[0]!, shadow);
  }
  const answers = (all ? rows : rows.slice(0, 1)).map((row) => {
    const record = userRecord(row, { service, asked: name, shadow: shadows.get(row[0]!) });
    if (uid !== undefined && name !== undefined && String(record["uid"]) !== uid) throw new Refused(ERROR.conflicting);
    return peer.uid === 0 ? { record } : { record, incomplete: true };
  });
  return answers;
}

async function getGroupRecord(question: Question, _peer: Peer, backend: UserdbBackend): Promise<JsonObject[]> {
  checkService(question, backend);
  const { source, service } = backend;
  const [name, gid] = [textParameter(question, "groupName"), numberParameter(question, "gid")];
  const all = name === undefined && gid === undefined;
  if (all && !(question.more && source.has("groupAll"))) throw new Refused(ERROR.noEnumeration);
  const rows = name !== undefined
    ? await source.ask("groupByName", name)
    : gid !== undefined
    ? await source.ask("groupByGid", gid)
    : await source.ask("groupAll");
  const answers: JsonObject[] = [];
  for (const row of all ? rows : rows.slice(0, 1)) {
    if (gid !== undefined && row[2] !== gid) throw new Refused(ERROR.conflicting);
    const members = await source.ask("membersOfGid", row[2]);
    answers.push({ record: groupRecord(row, members.map(([member]) => member!), { service, asked: name }) });
  }
  return answers;
}

async function getMemberships(question: Question, _peer: Peer, backend: UserdbBackend): Promise<JsonObject[]> {
  checkService(question, backend);
  const { source } = backend;
  const [userName, groupName] = [textParameter(question, "userName"), textParameter(question, "groupName")];
  const answers: JsonObject[] = [];
  if (userName !== undefined) {
    for (const [gid] of await source.ask("gidsOfMember", userName)) {
      for (const [name] of (await source.ask("groupByGid", gid)).slice(0, 1)) {
        if (groupName === undefined || groupName === name) answers.push({ userName, groupName: name! });
      }
    }
    return answers;
  }
  if (groupName === undefined && !(question.more && source.has("groupAll"))) throw new Refused(ERROR.noEnumeration);
  const groups = groupName === undefined ? await source.ask("groupAll") : await source.ask("groupByName", groupName);
  for (const [name, , gid] of groups) {
    for (const [member] of await source.ask("membersOfGid", gid)) answers.push({ userName: member!, groupName: name! });
  }
  return answers;
}

async function* answersTo(call: VarlinkCall, peer: Peer, backend: UserdbBackend): AsyncGenerator<Uint8Array> {
  try {
    const method = METHODS[call.method];
    if (!method) throw new Refused(ERROR.noMethod, { method: call.method });
    const answers = await method(call, peer, backend);
    if (answers.length === 0) throw new Refused(ERROR.notFound);
    if (answers.length > 1 && !call.more) throw new Refused(ERROR.expectedMore);
    for (const [at, answer] of answers.entries()) yield formatReply(answer, at + 1 < answers.length);
  } catch (error) {
    if (error instanceof Refused) yield formatError(error.message, error.parameters);
    else {
      backend.log("alert", `${call.method}: ${errorText(error)}`);
      yield formatError(ERROR.notAvailable);
    }
  }
}

/** Answers gathered into one write. */
const WRITE_BYTES = 65_536;

async function answerCall(call: VarlinkCall, peer: Peer, backend: UserdbBackend): Promise<void> {
  let gathered: Uint8Array[] = [];
  let bytes = 0;
  for await (const answer of answersTo(call, peer, backend)) {
    if (call.oneway) continue;
    gathered.push(answer);
    bytes += answer.length;
    if (bytes < WRITE_BYTES) continue;
    await peer.write(concatBytes(...gathered));
    [gathered, bytes] = [[], 0];
  }
  if (bytes > 0) await peer.write(concatBytes(...gathered));
}

/** Serves a connection until the peer ends it, or says what is no call. */
export async function serveUserdb(peer: Peer, backend: UserdbBackend): Promise<void> {
  const buffer = new Uint8Array(MESSAGE_BYTES_MAX);
  let filled = 0;
  for (;;) {
    const end = buffer.subarray(0, filled).indexOf(0);
    if (end >= 0) {
      try {
        await answerCall(parseCall(buffer.subarray(0, end)), peer, backend);
      } catch (error) {
        if (!(error instanceof Permanent)) throw error;
        return backend.log("alert", `uid ${peer.uid}: ${error.message}`);
      }
      buffer.copyWithin(0, end + 1, filled);
      filled -= end + 1;
      continue;
    }
    if (filled === buffer.length) {
      return backend.log("alert", `uid ${peer.uid}: a message of more than ${filled} bytes`);
    }
    const count = await peer.read(buffer.subarray(filled));
    if (count === null) return;
    filled += count;
  }
}
