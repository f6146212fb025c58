//! The gallery's own files. Their names hold a hash of their content, so browsers may keep them for ever.

use crate::http::{Reply, Response};
use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

struct Asset {
    /// The name without the hash.
    name: &'static str,
    media_type: &'static str,
    content: Bytes,
    path: String,
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        ("gallery.css", "text/css; charset=utf-8", include_str!("assets/gallery.css")),
        ("gallery.js", "text/javascript; charset=utf-8", include_str!("assets/gallery.js")),
        ("favicon.svg", "image/svg+xml", include_str!("assets/favicon.svg")),
    ]
    .map(|(name, media_type, source)| {
        let content = if media_type.starts_with("text/css") { without_comments(source) } else { source.to_owned() };
        Asset { name, media_type, path: hashed(name, &content), content: content.into() }
    })
});

/// A style sheet as browsers need it.
fn without_comments(css: &str) -> String {
    let mut parts = css.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + part.split_once("*/").map_or("", |(_, after)| after.trim_start()))
}

fn hashed(name: &str, content: &str) -> String {
    const DIGITS: usize = 12;
    let hash = hex::encode(Sha256::digest(content));
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    format!("/assets/{stem}.{}.{extension}", hash.get(..DIGITS).unwrap_or(&hash))
}

/// The path of an asset.
pub(super) fn path(name: &str) -> String {
    ASSETS.iter().find(|asset| asset.name == name).map(|asset| asset.path.clone()).unwrap_or_default()
}

/// Answers `path`, if it is one of an asset.
pub(super) fn answer(path: &str) -> Option<Response> {
    let asset = ASSETS.iter().find(|asset| asset.path == path)?;
    let reply = Reply::new(StatusCode::OK, asset.content.clone());
    let reply = reply.with_static(CONTENT_TYPE, asset.media_type).with_static(CACHE_CONTROL, "public, max-age=31536000, immutable");
    Some(reply.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_stay_small() {
        for (name, most) in [("gallery.css", 14_000), ("gallery.js", 3_000), ("favicon.svg", 1_000)] {
            let asset = ASSETS.iter().find(|asset| asset.name == name).unwrap();
            assert!(asset.content.len() <= most, "{name}: {} bytes", asset.content.len());
        }
    }

    #[test]
    fn a_style_sheet_is_sent_without_its_comments() {
        assert_eq!(without_comments("/* a */\nb { }\n/* c\nd */ e { }"), "b { }\ne { }");
        assert_eq!((without_comments("a { }"), without_comments("a /* b")), ("a { }".into(), "a ".into()));
    }

    #[test]
    fn an_asset_has_one_name_which_changes_with_its_content() {
        assert!(answer(&path("gallery.css")).is_some() && answer("/assets/gallery.css").is_none() && path("other.css").is_empty());
        assert_ne!(hashed("a.css", "a"), hashed("a.css", "b"));
    }
}
