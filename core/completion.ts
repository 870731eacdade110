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
    if [[ \${COMP_WORDS[1]} == completion ]]; then
      COMPREPLY=($(compgen -W "${COMPLETION_SHELLS.join(" ")}" -- "$current"))
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
      const optional = spec.bare === undefined ? "" : "=-";
      return quoted(`${spec.repeat ? "*" : ""}${word}${optional}[${zshText(spec.help)}]${optional && ":"}${value}`);
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
    if [[ $name == completion ]]; then
      compadd -- ${COMPLETION_SHELLS.join(" ")}
      return
    fi
  fi
  case $name in
${cases.join("")}    *) _files ;;
  esac
}
compdef _indimail indimail ${names.map(quoted).join(" ")}
# read as a function of its own from fpath: complete at once
if [[ $funcstack[1] == _indimail ]]; then _indimail "$@"; fi
`;
}

function fishOption(command: string, spec: OptionSpec): string {
  const parts = [command];
  if (spec.flag !== undefined) parts.push(`-s ${quoted(spec.flag)}`);
  if (spec.long !== undefined) parts.push(`-l ${quoted(spec.long)}`);
  if (spec.value !== undefined && spec.bare === undefined) parts.push("-r");
  return `${parts.join(" ")} -d ${quoted(spec.help.replaceAll("\\", "\\\\"))}\n`;
}

/** `indimail` with the words that it takes first. */
const FISH_FIRST = "complete -c indimail -n __fish_use_subcommand";

/** `indimail` behind one of these words. */
function fishBehind(...words: readonly string[]): string {
  return `complete -c indimail -n ${quoted(`__fish_seen_subcommand_from ${words.join(" ")}`)}`;
}

function fishProgram(applet: Applet): string[] {
  const specs = specsOf(applet);
  const options = specs.flatMap((spec) => [
    ...applet.names.map((name) => fishOption(`complete -c ${quoted(name)}`, spec)),
    fishOption(fishBehind(...applet.names), spec),
  ]);
  const names = applet.names.map((name) => `${FISH_FIRST} -a ${quoted(name)} -d ${quoted(applet.summary)}\n`);
  return [...names, ...options];
}

function fishScript(applets: readonly Applet[]): string {
  const isOwn = ({ names }: Applet) => names.includes("indimail");
  const others = applets.filter((applet) => !isOwn(applet));
  const own = [
    ...OWN_WORDS.filter((word) => !word.startsWith("-")).map((word) => `${FISH_FIRST} -a ${quoted(word)}\n`),
    ...applets.filter(isOwn).flatMap((applet) => specsOf(applet).map((spec) => fishOption(FISH_FIRST, spec))),
    `${fishBehind("help")} -f -a ${quoted(allNames(others).join(" "))}\n`,
    `${fishBehind("completion")} -f -a ${quoted(COMPLETION_SHELLS.join(" "))}\n`,
  ];
  return `# fish completion for indimail\n${own.join("")}${others.flatMap(fishProgram).join("")}`;
}

/** The completion script of a shell for these programs. */
export function completionScript(shell: CompletionShell, applets: readonly Applet[]): string {
  if (shell === "bash") return bashScript(applets);
  return shell === "zsh" ? zshScript(applets) : fishScript(applets);
}
