//! The logos of repositories, which catalog data refers to.

use crate::http::{Call, Reply, Response, logo_path};
use crate::server::Server;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

/// The logo at the path of a request.
pub(crate) async fn serve(server: &Server, call: &Call) -> Response {
    let name = logo_path::name(call.uri.path());
    let found = match name {
        Some(name) => server.installation.logo(name).await,
        None => Ok(None),
    };
    let reply = match found {
        Ok(Some(png)) => Reply::new(StatusCode::OK, png)
            .with_static(CONTENT_TYPE, "image/png")
            .with_static(CACHE_CONTROL, "public, max-age=31536000, immutable"),
        Ok(None) => Reply::text(StatusCode::NOT_FOUND, "There is no such logo.\n"),
        Err(error) => {
            tracing::error!(%error, request_id = call.request_id(), "cannot read a logo");
            Reply::text(StatusCode::SERVICE_UNAVAILABLE, "The registry cannot answer now.\n")
        }
    };
    reply.into_response()
}
