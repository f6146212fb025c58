//! The logos of repositories, which catalog data point at.

use super::{Call, Response, plain};
use crate::Server;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

const FOLDER: &str = "/logo/";
const ENDING: &str = ".png";

/// The path under which a logo is served. A repository's next logo has another name, so this one may be kept for ever.
pub(crate) fn logo_path(name: &str) -> String {
    format!("{FOLDER}{name}{ENDING}")
}

/// Whether a path may be that of a logo.
pub(super) fn is_logo(path: &str) -> bool {
    path.starts_with(FOLDER)
}

/// The PNG of this path.
pub(super) async fn serve(server: &Server, call: &Call) -> Response {
    let name = call.uri.path().strip_prefix(FOLDER).and_then(|name| name.strip_suffix(ENDING));
    let found = match name {
        Some(name) => server.installation.logo(name).await,
        None => Ok(None),
    };
    match found {
        Ok(Some(png)) => image(png),
        Ok(None) => plain(StatusCode::NOT_FOUND, "There is no such logo.\n"),
        Err(error) => {
            tracing::error!(%error, request_id = call.request_id(), "a logo could not be read");
            plain(StatusCode::SERVICE_UNAVAILABLE, "The registry cannot answer now.\n")
        }
    }
}

fn image(png: Vec<u8>) -> Response {
    let mut response = plain(StatusCode::OK, png);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/png"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    response
}
