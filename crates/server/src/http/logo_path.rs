//! The paths of repository logos, which catalog data refers to.

const DIRECTORY: &str = "/logo/";
const EXTENSION: &str = ".png";

/// The path of a logo. A new logo of the repository has a new name, so responses may be cached for ever.
pub(crate) fn of(name: &str) -> String {
    format!("{DIRECTORY}{name}{EXTENSION}")
}

/// Whether a path belongs to the logos' directory.
pub(crate) fn is_one(path: &str) -> bool {
    path.starts_with(DIRECTORY)
}

/// The name of the logo at a path.
pub(crate) fn name(path: &str) -> Option<&str> {
    path.strip_prefix(DIRECTORY)?.strip_suffix(EXTENSION)
}
