/**
 * Completion scripts for bash, zsh and fish: names of programs behind `indimail`, options behind each program. Made of
 * the declarations; operands complete as files.
 */
import type { Applet, OptionSpec } from "./applet.ts";

/** Shells that a script can be made for. */
export const COMPLETION_SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell that a script can be made for. */
export type CompletionShell = (typeof COMPLETION_SHELLS)[number];

/** What may stand behind `indimail` besides names of programs. */
const OWN_WORDS = ["help", "link", "completion", "--list", "--version", "--root"];

function specsOf(applet: Applet): OptionSpec[] {
  return Object.values(applet.options);
}

function spellings(spec: OptionSpec): string[] {
  const words = [];
  if (spec.flag !== undefined) words.push(`-${spec.flag}`);
  if (spec.long !== undefined) words.push(`--${spec.long}`);
  return words;
}

/** Text in single quotes for the shell; fish reads it alike but for the quote itself, which no declaration needs. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "’")}'`;
}

function allNames(applets: readonly Applet[]): string[] {
  return applets.flatMap(({ names }) => names).sort();
}

function bashScript(applets: readonly Applet[]): string {
  const cases = applets.map((applet) => {
    const words = ["--help", ...specsOf(applet).flatMap(spellings)].join(" ");
    return `    ${applet.names.map(quoted).join("|")}) words=${quoted(words)} ;;\n`;
  });
  const names = allNames(applets).filter((name) => name !== "indimail");
  return `# bash completion for indimail
_indimail() {
  local current=\${COMP_WORDS[COMP_CWORD]} name=\${COMP_WORDS[0]##*/} words=
  COMPREPLY=()
  if [[ $name == indimail ]]; then
    if ((COMP_CWORD == 1)) || [[ \${COMP_WORDS[1]} == help && $COMP_CWORD == 2 ]]; then
      COMPREPLY=($(compgen -W "${[...OWN_WORDS, ...names].join(" ")}" -- "$current"))
      return
    fi
    name=\${COMP_WORDS[1]}
  fi
  [[ $current == -* ]] || return
  case $name in
${cases.join("")}  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _indimail indimail ${names.map(quoted).join(" ")}
`;
}

/** Text inside an argument of zsh's _arguments. */
function zshText(text: string): string {
  return text.replace(/[\[\]:\\]/g, "\\$&");
}

function zshArguments(applet: Applet): string {
  const words = specsOf(applet).flatMap((spec) =>
    spellings(spec).map((word) => {
      const value = spec.value === undefined ? "" : `:${zshText(spec.value)}:_files`;
      return quoted(`${spec.repeat ? "*" : ""}${word}[${zshText(spec.help)}]${value}`);
    })
  );
  return ["'--help[show how it is called]'", ...words, "'*:operand:_files'"].join(" ");
}

function zshScript(applets: readonly Applet[]): string {
  const names = allNames(applets).filter((name) => name !== "indimail");
  const cases = applets.filter(({ names }) => !names.includes("indimail")).map((applet) =>
    `    ${applet.names.map(quoted).join("|")}) _arguments ${zshArguments(applet)} ;;\n`
  );
  return `#compdef indimail ${names.join(" ")}
_indimail() {
  local name=\${service:t}
  if [[ $name == indimail ]]; then
    if ((CURRENT == 2)); then
      compadd -- ${[...OWN_WORDS, ...names].map(quoted).join(" ")}
      return
    fi
    shift words
    ((CURRENT--))
    name=$words[1]
    if [[ $name == help ]]; then
      compadd -- ${names.map(quoted).join(" ")}
      return
    fi
  fi
  case $name in
${cases.join("")}    *) _files ;;
  esac
}
compdef _indimail indimail ${names.map(quoted).join(" ")}
`;
}

function fishOption(name: string, spec: OptionSpec): string {
  const parts = [`complete -c ${quoted(name)}`];
  if (spec.flag !== undefined) parts.push(`-s ${quoted(spec.flag)}`);
  if (spec.long !== undefined) parts.push(`-l ${quoted(spec.long)}`);
  if (spec.value !== undefined) parts.push("-r");
  return `${parts.join(" ")} -d ${quoted(spec.help.replaceAll("\\", "\\\\"))}\n`;
}

function fishScript(applets: readonly Applet[]): string {
  const lines = applets.flatMap((applet) =>
    applet.names.flatMap((name) => [
      name === "indimail"
        ? ""
        : `complete -c indimail -n __fish_use_subcommand -a ${quoted(name)} -d ${quoted(applet.summary)}\n`,
      ...specsOf(applet).map((spec) => fishOption(name, spec)),
    ])
  );
  const own = OWN_WORDS.filter((word) => !word.startsWith("-")).map((word) =>
    `complete -c indimail -n __fish_use_subcommand -a ${quoted(word)}\n`
  );
  return `# fish completion for indimail\n${own.join("")}${lines.join("")}`;
}

/** The completion script of a shell for these programs. */
export function completionScript(shell: CompletionShell, applets: readonly Applet[]): string {
  if (shell === "bash") return bashScript(applets);
  return shell === "zsh" ? zshScript(applets) : fishScript(applets);
}
