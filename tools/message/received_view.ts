/** Received fields in an easier form: the moment first, then the words, from, by, for and id on lines of their own. */
import { fieldValue, type HeadField } from "./head.ts";
import { ctimeText, momentOf, parseWrittenDate } from "./message_date.ts";
import { type Token, tokensOf } from "./tokens.ts";

const BREAK = "\n\t\t\t ";
const LINE_WORDS = ["from", "by", "for", "id"];

/** The text for the Received fields among these, the first hop first. */
export function receivedView(fields: readonly HeadField[]): string {
  const received = fields.filter((field) => field.name.toLowerCase() === "received");
  return received.reverse().map((field) => receivedText(fieldValue(field))).join("");
}

function receivedText(value: string): string {
  const date = parseWrittenDate(value);
  return `${date ? ctimeText(momentOf(date)) : "\t\t\t"} ${tokensText(tokensOf(value))}\n`;
}

function tokensText(tokens: readonly Token[]): string {
  let text = "";
  /** Blanks are left out at the start; the first behind a word may become a line end; none is special behind a `;`. */
  let place: "start" | "middle" | "behind blank" | "behind semicolon" = "start";
  for (const token of tokens) {
    if (token.kind === "space") {
      if (place !== "start" && place !== "behind blank") text += " ";
      if (place === "middle") place = "behind blank";
      continue;
    }
    if (token.kind === "special" && token.text === ";") {
      if (place === "middle" || place === "behind blank") text += BREAK;
      text += ";";
      place = "behind semicolon";
      continue;
    }
    const breaks = token.kind === "word" && place === "behind blank" && LINE_WORDS.includes(token.text.toLowerCase());
    if (breaks) text += BREAK;
    text += token.kind === "comment" ? `(${token.text})` : token.text;
    if (place !== "behind semicolon") place = "middle";
  }
  return text;
}
