/**
 * The header of a message as 822print shows it: subject, authors and date first, then what the envelope says, recipients,
 * where answers go, and at last all other fields. Lines have bold and underlined characters as nroff writes them: a
 * character, a backspace, the character again is bold; `_` and a backspace before it underline.
 */
import { addressLines } from "./addresses.ts";
import { fieldValue, type HeadField } from "./head.ts";
import { isoLocal, momentOf, parseWrittenDate } from "./message_date.ts";

/** How a character looks. */
type Style = "plain" | "bold" | "underlined";

/** A character of a line. */
interface StyledCharacter {
  readonly character: string;
  readonly style: Style;
}

const WIDTH = 78;
/** Columns that text on one side may take where both sides do not fit. */
const SIDE_WIDTH_MAX = 50;
const LEFT_WIDTH_MAX = 73;

const RULE = `${"-".repeat(78)}\n`;
const ENVELOPE_FIELDS: ReadonlySet<string> = new Set([
  "received",
  "delivered-to",
  "errors-to",
  "resent-sender",
  "resent-from",
  "resent-reply-to",
  "resent-to",
  "resent-cc",
  "resent-bcc",
  "resent-date",
  "resent-message-id",
]);
/** Fields shown by a line of their own kind; any other is shown as it is. */
const SHOWN_FIELDS: ReadonlySet<string> = new Set([
  "date",
  "subject",
  "to",
  "cc",
  "bcc",
  "apparently-to",
  "notice-requested-upon-delivery-to",
  "from",
  "sender",
  "reply-to",
  "mail-reply-to",
  "mail-followup-to",
  "message-id",
  "references",
  "in-reply-to",
  "return-path",
]);

/** How the addresses of a field are shown: in which words, before the right side with which, in which style. */
interface AddressView {
  readonly label: string;
  readonly before?: string;
  readonly style?: Style;
}

/** The text for the header. */
export function headView(fields: readonly HeadField[]): string {
  const view = new View(fields);
  return [
    view.subject(),
    view.addresses(["from"], { label: "From: " }),
    view.date(),
    view.addresses(["return-path"], { label: "Return-Path: ", before: "return " }),
    view.rawFields((name) => ENVELOPE_FIELDS.has(name)),
    view.rawFields((name) => name === "in-reply-to"),
    view.addresses(["references"], { label: "Ref: ", style: "underlined" }),
    view.addresses(["message-id"], { label: "Message-ID: ", style: "underlined" }),
    RULE,
    view.addresses(["to"], { label: "To: " }),
    view.addresses(["cc"], { label: "Cc: " }),
    view.addresses(["bcc", "apparently-to"], { label: "Bcc: " }),
    view.addresses(["notice-requested-upon-delivery-to"], { label: "Notice-Requested-Upon-Delivery-To: " }),
    RULE,
    view.addresses(["sender"], { label: "Sender: ", before: "sender " }),
    view.addresses(["reply-to"], { label: "Reply-To: ", before: "reply to " }),
    view.addresses(["mail-reply-to"], { label: "Mail-Reply-To: ", before: "reply to " }),
    view.addresses(["mail-followup-to"], { label: "Mail-Followup-To: ", before: "follow up to " }),
    view.rawFields((name) => !SHOWN_FIELDS.has(name) && !ENVELOPE_FIELDS.has(name)),
  ].join("");
}

class View {
  readonly #fields: readonly HeadField[];

  constructor(fields: readonly HeadField[]) {
    this.#fields = fields;
  }

