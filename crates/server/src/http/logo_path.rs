//! The paths of repository logos, which catalog data refers to.

const FOLDER: &str = "/logo/";
const ENDING: &str = ".png";

/// The path of a logo. A repository's next logo has another name, so this one may be cached for ever.
pub(crate) fn of(name: &str) -> String {
    format!("{FOLDER}{name}{ENDING}")
}

/// Whether a path may be that of a logo.
pub(crate) fn is_one(path: &str) -> bool {
    path.starts_with(FOLDER)
}

/// The name of the logo at a path.
pub(crate) fn name(path: &str) -> Option<&str> {
    path.strip_prefix(FOLDER)?.strip_suffix(ENDING)
}
