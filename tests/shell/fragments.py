"""Makes command lines of the shell's grammar, and then breaks some of them."""

from random import Random

PROGRAMS = ["a", "b", "c", "rm", "ls", "p1", "p2", "p3"]
BUILTINS = ["echo", ":", "true", "eval", "command", "exec", "test", "printf", "export", "read", "cd", "time", "trap"]
WORDS = ["x", "y", "-n", "f.py", "1", "--k=v", "a", "rm", "'a b'", "'; rm'", "'$(rm)'", "'#x'", "'\\'", "'\"'", "'\n'"]
EXPANSIONS = [
    "$v", "${v}", "${v:-x}", "${#v}", "${v%x}", "$((1+2))", "$'a\\'b'", "\\ x", "\\;", "a\\'b", "*", "x#y", "{a,b}",
    "~", "a=b", "${v:-$(p3)}", '""x', 'x"y"z', '"$v"', '"`p1`"', '"a $(p2 x)"',
]  # fmt: skip
REDIRECTIONS = [
    ">f", "> f", "2>/dev/null", "2>&1", "<f", ">>f", "&>f", "<<<x", ">&2", "<&-", "3>f", ">|f", ">f x", "> $(p1)",
]  # fmt: skip
TOKENS = [
    *PROGRAMS, "\n", ";", "&", "|", "||", "&&", "|&", "(", ")", "{ ", " }", "{", "}", "$(", "`", '"', "'", "$", "${",
    "\\", "\\\n", "<", "> f", ">g", "2>h", "2>&1", "<<E\n", "\nE\n", "<<'E'\n", "<<<", "#", " # ", " ", "  ", "\t",
    "!", "! ", "if ", "then ", "fi", "else ", "elif ", "while ", "do ", "done", "for ", "in ", "case ", "esac", ";;",
    "function ", "f()", "time ", "coproc ", "[[ ", " ]]", "[ ", " ]", "((", "))", "$((", "+", "=", "==", "=~", "x=1",
    "PATH=.", "$v", '"$v"', "${v}", "$w", "~", "*", "?", "é", "<(", ">(", "&>", "&>>", ">|", "<>", ">&", "-", "--",
    "-v", "-x", "eval ", "exec ", "trap ", "'a; b'", '"b c"', "$'", '$"', "a[0]=", "a=(", "declare ", "export ",
    "unset ", "let ", "test ", "-eq ", "-o ", "{1..3}", "@(", "!(", "\\;", "`a`", "$(b)", "$(<f)", "\r", "\x0b",
    "\x0c", "\xa0", "E", "<<-E\n\t", "select ", "until ", "env ", "xargs ", "read ", "printf -v ", "$1", "$@", "$#",
    "12>", "&1", "{fd}>", "[", "]", "^", "\\a", "A=", "+=", "$[", "alias a=b", "shopt -s expand_aliases\n", "# c\n",
    "'$(evil)'", "'a[$(evil)]'", "$u", '"$u"', '"$w"', "<&", "mapfile ", "getopts ", "hash ", "${v:", "${v[", "+=(",
    ";&", '"\n', "'\n", "a\\\nb", "<<\\E\n", '"`', '`"', '"$(',
]  # fmt: skip


def command_line(random: Random) -> str:
    """Return a text that is often a valid command line, and often nearly one."""
    kind = random.random()
    if kind < 0.2:
        return "".join(random.choice(TOKENS) + random.choice(["", " "]) for _ in range(random.randint(1, 9)))
    text = _statement(random, random.randint(0, 3))
    return text if kind < 0.4 else _broken(random, text)


def _broken(random: Random, text: str) -> str:
    for _ in range(random.randint(1, 3)):
        start = random.randint(0, len(text))
        kind = random.random()
        if kind < 0.5:
            text = text[:start] + random.choice(TOKENS) + text[start:]
        elif kind < 0.8:
            text = text[:start] + text[start + random.randint(1, 3) :]
        else:
            text = text[:start] + text[random.randint(0, len(text)) :]
    return text[:600]


def _word(random: Random, depth: int) -> str:
    kind = random.random()
    if kind < 0.6:
        return random.choice(WORDS)
    if kind < 0.75:
        return random.choice(EXPANSIONS)
    if depth and kind < 0.9:
        before, after = random.choice([("$(", ")"), ('"$(', ')"'), ("<(", ")"), ("${v:-$(", ")}"), ('"x $(', ' )$v"')])
        return before + _statement(random, depth - 1) + after
    return random.choice(WORDS) + random.choice([*WORDS, *EXPANSIONS])


def _simple(random: Random, depth: int) -> str:
    if random.random() < 0.05:
        return random.choice(["[ -f x ]", "[ x = y ]", '[ -n "$v" ]', "[[ $v == a* && ! -f x ]]", "[[ a =~ ^(b|c)$ ]]"])
    parts = [random.choice(["x=1", "x=", "x=$v", "X='a b'"])] if random.random() < 0.1 else []
    parts.append(random.choice(PROGRAMS if random.random() < 0.9 else BUILTINS))
    parts += [_word(random, depth) for _ in range(random.randint(0, 3))]
    if random.random() < 0.15:
        parts.insert(random.randint(0, len(parts)), random.choice(REDIRECTIONS))
    return random.choice([" ", " ", "  ", "\t", " \\\n"]).join(parts)


def _statement(random: Random, depth: int) -> str:
    if not depth or random.random() < 0.3:
        return _simple(random, depth)
    first, second = _statement(random, depth - 1), _statement(random, depth - 1)
    end = random.choice([";", "\n", "; ", "\n "])
    word = _word(random, depth - 1)
    joint = random.choice([" | ", " && ", " || ", "; ", " & ", "|", "&&", "||", ";", "&", "\n", " |& ", "&&\n", "|\n"])
    delimiter = random.choice(["E", "'E'", '"E"', "\\E"])
    body = "".join(random.choice(["x", "\n", "$v", "$(p1 y)", "`p2`", "\\$", "'", '"', "$", "E", "\\"]) for _ in "1234")
    return random.choice(
        [
            first + joint + second,
            first + joint + second,
            f"({first})",
            f"{{ {first}{end}}} {random.choice(['', *REDIRECTIONS])}",
            f"if {first}{end}then {second}{end}fi",
            f"if {first}{end}then {second}{end}else {first}{end}fi",
            f"for i in {word} {word}{end}do {first}{end}done",
            f"while {first}{end}do {second}{end}done",
            f"case {word} in x|y) {first};; *) {second}{end}esac",
            f"f() {{ {first}{end}}}{end}f",
            f"function rm {{ {first}{end}}}{end}rm x",
            f"! {first}",
            f"time {first}",
            f"{_simple(random, 0)} <<{delimiter}{random.choice([' ', ' | ', ' && ', ' >f '])}\n{body}\nE\n{second}",
            f"{_simple(random, 0)} <<{delimiter} | {second}\n{body}\nE\n",
            f"{first} # it's $(rm)\n{second}",
        ]
    )
