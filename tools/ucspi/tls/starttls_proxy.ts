/**
 * How dotls offers STARTTLS for a program that has none: it reads along with the commands and replies before TLS, adds the
 * capability to the program's list, and answers the command itself [rfc3207, rfc2595]. Lines in, lines out; no sockets.
 * From the first command that logs in or begins a message on, it only passes lines on.
 */
import { latin1Bytes, latin1Text } from "../../../core/bytes.ts";
import type { StarttlsProtocol } from "./starttls_client.ts";

/** What is to be done with a line of the client. */
export type ClientLine =
  | { readonly kind: "pass" }
  /** TLS is next, after this answer; what the client has sent behind the line is thrown away. */
  | { readonly kind: "tls"; readonly answer: Uint8Array }
  | { readonly kind: "refuse"; readonly answer: Uint8Array };

/** One protocol's manner. */
export interface StarttlsProxy {
  /** Lines are only passed on from now on. */
  readonly done: boolean;
  /** A line of the client, with its line end. */
  client(line: Uint8Array): ClientLine;
  /** What the client gets in place of a line of the program. */
  program(line: Uint8Array): Uint8Array;
}

/** Commands whose replies may be outstanding. */
const OUTSTANDING_MAX = 1000;

/** Makes the proxy of a protocol. */
export function starttlsProxy(protocol: StarttlsProtocol): StarttlsProxy {
  if (protocol === "smtp") return new SmtpProxy();
  return protocol === "pop3" ? new Pop3Proxy() : new ImapProxy();
}

const PASS: ClientLine = { kind: "pass" };

function wordsOf(line: Uint8Array): string[] {
  return latin1Text(line.subarray(0, 1000)).trim().toUpperCase().split(/\s+/);
}

/** The commands whose replies have not come, the first of them first. */
class Outstanding {
  readonly #commands: string[] = [];

  push(command: string): boolean {
    this.#commands.push(command);
    return this.#commands.length <= OUTSTANDING_MAX;
  }

  get current(): string | undefined {
    return this.#commands[0];
  }

  answered(): void {
    this.#commands.shift();
  }
}

class SmtpProxy implements StarttlsProxy {
  done = false;
  readonly #outstanding = new Outstanding();
  #offered = false;

  constructor() {
    this.#outstanding.push("GREETING");
  }

  client(line: Uint8Array): ClientLine {
    const [verb = "", argument] = wordsOf(line);
    if (verb === "STARTTLS") {
      return argument === undefined
        ? { kind: "tls", answer: latin1Bytes("220 2.0.0 Ready to start TLS\r\n") }
        : { kind: "refuse", answer: latin1Bytes("501 5.5.2 Syntax error (no parameters allowed)\r\n") };
    }
    if (["MAIL", "AUTH", "DATA", "BDAT"].includes(verb) || !this.#outstanding.push(verb)) this.done = true;
    return PASS;
  }

  program(line: Uint8Array): Uint8Array {
    if (this.done) return line;
    const text = latin1Text(line);
    const isHello = this.#outstanding.current === "EHLO" && text.startsWith("250");
    this.#offered ||= isHello && /^250[ -]STARTTLS\r?\n$/i.test(text);
    if (text[3] === "-") return line;
    this.#outstanding.answered();
    if (!isHello || this.#offered) {
      this.#offered = false;
      return line;
    }
    return latin1Bytes(`250-${text.slice(4)}250 STARTTLS\r\n`);
  }
}

class Pop3Proxy implements StarttlsProxy {
  done = false;
  readonly #outstanding = new Outstanding();
  #inList = false;
  #offered = false;

  constructor() {
    this.#outstanding.push("GREETING");
  }

  client(line: Uint8Array): ClientLine {
    const [verb = ""] = wordsOf(line);
    if (verb === "STLS") return { kind: "tls", answer: latin1Bytes("+OK Begin TLS negotiation\r\n") };
    if (["USER", "PASS", "APOP", "AUTH"].includes(verb) || !this.#outstanding.push(verb)) this.done = true;
    return PASS;
  }

  program(line: Uint8Array): Uint8Array {
    const text = latin1Text(line);
    if (this.#inList) {
      this.#offered ||= /^STLS\r?\n$/i.test(text);
      if (!/^\.\r?\n$/.test(text)) return line;
      this.#inList = false;
      this.#outstanding.answered();
      return this.#offered ? line : latin1Bytes(`STLS\r\n${text}`);
    }
    if (this.done) return line;
    if (this.#outstanding.current !== "CAPA") {
      this.#outstanding.answered();
      return line;
    }
    this.#offered = false;
    if (text.startsWith("+OK")) this.#inList = true;
    else {
      this.#outstanding.answered();
      return latin1Bytes("+OK Capability list follows\r\nUSER\r\nSTLS\r\n.\r\n");
    }
    return line;
  }
}

class ImapProxy implements StarttlsProxy {
  done = false;

  client(line: Uint8Array): ClientLine {
    const [, verb = ""] = wordsOf(line);
    const tag = /^\S+/.exec(latin1Text(line.subarray(0, 1000)))?.[0] ?? "*";
    if (verb === "STARTTLS") return { kind: "tls", answer: latin1Bytes(`${tag} OK Begin TLS negotiation now\r\n`) };
    if (verb === "LOGIN" || verb === "AUTHENTICATE") this.done = true;
    return PASS;
  }

  program(line: Uint8Array): Uint8Array {
    if (this.done) return line;
    const text = latin1Text(line);
    if (/\bSTARTTLS\b/i.test(text)) return line;
    const list = /^\* CAPABILITY\b[^\r\n]*/i.exec(text)?.[0];
    if (list !== undefined) return latin1Bytes(`${list} STARTTLS${text.slice(list.length)}`);
    return latin1Bytes(text.replace(/^(\S+ OK \[CAPABILITY [^\]]*)\]/i, "$1 STARTTLS]"));
  }
}
