import { strictEqual as equals } from "node:assert/strict";
import { createHmac } from "node:crypto";
import { Buffer } from "node:buffer";
import type { TlsState } from "../../core/stream.ts";
import { TEST_CERTIFICATE } from "../../tests/support/certificates.ts";
import { startSaslClient } from "./client.ts";
import { digestKeys } from "./digest_md5.ts";
import { takesToken } from "./mechanisms.ts";
import { formatBase64, parseBase64 } from "./base64.ts";
import { saltedPassword, scramKeys, scramServerSignature, verifyScramProof } from "./scram.ts";
import { SASL_MECHANISMS, SASL_RESPONSE_BYTES_MAX, startSasl } from "./server.ts";
import type { SaslMechanism, SaslStep, SaslVerifier } from "./server.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const bytes = (text: string) => encoder.encode(text);

/** One user with a password and, for SCRAM, salt and iterations. */
function verifierOf(
  user: string,
  password: string,
  scram: { saltBase64: string; iterations: number } = { saltBase64: "QSXCR+Q6sek8bf92", iterations: 4096 },
): SaslVerifier<boolean> {
  return {
    verifyPassword: (name, given) => Promise.resolve(name === user && given === password),
    verifyCram: (name, { hash, challenge, digestHex }) =>
      Promise.resolve(name === user && createHmac(hash, password).update(challenge).digest("hex") === digestHex),
    scramParameters: () => Promise.resolve(scram),
    async verifyScram(name, { hash, authMessage, proofBase64 }) {
      const salt = parseBase64(scram.saltBase64)!;
      const salted = await saltedPassword(password, salt, { hash, iterations: scram.iterations });
      const keys = scramKeys(hash, salted);
      const good = verifyScramProof(keys.storedKey, parseBase64(proofBase64)!, { hash, authMessage });
      const signature = scramServerSignature(hash, keys.serverKey, authMessage);
      return { result: name === user && good, serverSignatureBase64: formatBase64(signature) };
    },
    verifyDigest(name, exchange) {
      const { response, rspauth } = digestKeys({ user: name, password }, exchange);
      return Promise.resolve({ result: name === user && response === exchange.response, rspauth });
    },
    verifyToken: (name, token) => Promise.resolve((name === user || name === "") && token === password),
    succeeded: (result) => result,
  };
}

/** A TLS session with the certificate of the tests. */
const TLS: TlsState = {
  protocol: "TLSv1.3",
  cipher: "x",
  serverCertificate: new Uint8Array(
    Buffer.from(/BEGIN CERTIFICATE-----([^-]+)/.exec(TEST_CERTIFICATE)![1]!.replaceAll("\n", ""), "base64"),
  ),
};

function start(mechanism: SaslMechanism, verifier: SaslVerifier<boolean>, nonce = "3rfcNHYJY1ZVvWVs7j") {
  return startSasl(mechanism, verifier, {
    hostName: "mx.example",
    nonce: () => nonce,
    nowMs: 1_700_000_000_000,
    tls: TLS,
  });
}

function challengeText(step: SaslStep<boolean>): string {
  if (step.kind !== "challenge") throw new Error(`a challenge was due, not ${JSON.stringify(step)}`);
  return decoder.decode(step.bytes);
}

function resultOf(step: SaslStep<boolean>): boolean {
  if (step.kind !== "finished") throw new Error(`the end was due, not ${JSON.stringify(step)}`);
  return step.result;
}

function reasonOf(step: SaslStep<boolean>): string {
  if (step.kind !== "malformed") throw new Error(`malformed was due, not ${JSON.stringify(step)}`);
  return step.reason;
}

