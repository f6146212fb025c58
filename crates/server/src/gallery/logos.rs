//! The logos of repositories, which catalog data point at.

use crate::http::{Call, Response, logo_path, plain};
use crate::server::Server;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};

/// The PNG of this path.
pub(crate) async fn serve(server: &Server, call: &Call) -> Response {
    let name = logo_path::name(call.uri.path());
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
