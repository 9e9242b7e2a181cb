"""Which programs are known to only read, and what they may be asked for. Data only.

Listed is what does no harm whatever the other arguments are: no option that writes, runs a program, follows links out
of a directory, or reads names of files from a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Program:
    """What a program may be asked for.

    Attributes:
        short: letters of its short options.
        valued: letters of those that take a value, in the same word or the next.
        long: its long options, written out. GNU programs take abbreviations of them; those are unclear to us.
        positionals: how many other arguments it may have.
        numeric: `-5` and `+5` are options.
        here: with fewer other arguments it looks at the directory it is in.
        roams: letter of the option with which it does so; always, if empty.
        globs: the shell may look up names for it: whatever they are, no option among them does harm, and of what a
            link leads to only names and sizes are shown.
    """

    short: str = ""
    valued: str = ""
    long: frozenset[str] = frozenset()
    positionals: int = 1000
    numeric: bool = False
    globs: bool = False
    here: int = 0
    roams: str = ""


def _long(names: str) -> frozenset[str]:
    return frozenset(f"--{name}" for name in names.split())


PROGRAMS: Mapping[str, Program] = {
    "basename": Program("az", "s"),
    "cat": Program("AbeEnstTuv", long=_long("number number-nonblank show-all show-ends show-tabs squeeze-blank")),
    "cmp": Program("bls", "in"),
    "comm": Program("123i"),
    "cut": Program("snz", "bcdf", long=_long("bytes characters delimiter fields only-delimited complement")),
    "df": Program("hHkiPTl", long=_long("human-readable inodes")),
    # Not recursive: it would follow links.
    "diff": Program("abBcdeEHinpqsTtuwyZ", "CUIW", long=_long("brief unified ignore-all-space")),
    "dirname": Program("z"),
    "du": Program("abchHkmsSx", "dt", long=_long("human-readable max-depth summarize all total"), globs=True, here=1),
    "file": Program("bikN", long=_long("brief mime mime-type mime-encoding")),
    "grep": Program(
        "EFGPivwxclLnoqshHrabzZyUT",
        "eABCmdD",
        long=_long(
            "extended-regexp fixed-strings perl-regexp ignore-case invert-match word-regexp line-regexp count "
            "files-with-matches files-without-match line-number only-matching quiet no-messages with-filename "
            "no-filename recursive regexp after-context before-context context max-count include exclude exclude-dir "
            "color colour text binary-files"
        ),
        numeric=True,
        here=2,
        roams="r",
    ),
    "head": Program("qvz", "nc", long=_long("lines bytes quiet verbose"), numeric=True),
    "id": Program("ugnrGz", positionals=0),
    "ls": Program(
        "aAbBcCdfFgGhHiIklmnNopqQrRsStTuUvwxXZ1",
        long=_long(
            "all almost-all color group-directories-first human-readable recursive reverse size sort time "
            "time-style full-time classify directory inode numeric-uid-gid"
        ),
        globs=True,
        here=1,
    ),
    "md5sum": Program("btz"),
    "nl": Program("p", "bdfhilnsvw"),
    "nproc": Program(positionals=0, long=_long("all")),
    "pwd": Program("LP", positionals=0),
    "readlink": Program("efmnqsvz"),
    "realpath": Program("eLmPqsz"),
    "rg": Program(
        "nilcwvFSsuUNHIoqp0xPja.",
        "eABCmgtTMrd",
        long=_long(
            "files hidden no-ignore glob iglob type type-not type-list context after-context before-context "
            "ignore-case smart-case case-sensitive fixed-strings word-regexp line-regexp invert-match count "
            "count-matches files-with-matches files-without-match line-number no-line-number no-heading heading "
            "with-filename no-filename only-matching max-count max-depth max-columns multiline multiline-dotall pcre2 "
            "regexp json stats quiet color colors column trim sort sortr replace no-messages no-config text null "
            "unrestricted"
        ),
        here=2,
    ),
    "sha1sum": Program("btz"),
    "sha256sum": Program("btz"),
    "sort": Program("nrufhVbdgMscCizm", "kt", long=_long("numeric-sort reverse unique key field-separator stable")),
    "stat": Program("Lftx", "cn", long=_long("format printf dereference file-system terse"), globs=True),
    "tail": Program("qvz", "nc", long=_long("lines bytes quiet verbose"), numeric=True),
    "tr": Program("cCdst", long=_long("complement delete squeeze-repeats truncate-set1")),
    "tree": Program(
        "adfgipsuhDFCAQnrtvcUxJX", "LIP", long=_long("dirsfirst noreport prune gitignore filelimit du si"), here=1
    ),
    "true": Program(positionals=0),
    "uname": Program("asnrvmpio", positionals=0),
    "uniq": Program("cdDuiz", "fsw", long=_long("count repeated unique ignore-case"), positionals=1),
    "wc": Program("lwcmL", long=_long("lines words chars bytes max-line-length"), globs=True),
    "which": Program("as"),
    "whoami": Program(positionals=0),
}
FIND_TESTS = frozenset(
    """
    -name -iname -path -ipath -wholename -type -maxdepth -mindepth -size -mtime -mmin -ctime -atime -newer -empty
    -print -print0 -printf -ls -not -o -a -or -and -prune -regex -iregex -perm -user -group -links -true -false
    -readable -writable -executable -xdev -mount -depth -daystart -quit -regextype
    """.split()  # noqa: SIM905  (a list of names reads best so)
)
"""Words of `find` that only test and print."""
TEXT_ONLY = frozenset({"which", "tr", "basename", "dirname", "true"})
"""Programs whose arguments are no paths."""
