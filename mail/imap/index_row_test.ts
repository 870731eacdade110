/** ENVELOPE and BODYSTRUCTURE as a mailbox index keeps them. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { parseMime } from "../mime/parse.ts";
import { imapBodyStructure } from "./body_structure.ts";
import { imapEnvelope } from "./envelope.ts";
import { indexRow, MessageIndexer } from "./index_row.ts";

const envelope = (header: string) => latin1Text(imapEnvelope(latin1Bytes(header)));
const structure = (message: string, extended: boolean) =>
  latin1Text(imapBodyStructure(parseMime(latin1Bytes(message)), { extended }));

Deno.test("an empty header has an envelope of NILs", () => {
  assertEquals(envelope("\n"), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
});

Deno.test("sender and reply-to default to from, groups have their marks [rfc3501 7.4.2]", () => {
  assertEquals(
    envelope(
      "From: A <a@x>\nReply-To: r@x\nTo: G: b@y, c@z;, undisclosed:;\nMessage-Id: <1@x>\nIn-Reply-To: <0@x>\n\n",
    ),
    '(NIL NIL (("A" NIL "a" "x")) (("A" NIL "a" "x")) ((NIL NIL "r" "x")) ' +
      '((NIL NIL "G" NIL)(NIL NIL "b" "y")(NIL NIL "c" "z")(NIL NIL NIL NIL)(NIL NIL "undisclosed" NIL)(NIL NIL NIL NIL)) ' +
      'NIL NIL "<0@x>" "<1@x>")',
  );
});

Deno.test("quotes, 8-bit text and folding survive", () => {
  assertEquals(
    envelope('Subject: a "b"\\\r\n c\r\nFrom: "X \\"Y\\"" <a@b>\r\nTo: J\xfc <j@x>\r\nCc: x@a\r\nCc: y@b\r\n\r\n'),
    '(NIL "a \\"b\\"\\\\ c" (("X \\"Y\\"" NIL "a" "b")) (("X \\"Y\\"" NIL "a" "b")) (("X \\"Y\\"" NIL "a" "b")) ' +
      '(({2}\r\nJ\xfc NIL "j" "x")) ((NIL NIL "x" "a")(NIL NIL "y" "b")) NIL NIL NIL)',
  );
});

Deno.test("the fast way through plain addresses says what the parser says", () => {
  const plain = ["a@b", "<a@b>", "A B <a@b>", '"A, (B)" <a@b>', "a@b, c@d,e@f", "A <a@b>, <c@d>"];
  const odd = (text: string) => `( ) ${text}`; // the comment keeps it from being plain
  for (const text of plain) assertEquals(envelope(`To: ${text}\n\n`), envelope(`To: ${odd(text)}\n\n`), text);
  assertEquals(envelope("To: a@b>\n\n").includes('((NIL NIL "a" "b"))'), true);
});

Deno.test("a text part has its lines, a message its envelope, others only their size", () => {
  assertEquals(structure("\nx\ny\n", false), '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 6 2)');
  assertEquals(
    structure(
      'Content-Type: image/png; name="a b.png"\nContent-Id: <i>\nContent-Transfer-Encoding: BASE64\n\nabc',
      true,
    ),
    '("image" "png" ("name" "a b.png") "<i>" NIL "base64" 3 NIL NIL NIL NIL)',
  );
  assertEquals(
    structure("Content-Type: message/rfc822\n\nSubject: s\n\nhello\n", false),
    '("message" "rfc822" NIL NIL NIL "7bit" 21 (NIL "s" NIL NIL NIL NIL NIL NIL NIL NIL) ' +
      '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 7 1) 3)',
  );
});

Deno.test("a text without a character set has that of its RFC", () => {
  assertEquals(
    structure("Content-Type: TEXT/HTML; x=y\n\nx", false),
    '("TEXT" "HTML" ("charset" "us-ascii" "x" "y") NIL NIL "7bit" 1 0)',
  );
});

Deno.test("a multipart lists its parts, with disposition and language in the long form", () => {
  const message = "Content-Type: multipart/mixed; boundary=b\nContent-Language: en, de\n\n--b\n" +
    'Content-Disposition: attachment; filename="x.txt"\nContent-MD5: q\n\na\n--b--\n';
  assertEquals(
    structure(message, true),
    '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 "q" ("attachment" ("filename" "x.txt")) NIL NIL) ' +
      '"mixed" ("boundary" "b") NIL ("en" "de") NIL)',
  );
  assertEquals(structure(message, false), '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0) "mixed")');
});

Deno.test("a multipart without parts and a message too deep stay within the grammar", () => {
  assertEquals(
    structure("Content-Type: multipart/mixed\n\nx", false),
    '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0) "mixed")',
  );
  assertEquals(
    structure("Content-Type: multipart/mixed; boundary=b\n\nx\n", true),
    '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 1 NIL NIL NIL NIL) "mixed" ("boundary" "b") NIL NIL NIL)',
  );
  assert(structure("Content-Type: message/rfc822\n\n".repeat(120), true).includes('"application" "octet-stream"'));
});

Deno.test("the row is the same for LF and CRLF files and for any pieces", () => {
  const text =
    "From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: text/html\n\ntwo\n--b--\n";
  const network = latin1Bytes(text.replaceAll("\n", "\r\n"));
  const row = indexRow(latin1Bytes(text));
  assertEquals(row.sizeBytes, network.length);
  assertEquals(row.headerFileBytes, 53);
  assertEquals(latin1Text(indexRow(network).bodyStructure), latin1Text(row.bodyStructure));
  const indexer = new MessageIndexer();
  for (const byte of latin1Bytes(text)) indexer.push(Uint8Array.of(byte));
  assertEquals(indexer.finish(), row);
});
