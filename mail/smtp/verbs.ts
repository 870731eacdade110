/**
 * The verbs of the SMTP server as a table: in which states each is taken, what it is refused with in the others, how its
 * argument is read, what it does. The session's loop does the rest.
 */
import { parseAuth, type Parsed, parseHelo, parseMail, parseNothing, parseRcpt, parseText } from "./parse.ts";
import type { MailCommand } from "./parse.ts";
import type { SmtpGreeting } from "./backend.ts";
import { REPLIES, type SmtpReply } from "./replies.ts";

/** start: not greeted; ready: greeted; mail: sender given; rcpt: at least one recipient accepted. */
export type SmtpState = "start" | "ready" | "mail" | "rcpt";

/** All states. */
export const SMTP_STATES: readonly SmtpState[] = ["start", "ready", "mail", "rcpt"];

/** A reply, now or later; undefined when the session has said all itself. */
export type SmtpOutcome = SmtpReply | undefined | Promise<SmtpReply | undefined>;

/** What the verbs do; the session has them. */
export interface SmtpActs {
  hello(greeting: SmtpGreeting): SmtpOutcome;
  mail(command: MailCommand): SmtpOutcome;
  recipient(address: string): SmtpOutcome;
  data(): SmtpOutcome;
  reset(): SmtpOutcome;
  startTls(): SmtpOutcome;
  auth(request: { readonly mechanism: string; readonly initial?: string }): SmtpOutcome;
  quit(): SmtpOutcome;
}

/** A row of the table. */
export interface SmtpVerb {
  readonly verb: string;
  /** States in which it is taken. */
  readonly states: readonly SmtpState[];
  /** The refusal in each other state. */
  readonly otherwise: Readonly<Partial<Record<SmtpState, SmtpReply>>>;
  /** Ends a batch of pipelined commands: what is gathered is written before the next is handled [rfc2920 3.1]. */
  readonly flush: boolean;
  run(acts: SmtpActs, argument: string): SmtpOutcome;
}

interface VerbDeclaration<T> {
  readonly verb: string;
  readonly states?: readonly SmtpState[];
  readonly otherwise?: SmtpVerb["otherwise"];
  readonly flush?: boolean;
  readonly parse: (argument: string) => Parsed<T>;
  readonly act: (acts: SmtpActs, value: T) => SmtpOutcome;
}

function verb<T>(declaration: VerbDeclaration<T>): SmtpVerb {
  const { parse, act } = declaration;
  return Object.freeze({
    verb: declaration.verb,
    states: declaration.states ?? SMTP_STATES,
    otherwise: declaration.otherwise ?? {},
    flush: declaration.flush ?? false,
    run(acts: SmtpActs, argument: string) {
      const parsed = parse(argument);
      return "refusal" in parsed ? parsed.refusal : act(acts, parsed.value);
    },
  });
}

const TRANSACTION = { mail: REPLIES.inTransaction, rcpt: REPLIES.inTransaction };

/** The verbs. */
export const SMTP_VERBS: readonly SmtpVerb[] = [
  verb({ verb: "HELO", parse: parseHelo, act: (acts, name) => acts.hello({ name, extended: false }) }),
  verb({ verb: "EHLO", flush: true, parse: parseHelo, act: (acts, name) => acts.hello({ name, extended: true }) }),
  verb({
    verb: "MAIL",
    states: ["ready"],
    otherwise: { start: REPLIES.heloFirst, mail: REPLIES.senderGiven, rcpt: REPLIES.senderGiven },
    parse: parseMail,
    act: (acts, command) => acts.mail(command),
  }),
  verb({
    verb: "RCPT",
    states: ["mail", "rcpt"],
    otherwise: { start: REPLIES.heloFirst, ready: REPLIES.mailFirst },
    parse: parseRcpt,
    act: (acts, address) => acts.recipient(address),
  }),
  verb({
    verb: "DATA",
    states: ["rcpt"],
    otherwise: { start: REPLIES.heloFirst, ready: REPLIES.mailFirst, mail: REPLIES.rcptFirst },
    parse: parseNothing,
    act: (acts) => acts.data(),
  }),
  verb({ verb: "RSET", parse: parseNothing, act: (acts) => acts.reset() }),
  verb({ verb: "NOOP", flush: true, parse: parseText, act: () => REPLIES.noop }),
  verb({ verb: "QUIT", flush: true, parse: parseText, act: (acts) => acts.quit() }),
  verb({ verb: "HELP", parse: parseText, act: () => helpReply() }),
  verb({ verb: "VRFY", flush: true, parse: parseText, act: () => REPLIES.vrfy }),
  verb({
    verb: "STARTTLS",
    states: ["ready"],
    otherwise: { start: REPLIES.heloFirst, ...TRANSACTION },
    flush: true,
    parse: parseNothing,
    act: (acts) => acts.startTls(),
  }),
  verb({
    verb: "AUTH",
    states: ["ready"],
    otherwise: { start: REPLIES.heloFirst, ...TRANSACTION },
    flush: true,
    parse: parseAuth,
    act: (acts, request) => acts.auth(request),
  }),
  verb({ verb: "EXPN", flush: true, parse: parseText, act: () => REPLIES.unimplemented }),
  verb({ verb: "ETRN", parse: parseText, act: () => REPLIES.unimplemented }),
  verb({ verb: "TURN", flush: true, parse: parseText, act: () => REPLIES.unimplemented }),
];

const BY_NAME: ReadonlyMap<string, SmtpVerb> = new Map(SMTP_VERBS.map((entry) => [entry.verb, entry]));

/** The row of a verb; undefined when it is not known. */
export function findVerb(name: string): SmtpVerb | undefined {
  return BY_NAME.get(name);
}

function helpReply(): SmtpReply {
  const names = SMTP_VERBS.filter((entry) => !["EXPN", "ETRN", "TURN"].includes(entry.verb)).map((entry) => entry.verb);
  return { code: 214, enhanced: "2.0.0", text: "end of HELP", before: [`this server knows ${names.join(" ")}`] };
}
