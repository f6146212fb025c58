//! Filters of the search. In the index each is a term that no text can contain.

/// What repositories can be narrowed down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Facet {
    Verified,
    Signed,
    Kind,
    OperatingSystem,
    Architecture,
    /// The alias of the publisher.
    Publisher,
}

/// The facets whose values are few, so that a page can offer all of them.
pub const OFFERED: [Facet; 5] = [Facet::Verified, Facet::Signed, Facet::Kind, Facet::OperatingSystem, Facet::Architecture];

/// The beginning of the terms of [`OFFERED`], and the end of their range.
pub const RANGE: (&str, &str) = ("\u{1}", "\u{2}");

/// The term of every listed repository.
pub const ALL: &str = "\u{1}all";

impl Facet {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Verified => "\u{1}verified",
            Self::Signed => "\u{1}signed",
            Self::Kind => "\u{1}kind=",
            Self::OperatingSystem => "\u{1}os=",
            Self::Architecture => "\u{1}arch=",
            Self::Publisher => "\u{2}by=",
        }
    }

    /// The term of a value. The value of `Verified` and `Signed` is empty.
    pub fn term(self, value: &str) -> String {
        format!("{}{value}", self.prefix())
    }

    /// The facet and the value of a term.
    pub fn of_term(term: &str) -> Option<(Self, &str)> {
        OFFERED.into_iter().find_map(|facet| Some((facet, term.strip_prefix(facet.prefix())?)))
    }
}

/// Whether a term is a filter and not a word.
pub fn is_filter(term: &str) -> bool {
    term.starts_with(['\u{1}', '\u{2}'])
}

/// Operating systems of Go (`GOOS`), and the AWS gallery's words for them.
const OPERATING_SYSTEMS: &[(&str, &str)] = &[
    ("linux", "Linux"),
    ("windows", "Windows"),
    ("darwin", "macOS"),
    ("macos", "macOS"),
    ("freebsd", "FreeBSD"),
    ("wasip1", "WASI"),
    ("wasi", "WASI"),
];

/// Architectures of Go (`GOARCH`) and other usual names, and the AWS gallery's words for them.
const ARCHITECTURES: &[(&str, &str)] = &[
    ("amd64", "x86-64"),
    ("x86_64", "x86-64"),
    ("x86-64", "x86-64"),
    ("x86 64", "x86-64"),
    ("arm64", "ARM 64"),
    ("aarch64", "ARM 64"),
    ("arm 64", "ARM 64"),
    ("arm", "ARM"),
    ("386", "x86"),
    ("i386", "x86"),
    ("x86", "x86"),
    ("loong64", "LoongArch 64"),
    ("mips64le", "MIPS 64"),
    ("ppc64le", "ppc64le"),
    ("riscv64", "RISC-V 64"),
    ("s390x", "s390x"),
    ("wasm", "wasm"),
];

/// The word for an operating system by which searches are filtered. `None` for one that is not known: owners and images can name any.
pub fn operating_system(name: &str) -> Option<&'static str> {
    known(OPERATING_SYSTEMS, name)
}

/// The word for an architecture by which searches are filtered. `None` for one that is not known.
pub fn architecture(name: &str) -> Option<&'static str> {
    known(ARCHITECTURES, name)
}

fn known(names: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    let matches = |(alias, word): &&(&str, &str)| alias.eq_ignore_ascii_case(name) || word.eq_ignore_ascii_case(name);
    names.iter().find(matches).map(|(_, word)| *word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gallery::search::words::words;

    #[test]
    fn names_of_go_and_of_owners_become_those_of_aws() {
        let names = ["amd64", "AMD64", "ARM64", "arm", "386", "S390X", "x86 64", "LoongArch 64"].map(architecture);
        let expected = ["x86-64", "x86-64", "ARM 64", "ARM", "x86", "s390x", "x86-64", "LoongArch 64"].map(Some);
        assert_eq!(names, expected);
        assert_eq!(["linux", "Windows", "<script>"].map(operating_system), [Some("Linux"), Some("Windows"), None]);
    }

    #[test]
    fn a_term_tells_its_facet_and_value() {
        for facet in OFFERED {
            let term = facet.term("x");
            assert_eq!(Facet::of_term(&term), Some((facet, "x")));
            assert!(term.as_str() > RANGE.0 && term.as_str() < RANGE.1);
        }
        assert_eq!((Facet::of_term(ALL), Facet::of_term("nginx"), Facet::of_term(&Facet::Publisher.term("x"))), (None, None, None));
    }

    #[test]
    fn no_word_is_a_filter() {
        for term in [ALL.to_owned(), Facet::Kind.term("chart"), Facet::Verified.term(""), Facet::Publisher.term("docker")] {
            assert!(is_filter(&term) && words(&term).all(|word| !is_filter(&word)), "{term}");
        }
    }
}
