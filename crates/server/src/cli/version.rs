//! The text of `roadstead --version`.

use roadstead_model::{Day, Timestamp};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What this program can do beyond what every registry does, for reports of faults.
const FEATURES: &[&str] = &["sqlite", "postgresql", "s3", "https", "acme"];

/// Several lines: version, commit, date, features and target. `build.rs` supplies what git knows, if it does.
pub(super) fn long() -> String {
    let build = match (env!("ROADSTEAD_COMMIT"), date(env!("ROADSTEAD_COMMIT_TIME"))) {
        ("", None) => String::new(),
        (commit, date) => format!(" ({})", [commit, &date.unwrap_or_default()].join(" ").trim()),
    };
    format!("{VERSION}{build}\nfeatures: {}\ntarget: {}", FEATURES.join(", "), env!("ROADSTEAD_TARGET"))
}

/// The day of this number of seconds since the Unix epoch.
fn date(seconds: &str) -> Option<String> {
    seconds.parse().ok().map(|seconds| Day::of(Timestamp::from_seconds(seconds)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_that_of_the_commit_and_none_if_it_is_unknown() {
        assert_eq!(date("1795651200").as_deref(), Some("2026-11-26"));
        assert_eq!(date(""), None);
    }
}
