/** Tests of logins by every method: what the lookup daemon is asked, and accounts of the system. */
import { createHmac } from "node:crypto";
import { libcrypt } from "../../core/libc/crypt.ts";
import { parseDirectives } from "../../mail/sasl/digest_directives.ts";
import { digestKeys } from "../../mail/sasl/digest_md5.ts";
import type { LoginLookup } from "../../storage/accounts/lookup_verifier.ts";
import type { AuthResult } from "../../storage/accounts/lookup_types.ts";
import { hashPassword } from "../../storage/accounts/passwords.ts";
import { assertEquals } from "../../tests/support/assert.ts";
import type { LoginMethod } from "./checkpassword.ts";
import { checkSystemLogin } from "./system_password.ts";
import { callerContext, digestExchange, type LoginParts, verifyLogin } from "./verify_login.ts";

libcrypt();

const DENIED: AuthResult = { kind: "denied" };
const FORBIDDEN: AuthResult = { kind: "forbidden", reason: "asked" };
const CONTEXT = { service: "auth", remoteHost: "192.0.2.1" } as const;
const CHALLENGE = 'realm="mx",nonce="n1",qop="auth",charset=utf-8,algorithm=md5-sess';

/** A daemon that notes what it is asked. */
function noted(): { readonly asked: unknown[][]; readonly lookup: LoginLookup } {
  const asked: unknown[][] = [];
  const note = (...question: unknown[]) => {
    asked.push(question);
    return Promise.resolve(FORBIDDEN);
  };
  return {
    asked,
    lookup: {
      verifyPassword: (...question) => note("password", ...question),
      verifyCram: (...question) => note("cram", ...question),
      verifyDigest: async (...question) => ({ result: await note("digest", ...question), rspauth: "" }),
      scramParameters: () => Promise.resolve({ saltBase64: "", iterations: 1 }),
      verifyScram: async (...question) => ({ result: await note("scram", ...question), serverSignatureBase64: "" }),
      verifyToken: (...question) => note("token", ...question),
    },
  };
}

function digestAnswer(password: string): string {
  const exchange = { realm: "mx", nonce: "n1", cnonce: "c1", nc: "00000001", qop: "auth", uri: "smtp/mx" };
  const { response } = digestKeys({ user: "ann", password }, exchange);
  return `username="ann",realm="mx",nonce="n1",cnonce="c1",nc=00000001,qop=auth,digest-uri="smtp/mx",response=${response}`;
}

Deno.test("each method asks its own question, with the texts in their places", async () => {
  const { asked, lookup } = noted();
  const ask = (method: LoginMethod, password: string, response: string) =>
    verifyLogin(lookup, { name: "ann", password, response, method }, CONTEXT);
  assertEquals(await ask({ kind: "password" }, "secret", "<stamp>"), { result: FORBIDDEN, proof: "" });
  await ask({ kind: "cram", hash: "sha1" }, "<1@b>", "ABCD");
  await ask({ kind: "digest" }, CHALLENGE, digestAnswer("secret"));
  await ask({ kind: "scram", hash: "sha-256" }, "n=ann,r=x,r=xy,s=z,i=4096,c=biws,r=xy", "cHJvb2Y=");
  await ask({ kind: "token" }, "ey.token", "");
  assertEquals(asked.map(([kind, name]) => [kind, name]), [
    ["password", "ann"],
    ["cram", "ann"],
    ["digest", "ann"],
    ["scram", "ann"],
    ["token", "ann"],
  ]);
  assertEquals(asked[0], ["password", "ann", "secret", CONTEXT]);
  assertEquals(asked[1]?.[2], { hash: "sha1", challenge: "<1@b>", digestHex: "abcd" });
  assertEquals(asked[3]?.[2], {
    hash: "sha-256",
    authMessage: "n=ann,r=x,r=xy,s=z,i=4096,c=biws,r=xy",
    proofBase64: "cHJvb2Y=",
  });
  assertEquals(await ask({ kind: "password" }, "", ""), { result: DENIED, proof: "" });
  assertEquals(asked.length, 5);
});

Deno.test("an answer of DIGEST-MD5 must be one to the nonce of the challenge", () => {
  const answer = digestAnswer("secret");
  assertEquals(digestExchange(CHALLENGE, answer)?.nonce, "n1");
  assertEquals(digestExchange("n1", answer)?.response, parseDirectives(answer)?.get("response"));
  assertEquals(digestExchange(CHALLENGE.replace("n1", "n2"), answer), undefined);
  assertEquals(digestExchange(CHALLENGE, "no directives"), undefined);
  const lines = "digest-uri=smtp/mx\nnc=00000001\nnonce=n1\ncnonce=c1\nqop=auth\nrealm=mx";
  const response = parseDirectives(answer)?.get("response") ?? "";
  assertEquals(digestExchange(response, lines), digestExchange(CHALLENGE, answer));
  assertEquals(digestExchange("", answer.replace('nonce="n1"', 'nonce=""')), undefined);
});

Deno.test("the service is told by name or by port", () => {
  const of = (variables: Readonly<Record<string, string>>) => callerContext((name) => variables[name]);
  assertEquals(of({}), { service: "auth", remoteHost: "" });
  assertEquals(of({ TCPLOCALIP: "192.0.2.9", DOMAIN_LIMITS: "" }), {
    service: "auth",
    remoteHost: "",
    localHost: "192.0.2.9",
    withLimits: true,
  });
  assertEquals(of({ AUTHSERVICE: "imaps", TCPLOCALPORT: "25" }).service, "imap");
  assertEquals(of({ SERVICE: "pop3" }).service, "pop3");
  assertEquals(of({ SERVICE: "lmtp", TCPLOCALPORT: "587", TCPREMOTEIP: "::1" }), {
    service: "smtp",
    remoteHost: "::1",
  });
});

Deno.test("a system account is entered by its password, or where it is asked for by its hash as the secret of challenges", async () => {
  const isRight = async (login: LoginParts, stored: string | undefined, hashIsSecret = true) =>
    (await checkSystemLogin(login, stored, { hashIsSecret })).right;
  const hash = await hashPassword("wonderland", "SHA-256");
  const password = (text: string, stored: string | undefined) =>
    isRight({ name: "ann", password: text, response: "", method: { kind: "password" } }, stored);
  assertEquals(await password("wonderland", hash), true);
  assertEquals(await password("other", hash), false);
  assertEquals(await password("wonderland", undefined), false);
  assertEquals([await password(hash, hash), await password("", hash)], [false, false]);
  for (const locked of ["!", "*", "x", "", `!${hash}`]) assertEquals(await password(locked, locked), false);
  const digestHex = createHmac("md5", hash).update("<1@b>").digest("hex");
  const cram = { name: "ann", password: "<1@b>", method: { kind: "cram", hash: "md5" } } as const;
  assertEquals(await isRight({ ...cram, response: digestHex.toUpperCase() }, hash), true);
  assertEquals(await isRight({ ...cram, response: digestHex }, hash, false), false);
  assertEquals(await isRight({ ...cram, response: digestHex }, "!"), false);
  assertEquals(await isRight({ ...cram, response: "" }, hash), false);
  const digest = { name: "ann", password: CHALLENGE, method: { kind: "digest" } } as const;
  assertEquals(await isRight({ ...digest, response: digestAnswer(hash) }, hash), true);
  assertEquals(await isRight({ ...digest, response: digestAnswer("other") }, hash), false);
  assertEquals(await isRight({ ...digest, response: digestAnswer(hash), method: { kind: "token" } }, hash), false);
});