  #named(...names: readonly string[]): readonly HeadField[] {
    return this.#fields.filter((field) => names.includes(field.name.toLowerCase()));
  }

  /** The values of all fields of that name, a NUL between two. */
  #joined(name: string): string {
    return this.#named(name).map(fieldValue).join("\0");
  }

  subject(): string {
    const right = styled(this.#joined("subject"), "underlined", "plain");
    return twoSidedLines(styled("Subject:", "plain", "underlined"), right);
  }

  date(): string {
    const dates = this.#named("date").map(fieldValue);
    const left = [...styled("Date:", "plain", "plain"), ...styled(dates.join("\0"), "plain", "underlined")];
    let moment: number | undefined;
    for (const value of dates) {
      const date = parseWrittenDate(value);
      if (date) moment = momentOf(date);
    }
    return moment === undefined
      ? leftLines(left)
      : twoSidedLines(left, styled(isoLocal(moment), "underlined", "plain"));
  }

  addresses(names: readonly string[], { label, before = "", style = "bold" }: AddressView): string {
    const start = styled(label, "plain", "plain");
    let text = "";
    let comment: StyledCharacter[] | undefined;
    for (const field of this.#named(...names)) {
      for (const line of addressLines(fieldValue(field))) {
        if (line.kind === "comment") {
          if (comment) text += leftLines(comment);
          comment = [...start, ...styled(line.text, "underlined", "plain")];
          continue;
        }
        const right = [...styled(before, "plain", "plain"), ...styled(line.text, style, "underlined")];
        text += twoSidedLines(comment ?? start, right);
        comment = undefined;
      }
    }
    return comment ? text + leftLines(comment) : text;
  }

  /** Fields line by line as they are. */
  rawFields(wanted: (name: string) => boolean): string {
    let text = "";
    for (const field of this.#fields) {
      if (!wanted(field.name.toLowerCase())) continue;
      const lines = field.raw.endsWith("\n") ? field.raw.slice(0, -1) : field.raw;
      for (const line of lines.split("\n")) text += leftLines(styled(line, "plain", "underlined"));
    }
    return text;
  }
}

/** Text in a style; what is not printable as octal digits in the other style, tabs as blanks. Text is latin1. */
function styled(text: string, style: Style, odd: Style): StyledCharacter[] {
  const characters: StyledCharacter[] = [];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 9) characters.push({ character: " ", style });
    else if (code >= 32 && code <= 126) characters.push({ character: text[at]!, style });
    else {for (const digit of `\\${code.toString(8).padStart(3, "0")}`) {
        characters.push({ character: digit, style: odd });
      }}
  }
  return characters;
}

function written(characters: readonly StyledCharacter[]): string {
  let text = "";
  for (const { character, style } of characters) {
    text += style === "bold" ? `${character}\b${character}` : style === "underlined" ? `_\b${character}` : character;
  }
  return text;
}

/** Lines of text on the left, broken at blanks. */
function leftLines(left: readonly StyledCharacter[]): string {
  let text = "";
  let at = 0;
  while (left.length - at > LEFT_WIDTH_MAX) {
    let width = LEFT_WIDTH_MAX;
    for (let end = LEFT_WIDTH_MAX - 1; end > 0; end--) {
      if (left[at + end]!.character !== " ") continue;
      width = end;
      break;
    }
    text += `${written(left.slice(at, at + width))}\n`;
    at += width;
  }
  return `${text}${written(left.slice(at))}\n`;
}

/** Lines with text on both sides. */
function twoSidedLines(left: readonly StyledCharacter[], right: readonly StyledCharacter[]): string {
  let text = "";
  let leftAt = 0;
  let rightAt = 0;
  while (left.length - leftAt + right.length - rightAt > WIDTH - 2) {
    const leftWidth = Math.min(SIDE_WIDTH_MAX, left.length - leftAt);
    const rightWidth = Math.min(SIDE_WIDTH_MAX, right.length - rightAt, WIDTH - 2 - leftWidth);
    text += written(left.slice(leftAt, leftAt + leftWidth)) + " ".repeat(WIDTH - leftWidth - rightWidth) +
      `${written(right.slice(rightAt, rightAt + rightWidth))}\n`;
    leftAt += leftWidth;
    rightAt += rightWidth;
  }
  const gap = " ".repeat(WIDTH - (left.length - leftAt) - (right.length - rightAt));
  return `${text}${written(left.slice(leftAt))}${gap}${written(right.slice(rightAt))}\n`;
}