Deno.test("SCRAM-SHA-1 gives the messages of RFC 5802 5", async () => {
  const verifier = verifierOf("user", "pencil");
  const exchange = start("SCRAM-SHA-1", verifier);
  const first = await exchange.step(bytes("n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL"));
  equals(challengeText(first), "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096");
  const final = await exchange.step(
    bytes("c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="),
  );
  equals(challengeText(final), "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
  equals(resultOf(await exchange.step(bytes(""))), true);
});

Deno.test("SCRAM-SHA-256 gives the messages of RFC 7677 3", async () => {
  const verifier = verifierOf("user", "pencil", { saltBase64: "W22ZaJ0SNY7soEsUEjb6gQ==", iterations: 4096 });
  const exchange = start("SCRAM-SHA-256", verifier, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
  equals(challengeText(await exchange.step(undefined)), "");
  const first = await exchange.step(bytes("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
  equals(
    challengeText(first),
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
  );
  const final = await exchange.step(
    bytes(
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    ),
  );
  equals(challengeText(final), "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  equals(resultOf(await exchange.step(undefined)), true);
});

Deno.test("CRAM-MD5 computes the digest of RFC 2195 2", async () => {
  const client = startSaslClient("CRAM-MD5", { user: "tim", password: "tanstaaftanstaaf", nonce: () => "x" });
  const answer = await client.answer(bytes("<1896.697170952@postoffice.reston.mci.net>"));
  equals(decoder.decode(answer), "tim b913a602c7eda7a495b4e6e7334d3890");
});

Deno.test("CRAM-MD5 takes user names with blanks and digests in upper case", async () => {
  const exchange = start("CRAM-MD5", verifierOf("tim the user", "secret"));
  const sent = challengeText(await exchange.step(undefined));
  equals(sent, "<3rfcNHYJY1ZVvWVs7j.1700000000@mx.example>");
  const digestHex = createHmac("md5", "secret").update(sent).digest("hex").toUpperCase();
  equals(resultOf(await exchange.step(bytes(`tim the user ${digestHex}`))), true);
});

Deno.test("PLAIN takes the messages of RFC 4616 4 and refuses to act for another user", async () => {
  const verifier = verifierOf("tim", "tanstaaftanstaaf");
  equals(resultOf(await start("PLAIN", verifier).step(bytes("\0tim\0tanstaaftanstaaf"))), true);
  equals(resultOf(await start("PLAIN", verifier).step(bytes("tim\0tim\0tanstaaftanstaaf"))), true);
  equals(resultOf(await start("PLAIN", verifier).step(bytes("\0tim\0wrong"))), false);
  equals(
    reasonOf(await start("PLAIN", verifier).step(bytes("Ursel\0tim\0tanstaaftanstaaf"))),
    "may not act for another user",
  );
});

for (const mechanism of SASL_MECHANISMS) {
  for (const early of [true, false]) {
    Deno.test(`${mechanism} works with our client ${early ? "with" : "without"} an initial response`, async () => {
      for (const password of takesToken(mechanism) ? ["ab.c-d_e~f+g/1=="] : ["pass word, =x", "päßwörd €"]) {
        const user = `wör"ld,=us\\er@example.org`;
        for (const given of [password, "wrong"]) {
          const exchange = start(mechanism, verifierOf(user, password));
          const client = startSaslClient(mechanism, {
            user,
            password: given,
            nonce: () => "clientnonce",
            tls: TLS,
          });
          const initial = client.initialResponse;
          let step = await exchange.step(early ? initial : undefined);
          if (!early && initial) step = await exchange.step(initial);
          for (let rounds = 0; step.kind === "challenge" && rounds < 4; rounds++) {
            step = await exchange.step(await client.answer(step.bytes));
          }
          equals(resultOf(step), given === password);
        }
      }
    });
  }

  Deno.test(`${mechanism} refuses long responses and anything after the end`, async () => {
    const exchange = start(mechanism, verifierOf("u", "p"));
    equals(
      reasonOf(await exchange.step(new Uint8Array(SASL_RESPONSE_BYTES_MAX + 1))).startsWith("response longer"),
      true,
    );
    equals(reasonOf(await exchange.step(bytes("\0u\0p"))), "the exchange is over");
  });
}

Deno.test("responses that break a mechanism's rules are malformed", async () => {
  const verifier = verifierOf("user", "pencil");
  const cases: readonly (readonly [SaslMechanism, readonly (string | Uint8Array | undefined)[]])[] = [
    ["PLAIN", ["user"]],
    ["PLAIN", [undefined, undefined]],
    ["PLAIN", ["\0\0pencil"]],
    ["PLAIN", ["\0user\0"]],
    ["PLAIN", ["\0user\0pencil\0"]],
    ["PLAIN", [`\0${"u".repeat(1025)}\0p`]],
    ["PLAIN", [`\0u\0${"é".repeat(513)}`]],
    ["PLAIN", [new Uint8Array([0, 0xff, 0, 0x41])]],
    ["LOGIN", [""]],
    ["LOGIN", ["user", ""]],
    ["LOGIN", ["us\0er"]],
    ["CRAM-MD5", ["user 00112233445566778899aabbccddeeff"]],
    ["CRAM-MD5", [undefined, "user"]],
    ["CRAM-MD5", [undefined, " 00112233445566778899aabbccddeeff"]],
    ["CRAM-MD5", [undefined, "user 00112233445566778899aabbccddeefg"]],
    ["CRAM-SHA1", [undefined, "user 00112233445566778899aabbccddeeff"]],
    ["CRAM-SHA512", ["user"]],
    ["DIGEST-MD5", ["x"]],
    ["DIGEST-MD5", [undefined, ""]],
    ["DIGEST-MD5", [undefined, 'username="user"']],
    ["XOAUTH2", [""]],
    ["XOAUTH2", ["user=u\x01auth=Basic abc\x01\x01"]],
    ["XOAUTH2", ["auth=Bearer abc\x01\x01"]],
    ["XOAUTH2", ["user=u\x01auth=Bearer a b\x01\x01"]],
    ["OAUTHBEARER", ["user=u\x01auth=Bearer abc\x01\x01"]],
    ["OAUTHBEARER", ["n,a=u,\x01host=h\x01\x01"]],
    ["OAUTHBEARER", ["p=tls-unique,a=u,\x01auth=Bearer abc\x01\x01"]],
    ["OAUTHBEARER", ["n,a=u,\x01auth=Bearer abc\x01auth=Bearer abd\x01\x01"]],
    ["SCRAM-SHA-256-PLUS", ["n,,n=user,r=abc"]],
    ["SCRAM-SHA-256-PLUS", ["y,,n=user,r=abc"]],
    ["SCRAM-SHA-256-PLUS", ["p=tls-unique,,n=user,r=abc"]],
    ["SCRAM-SHA-256-PLUS", ["p=tls-server-end-point,,n=user,r=abc", "c=biws,r=abc3rfcNHYJY1ZVvWVs7j,p=AAAA"]],
    ["SCRAM-SHA-1", [""]],
    ["SCRAM-SHA-1", ["p=tls-unique,,n=user,r=abc"]],
    ["SCRAM-SHA-1", ["x,,n=user,r=abc"]],
    ["SCRAM-SHA-1", ["n,a=other,n=user,r=abc"]],
    ["SCRAM-SHA-1", ["n,,n=us=er,r=abc"]],
    ["SCRAM-SHA-1", ["n,,n=,r=abc"]],
    ["SCRAM-SHA-1", ["n,,m=ext,n=user,r=abc"]],
    ["SCRAM-SHA-1", ["n,,n=user,r="]],
    ["SCRAM-SHA-1", ["n,,n=user,r=a b"]],
    ["SCRAM-SHA-1", ["n,,r=abc,n=user"]],
    ["SCRAM-SHA-256", ["n,,n=user,r=abc", "c=biws,r=abc,p=AAAA"]],
    ["SCRAM-SHA-256", ["n,,n=user,r=abc", "c=eSws,r=abc3rfcNHYJY1ZVvWVs7j,p=AAAA"]],
    ["SCRAM-SHA-256", ["n,,n=user,r=abc", "c=biws,r=abc3rfcNHYJY1ZVvWVs7j,p=A*A="]],
    ["SCRAM-SHA-256", ["n,,n=user,r=abc", "c=biws,r=abc3rfcNHYJY1ZVvWVs7j"]],
  ];
  for (const [mechanism, responses] of cases) {
    const exchange = start(mechanism, verifier);
    let step: SaslStep<boolean> = { kind: "challenge", bytes: new Uint8Array() };
    for (const response of responses) {
      step = await exchange.step(typeof response === "string" ? bytes(response) : response);
    }
    equals(step.kind, "malformed", `${mechanism} ${JSON.stringify(responses)}`);
  }
});

Deno.test("the SCRAM client refuses a server that does not know the password", async () => {
  const client = startSaslClient("SCRAM-SHA-1", { user: "u", password: "p", nonce: () => "abc" });
  await client.answer(bytes("r=abcdef,s=QSXCR+Q6sek8bf92,i=4096"));
  let refused = "";
  try {
    await client.answer(bytes("v=rmF9pqV8S7suAoZWja4dJRkFsKQ="));
  } catch (error) {
    refused = (error as Error).message;
  }
  equals(refused, "authentication: the server could not prove that it knows the password");
  equals(client.complete, false);
});

Deno.test("the SCRAM client refuses malformed challenges", async () => {
  for (
    const text of [
      "",
      "r=abc,s=QQ==,i=4096",
      "r=xbcdef,s=QQ==,i=1",
      "r=abcdef,s=QQ=,i=1",
      "r=abcdef,s=QQ==,i=0",
      "r=abcdef,s=QQ==,i=99999999",
    ]
  ) {
    const client = startSaslClient("SCRAM-SHA-256", { user: "u", password: "p", nonce: () => "abc" });
    let refused = "";
    try {
      await client.answer(bytes(text));
    } catch (error) {
      refused = (error as Error).name;
    }
    equals(refused, "Permanent", text);
  }
});
