//! The text of a TOML file, to say on which line something is wrong.

use super::place::{ConfigError, Place};
use std::ops::Range;
use std::path::Path;

pub(super) struct TomlText<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl TomlText<'_> {
    /// The line that these bytes begin on.
    pub(super) fn place(&self, span: Range<usize>) -> Place {
        let before = self.text.bytes().take(span.start);
        Place::File(self.path.to_owned(), Some(before.filter(|byte| *byte == b'\n').count() + 1))
    }

    pub(super) fn refuse(&self, span: Range<usize>, reason: String) -> ConfigError {
        ConfigError { place: self.place(span), reason }
    }

    /// The parser's own error, on one line and in the words of TOML, whose tables have keys.
    pub(super) fn malformed(&self, error: &toml::de::Error) -> ConfigError {
        let place = error.span().map_or_else(|| Place::File(self.path.to_owned(), None), |span| self.place(span));
        ConfigError { place, reason: error.message().replace('\n', ", ").replace(" field `", " key `") }
    }
}
