/** authcram: what a client answers to the challenge of a CRAM mechanism [man authcram.1], for scripts that log in. */
import { createHmac } from "node:crypto";
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { Usage } from "../../core/errors.ts";
import { formatBase64, parseBase64 } from "../../mail/sasl/base64.ts";
import { cramHashOf, tryParseMechanism } from "../../mail/sasl/mechanisms.ts";

export const applet = defineApplet({
  names: ["authcram"],
  section: 1,
  summary: "answer the challenge of a CRAM mechanism",
  role: "text",
  dialect: "qmail",
  options: {
    type: {
      flag: "t",
      value: "mechanism",
      help: "CRAM-MD5, CRAM-RIPEMD, CRAM-SHA1, CRAM-SHA224, CRAM-SHA256, CRAM-SHA384 or CRAM-SHA512; needed",
    },
  },
  operands: [
    { name: "username", help: "who logs in" },
    { name: "password", help: "his password" },
    { name: "challenge", help: "the server's challenge in base64, without the 334 or + before it" },
  ],
  description:
    "authcram prints the line that a client sends after the challenge: in base64 the name, a blank, and in hexadecimal the " +
    "HMAC of the decoded challenge with the password as its key.\n\nThe password can be seen by all users of this host while " +
    "the program runs.",
  exits: { 0: "the answer is printed", 100: "wrong call" },
  examples: [{
    command: "authcram -t CRAM-MD5 tim tanstaaftanstaaf PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+",
    help: "the example of RFC 2195",
  }],
  seeAlso: ["tcpclient(1)", "vchkpass(8)"],
  source: ["[man authcram.1]", "[rfc2195 2]"],
  async run(proc) {
    const [user = "", password = "", encoded = ""] = proc.args;
    const mechanism = tryParseMechanism((proc.options.type ?? "").toUpperCase());
    const hash = mechanism && cramHashOf(mechanism);
    if (!hash) throw new Usage(`-t ${proc.options.type ?? "is missing"}: a CRAM mechanism`);
    const challenge = parseBase64(encoded);
    if (!challenge || challenge.length === 0) throw new Usage("the challenge is not base64");
    const digest = createHmac(hash, utf8Bytes(password)).update(challenge).digest("hex");
    await proc.stdout.write(utf8Bytes(`${formatBase64(utf8Bytes(`${user} ${digest}`))}\n`));
  },
});
